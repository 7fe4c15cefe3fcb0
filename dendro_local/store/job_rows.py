"""A row of the jobs table as a record, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dendro_local.file_urls import console_url, file_url, other_url, usage_log_url
from dendro_local.model import (
    Digest,
    Job,
    JobDefinition,
    JobId,
    OtherFileOutput,
    OutputFileResult,
    RequiredResources,
)

__all__ = [
    "COLUMNS",
    "JobFiles",
    "StoredFile",
    "StoredJob",
    "job_of_row",
    "row_of",
    "stored_job",
]


class StoredFile(msgspec.Struct, frozen=True, array_like=True):
    """A file that a job left: a blob, or a URL that the app set instead."""

    digest: Digest | None
    size: int | None
    url: str | None = None


class JobFiles(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a finished job left."""

    outputs: Mapping[str, StoredFile] = {}
    others: Mapping[str, StoredFile] = {}
    console: StoredFile | None = None
    usage: StoredFile | None = None

    def find(self, output: str, base_name: str) -> StoredFile | None:
        """The file that the last two parts of a stable URL name, if the job left it."""
        if output == "console_output":
            return self.console
        if output == "resource_utilization_log":
            return self.usage
        return self.others.get(base_name) if output == "other" else self.outputs.get(output)

    def all(self) -> list[StoredFile]:
        """Every file, in no particular order."""
        logs = [file for file in (self.console, self.usage) if file is not None]
        return [*self.outputs.values(), *self.others.values(), *logs]

    def size(self) -> int:
        """How many bytes they have together."""
        return sum(file.size or 0 for file in self.all())


NO_FILES = JobFiles()


class StoredJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the store keeps it: its record, and what the contract's record has no field for."""

    number: int
    record: Job
    files: JobFiles
    app_version: str | None
    must_run: bool
    """Whether it is not to take over the outputs of an equal job."""
    note: str | None
    claim_token: str | None
    lease_until: float | None
    attempts: int


COLUMNS = (
    "number, job_id, service_name, app_name, processor_name, user_id, batch_id, definition, "
    "definition_hash, content_key, app_version, dependencies, num_cpus, num_gpus, memory_gb, "
    "time_sec, targets, tags, files, status, is_runnable, canceled, error, note, created_at, "
    "starting_at, started_at, finished_at, updated_at, compute_client_id, compute_client_name, "
    "compute_client_user_id, image_uri, claim_token, lease_until, attempts"
)
"""The columns of the jobs table in the order in which `stored_job` takes them."""

_COLUMN_NAMES = COLUMNS.split(", ")

_definition = msgspec.json.Decoder(JobDefinition)
_files = msgspec.json.Decoder(JobFiles)
_strings = msgspec.json.Decoder(list[str])
_encode = msgspec.json.Encoder().encode


