"""Jobs as other stores tell of them, made by hand."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dendro_local.definition import definition_hash, normal_form
from dendro_local.file_urls import file_url
from dendro_local.model import (
    AppSpecification,
    Digest,
    JobDefinition,
    JobId,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    ProcessorInput,
    ProcessorOutput,
    ProcessorParameter,
    ProcessorSpecification,
    RequiredResources,
    ServiceApp,
)
from dendro_local.random_ids import random_id
from dendro_local.signed_records import (
    FileRecord,
    FilesRecord,
    JobEntry,
    JobRecord,
    statement_of_job,
)
from dendro_sync.remotes.remote import Refusal, Remote

SERVICE = "lab"
RESOURCES = RequiredResources(numCpus=2, numGpus=0, memoryGb=1.0, timeSec=60.0)


def _processor(
    name: str, *, inputs: tuple[str, ...] = (), outputs: tuple[str, ...] = ("output",)
) -> ProcessorSpecification:
    return ProcessorSpecification(
        name=name,
        description="For a test",
        label=name,
        image="lab/shapes:1",
        executable="/app/main.py",
        inputs=[ProcessorInput(name=each, description="") for each in inputs],
        outputs=[
            ProcessorOutput(
                name=each,
                description="",
                urlDeterminedAtRuntime=True if each == "published" else msgspec.UNSET,
            )
            for each in outputs
        ],
        parameters=[ProcessorParameter(name="name", type="str", description="")],
        attributes=[],
    )


APP = ServiceApp(
    serviceName=SERVICE,
    appName="shapes",
    appSpecificationUri="https://shapes.test/spec.json",
    appSpecificationCommit="",
    appSpecification=AppSpecification(
        name="shapes",
        description="For a test",
        processors=[
            _processor("make"),
            _processor("count", inputs=("input",)),
            _processor("publish", outputs=("published",)),
        ],
    ),
)


class MadeJob(NamedTuple):
    """A job with the files that it left."""

    record: JobRecord
    files: Mapping[Digest, bytes]
    tags: tuple[str, ...]

    @property
    def entry(self) -> JobEntry:
        return JobEntry(
            statement=msgspec.Raw(statement_of_job(self.record)), tags=self.tags, updatedSec=1.0
        )

    def output_url(self) -> str:
        """The stable URL of its output."""
        record = self.record
        place = (record.serviceName, record.jobDefinition.appName)
        return file_url(
            *place, record.jobDefinition.processorName, record.jobId, "output", "output.txt"
        )


def definition(
    name: str = "disk", *, processor: str = "make", input_url: str | None = None
) -> JobDefinition:
    """A definition of the app `APP`."""
    output = JobOutputFile(name="output", fileBaseName="output.txt")
    if processor == "publish":
        output = JobOutputFile(name="published", fileBaseName="page", urlDeterminedAtRuntime=True)
    return normal_form(
        JobDefinition(
            appName="shapes",
            processorName=processor,
            inputFiles=[]
            if input_url is None
            else [JobInputFile(name="input", fileBaseName="file.txt", url=input_url)],
            outputFiles=[output],
            parameters=[JobParameter(name="name", value=name)],
        )
    )


def made_job(
    name: str = "disk",
    *,
    output: bytes = b"a disk",
    parent: MadeJob | None = None,
    console: bytes | None = b"making\n",
    usage: bytes | None = None,
    others: Mapping[str, bytes] | None = None,
    tags: tuple[str, ...] = (),
    **more: Any,
) -> MadeJob:
    """A job that has completed; ``more`` are fields of its record."""
    wanted = more.pop("jobDefinition", None)
    if wanted is None:
        kind = "make" if parent is None else "count"
        url = None if parent is None else parent.output_url()
        wanted = definition(name, processor=kind, input_url=url)
    files: dict[Digest, bytes] = {}

    def kept(content: bytes) -> FileRecord:
        digest = Digest(sha256(content).hexdigest())
        files[digest] = content
        return FileRecord(digest=digest, size=len(content))

    left = FilesRecord(
        outputs={"output": kept(output)},
        others={each: kept(content) for each, content in (others or {}).items()},
        console=None if console is None else kept(console),
        usage=None if usage is None else kept(usage),
    )
    record = JobRecord(
        **{
            "jobId": JobId(random_id(20)),
            "serviceName": SERVICE,
            "userId": "local|elsewhere",
            "batchId": "batch",
            "jobDefinition": wanted,
            "jobDefinitionHash": definition_hash(wanted),
            "appVersion": None,
            "contentKey": None,
            "mustRun": False,
            "jobDependencies": [] if parent is None else [parent.record.jobId],
            "requiredResources": RESOURCES,
            "status": "completed",
            "canceled": False,
            "error": None,
            "timestampCreatedSec": 1.0,
            "timestampStartingSec": 2.0,
            "timestampStartedSec": 3.0,
            "timestampFinishedSec": 4.0,
            "computeClientId": None,
            "computeClientName": None,
            "computeClientUserId": None,
            "imageUri": None,
            "attempts": 1,
            "files": left,
            **more,
        }
    )
    return MadeJob(record, files, tags)


def push(remote: Remote, folder: Path, *jobs: MadeJob) -> list[Refusal]:
    """Send the files of jobs, and have the jobs there."""
    folder.mkdir(exist_ok=True)
    for job in jobs:
        for digest, content in job.files.items():
            (folder / digest).write_bytes(content)
    blobs = {digest: len(content) for job in jobs for digest, content in job.files.items()}
    for digest in remote.lacking_blobs(blobs):
        remote.send(digest, folder / digest, lambda _: None)
    return remote.put([job.entry for job in jobs])
