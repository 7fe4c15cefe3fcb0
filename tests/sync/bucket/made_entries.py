"""Entries as a store would send them, made here so that the tests need no store."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dendro_local.model import (
    AppSpecification,
    Digest,
    JobDefinition,
    JobId,
    RequiredResources,
)
from dendro_local.random_ids import random_id
from dendro_local.signed_records import (
    AppEntry,
    DeletedJob,
    FileRecord,
    FilesRecord,
    GoneEntry,
    JobEntry,
    JobRecord,
    SharedApp,
    Signature,
    SigningKey,
    statement_digest,
    statement_of_app,
    statement_of_deletion,
    statement_of_job,
)

KEY = SigningKey(bytes(range(32)))


def made_record(number: int, *, outputs: dict[str, bytes] | None = None) -> JobRecord:
    """A completed job whose definition is told by a number."""
    definition = JobDefinition(
        appName="hello",
        inputFiles=[],
        outputFiles=[],
        parameters=[],
        processorName="greet" if number % 2 == 0 else "part",
    )
    files = {
        name: FileRecord(digest=digest_of(data), size=len(data))
        for name, data in (outputs or {}).items()
    }
    return JobRecord(
        jobId=JobId(random_id(20)),
        serviceName="lab",
        userId="local",
        batchId="",
        jobDefinition=definition,
        jobDefinitionHash=definition_hash(number),
        appVersion="1.0",
        contentKey=hashlib.sha256(b"content %d" % number).hexdigest(),
        mustRun=False,
        jobDependencies=[],
        requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=1.0, timeSec=60.0),
        status="completed",
        canceled=False,
        error=None,
        timestampCreatedSec=1000.0 + number,
        timestampStartingSec=1001.0 + number,
        timestampStartedSec=1002.0 + number,
        timestampFinishedSec=1003.0 + number,
        computeClientId=None,
        computeClientName=None,
        computeClientUserId=None,
        imageUri=None,
        attempts=1,
        files=FilesRecord(outputs=files),
    )


def definition_hash(number: int) -> str:
    """That of the job of this number."""
    return hashlib.sha1(b"definition %d" % number).hexdigest()


def digest_of(data: bytes) -> Digest:
    """SHA-256 of bytes."""
    return Digest(hashlib.sha256(data).hexdigest())


def job_entry(record: JobRecord, tags: Sequence[str] = (), key: SigningKey = KEY) -> JobEntry:
    """The signed entry of a job."""
    statement = statement_of_job(record)
    return JobEntry(
        statement=msgspec.Raw(statement),
        signatures=_signatures(statement, key),
        tags=tuple(tags),
        updatedSec=2000.0,
    )


def job_entries(count: int, first: int = 0) -> dict[JobId, JobEntry]:
    """So many jobs with definitions of their own, by id."""
    records = [made_record(number) for number in range(first, first + count)]
    return {record.jobId: job_entry(record) for record in records}


def gone_entry(job_id: JobId) -> GoneEntry:
    """The signed deletion of a job."""
    statement = statement_of_deletion(
        DeletedJob(jobId=job_id, serviceName="lab", deletedSec=3000.0)
    )
    return GoneEntry(statement=msgspec.Raw(statement), signatures=_signatures(statement, KEY))


def app_entry(version: str = "1.0") -> AppEntry:
    """The signed entry of the app of all the jobs here."""
    statement = statement_of_app(
        SharedApp(
            serviceName="lab",
            appName="hello",
            appSpecificationUri="",
            appSpecificationCommit="",
            appSpecification=AppSpecification(name="hello", description="", processors=[]),
            version=version,
            sdk=None,
        )
    )
    return AppEntry(statement=msgspec.Raw(statement), signatures=_signatures(statement, KEY))


def digests(entries: dict[JobId, JobEntry]) -> dict[JobId, str]:
    """What is told of jobs when it is asked which of them are lacking."""
    return {job_id: statement_digest(bytes(each.statement)) for job_id, each in entries.items()}


def written(folder: Path, data: bytes) -> tuple[Digest, Path]:
    """A file with these bytes, and their digest."""
    digest = digest_of(data)
    file = folder / f"{digest}.source"
    file.write_bytes(data)
    return digest, file


def _signatures(statement: bytes, key: SigningKey) -> list[Signature]:
    return [Signature.of(key.public.key_id, key.sign(statement))]
