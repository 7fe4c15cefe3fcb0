"""Checking again that a job, and all that it came of, is what was signed, down to the inputs."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from dendro_local.definition import definition_hash
from dendro_local.errors import JobNotFound
from dendro_local.file_urls import parse_blob_url, parse_file_url
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.trust import Refused, trusted_signer
from dendro_local.model import Digest, JobId
from dendro_local.signed_records import FileRecord, JobRecord, read_job
from dendro_local.store import file_digest
from dendro_local.store.sharing import RemoteSettings
from dendro_sync.input_files import local_input
from dendro_sync.plan import parents_of
from dendro_sync.trust.keys import trust_policy

__all__ = ["FileState", "Verification", "VerifiedFile", "VerifiedJob", "verify"]

FileState = Literal["whole", "there", "awaited", "gone", "changed", "elsewhere"]
"""Read and whole; there, but not read; to be fetched; not in the store any more; with other bytes;
a URL of another place, or a file of another machine, of which nothing is known here."""


class VerifiedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a job took or gave."""

    name: str
    state: FileState
    digest: Digest | None = None


class VerifiedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job, and what is wrong with it."""

    jobId: JobId
    isVerified: bool
    """Whether a key that is trusted signed just this record, and its bytes are those."""
    keyId: str | None
    """Of the key that signed it."""
    signer: str | None
    """What the key is called here; "this store" for its own."""
    fault: str | None
    files: list[VerifiedFile]


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """A job and those that it came of, itself first."""

    isVerified: bool
    jobs: list[VerifiedJob]


def verify(hub: LocalHub, job_id: JobId, *, deep: bool = False) -> Verification:
    """Check a job and all that it came of: signatures, records, and bytes.

    Args:
        hub: whose store has it.
        job_id: of the job.
        deep: whether the bytes of all files are read, of every ancestor and of inputs; otherwise
            those of the job's own outputs.

    Raises:
        JobNotFound: there is no such job, or it has not ended.
    """
    checking = _Checking(hub)
    jobs: dict[JobId, VerifiedJob] = {}
    todo = [job_id]
    while todo:
        each = todo.pop()
        if each in jobs:
            continue
        record, jobs[each] = checking.job(each, reads_files=deep or each == job_id)
        if record is not None:
            todo += sorted(parents_of(record) - jobs.keys())
        elif each == job_id:
            raise JobNotFound(
                f"Job {job_id} is not here, or has not ended: only what has ended is signed."
            )
    return Verification(
        isVerified=all(each.isVerified for each in jobs.values()), jobs=list(jobs.values())
    )


class _Checking:
    """Checks jobs of one store, each file once."""

    def __init__(self, hub: LocalHub) -> None:
        self._hub = hub
        self._policy = trust_policy(hub, RemoteSettings())
        own = hub.shared.signing_key.public.key_id
        with hub.store.reading():
            trusted = hub.store.sharing.trusted_keys.all()
        self._names = {own: "this store", **{key.key_id: key.name for key in trusted}}
        self._read: dict[Digest, FileState] = {}

    def job(self, job_id: JobId, *, reads_files: bool) -> tuple[JobRecord | None, VerifiedJob]:
        """The record of a job, and what was found; None where there is none."""
        found = self._hub.shared.statement_of(job_id)
        if found is None:
            return None, _missing(job_id)
        statement, signatures = found
        record = read_job(statement)
        key_id, fault = None, None
        try:
            key_id = trusted_signer(statement, signatures, self._policy)
        except Refused as refused:
            fault = refused.reason
        if definition_hash(record.jobDefinition) != record.jobDefinitionHash:
            fault = fault or "Its definition has another hash than its record says."
        files = list(self._files(record, reads_files=reads_files))
        changed = [file.name for file in files if file.state == "changed"]
        if changed:
            fault = fault or f"The bytes of {', '.join(changed)} are others than what was signed."
        return record, VerifiedJob(
            jobId=job_id,
            isVerified=fault is None,
            keyId=key_id,
            signer=None if key_id is None else self._names.get(key_id),
            fault=fault,
            files=files,
        )

    def _files(self, record: JobRecord, *, reads_files: bool) -> Iterator[VerifiedFile]:
        for kind, files in (("output", record.files.outputs), ("file", record.files.others)):
            for name, file in files.items():
                yield self._output(f"{kind} {name}", file, reads_file=reads_files)
        with self._hub.store.reading():
            number = self._hub.stored(record.jobId).number
            places = self._hub.store.jobs.input_paths(number)
            is_own = self._hub.store.sharing.origins.of(number) is None
        for given in record.jobDefinition.inputFiles:
            digest = parse_blob_url(given.url)
            if digest is not None:
                path = local_input(self._hub, digest, places.get(given.url))
                lost: FileState = "gone" if is_own else "elsewhere"
                state: FileState = lost if path is None else "whole"
                yield VerifiedFile(name=f"input {given.name}", state=state, digest=digest)
            elif parse_file_url(given.url) is None:
                yield VerifiedFile(name=f"input {given.name}", state="elsewhere")

    def _output(self, name: str, file: FileRecord, *, reads_file: bool) -> VerifiedFile:
        if file.digest is None:
            return VerifiedFile(name=name, state="elsewhere")
        state = self._read.get(file.digest)
        if state is None:
            state = self._state(file.digest, file.size, reads_file=reads_file)
            if state != "there":
                self._read[file.digest] = state
        return VerifiedFile(name=name, state=state, digest=file.digest)

    def _state(self, digest: Digest, size: int | None, *, reads_file: bool) -> FileState:
        blob = self._hub.store.blobs.path(digest)
        try:
            if blob.stat().st_size != size:
                return "changed"
            if not reads_file:
                return "there"
            return "whole" if file_digest(blob)[0] == digest else "changed"
        except FileNotFoundError:
            with self._hub.store.reading():
                is_awaited = self._hub.store.sharing.awaited_blobs.is_awaited(digest)
            return "awaited" if is_awaited else "gone"


def _missing(job_id: JobId) -> VerifiedJob:
    return VerifiedJob(
        jobId=job_id,
        isVerified=False,
        keyId=None,
        signer=None,
        fault="It is not here, so that what it gave cannot be traced further.",
        files=[],
    )