def stored_job(row: Sequence[Any]) -> StoredJob:
    """The record of a row with `COLUMNS`."""
    (
        number,
        job_id,
        service,
        app,
        processor,
        user_id,
        batch_id,
        definition_json,
        definition_hash,
        content_key,
        app_version,
        dependencies,
        num_cpus,
        num_gpus,
        memory_gb,
        time_sec,
        targets,
        tags,
        files_json,
        status,
        is_runnable,
        canceled,
        error,
        note,
        created_at,
        starting_at,
        started_at,
        finished_at,
        updated_at,
        client_id,
        client_name,
        client_user_id,
        image_uri,
        claim_token,
        lease_until,
        attempts,
    ) = row
    definition = _definition.decode(definition_json)
    files = NO_FILES if files_json is None else _files.decode(files_json)
    place = (service, app, processor, job_id)
    results = _results(place, definition, files)
    record = Job(
        jobId=job_id,
        serviceName=service,
        userId=user_id,
        batchId=batch_id,
        tags=[] if tags is None else _strings.decode(tags),
        jobDefinition=definition,
        jobDefinitionHash=definition_hash,
        jobDependencies=[] if dependencies is None else _strings.decode(dependencies),  # type: ignore[arg-type]  # ids
        requiredResources=RequiredResources(
            numCpus=num_cpus, numGpus=num_gpus, memoryGb=memory_gb, timeSec=time_sec
        ),
        targetComputeClientIds=None if targets is None else _strings.decode(targets),
        inputFileUrlList=[file.url for file in definition.inputFiles],
        outputFileUrlList=([result.url for result in results] if status == "completed" else []),
        outputFileResults=results,
        otherFileOutputs=(
            [OtherFileOutput(name=name, url=other_url(*place, name)) for name in files.others]
            if files.others
            else msgspec.UNSET
        ),
        consoleOutputUrl=console_url(*place),
        resourceUtilizationLogUrl=usage_log_url(*place),
        timestampCreatedSec=created_at,
        timestampStartingSec=starting_at,
        timestampStartedSec=started_at,
        timestampFinishedSec=finished_at,
        timestampUpdatedSec=updated_at,
        canceled=bool(canceled),
        status=status,
        isRunnable=bool(is_runnable),
        error=error,
        computeClientId=client_id,
        computeClientName=client_name,
        computeClientUserId=client_user_id,
        imageUri=image_uri,
    )
    return StoredJob(
        number=number,
        record=record,
        files=files,
        app_version=app_version,
        must_run=content_key == b"",
        note=note,
        claim_token=claim_token,
        lease_until=lease_until,
        attempts=attempts,
    )


def _results(
    place: tuple[str, str, str, JobId], definition: JobDefinition, files: JobFiles
) -> list[OutputFileResult]:
    results: list[OutputFileResult] = []
    for output in definition.outputFiles:
        stored = files.outputs.get(output.name)
        if stored is not None and stored.url is not None:
            url, size = stored.url, None
        elif output.urlDeterminedAtRuntime is True:
            url, size = "", None  # known when the app has said so
        else:
            url = file_url(*place, output.name, output.fileBaseName)
            size = None if stored is None else stored.size
        results.append(
            OutputFileResult(name=output.name, fileBaseName=output.fileBaseName, url=url, size=size)
        )
    return results


def row_of(job: Job, **more: Any) -> dict[str, Any]:
    """The columns of a job's record, with others that the record has no field for."""
    resources = job.requiredResources
    return {
        "job_id": job.jobId,
        "service_name": job.serviceName,
        "app_name": job.jobDefinition.appName,
        "processor_name": job.jobDefinition.processorName,
        "user_id": job.userId,
        "batch_id": job.batchId,
        "definition": encoded(job.jobDefinition),
        "definition_hash": job.jobDefinitionHash,
        "dependencies": encoded(job.jobDependencies) if job.jobDependencies else None,
        "num_cpus": resources.numCpus,
        "num_gpus": resources.numGpus,
        "memory_gb": float(resources.memoryGb),
        "time_sec": float(resources.timeSec),
        "targets": encoded_or_none(job.targetComputeClientIds),
        "tags": encoded(job.tags) if job.tags else None,
        "status": job.status,
        "is_runnable": int(job.isRunnable),
        "canceled": int(job.canceled),
        "error": job.error,
        "created_at": job.timestampCreatedSec,
        "starting_at": job.timestampStartingSec,
        "started_at": job.timestampStartedSec,
        "finished_at": job.timestampFinishedSec,
        "updated_at": job.timestampUpdatedSec,
        "compute_client_id": job.computeClientId,
        "compute_client_name": job.computeClientName,
        "compute_client_user_id": job.computeClientUserId,
        "image_uri": job.imageUri,
        **more,
    }


def job_of_row(row: Mapping[str, Any]) -> StoredJob:
    """The record of a row by its columns; those that it does not have are null."""
    return stored_job([row.get(column) for column in _COLUMN_NAMES])


def encoded(value: object) -> str:
    """Compact JSON text, as the columns that hold JSON have it."""
    return _encode(value).decode()


def encoded_or_none(value: object) -> str | None:
    """Compact JSON text, or null for None."""
    return None if value is None else encoded(value)
