"""Jobs of a hub as entries: what other stores tell of a job, made of what the hub tells.

They are not signed, since nobody has. An entry says the same whoever made it and when, as long as
the hub and its files say the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import msgspec
from msgspec.structs import replace

from dendro_local.definition import definition_hash, normal_form
from dendro_local.errors import OutputNotFound
from dendro_local.local_hub.trust import Refused
from dendro_local.model import Job, JobDefinition
from dendro_local.signed_records import (
    FileRecord,
    FilesRecord,
    JobEntry,
    JobRecord,
    statement_of_job,
)
from dendro_sync.remotes.dendro.cursor import changed_at
from dendro_sync.remotes.dendro.hub_files import HubFiles

__all__ = ["Arriving", "OwnUrls"]

OwnUrls = Literal["kept", "stable"]
"""How files of the hub's own are called in definitions: as there, or as stores call theirs."""

AT_ONCE = 8
"""How many files are downloaded at the same time."""


class Arriving:
    """Makes entries of jobs.

    Args:
        files: where digests are from.
        own_urls: how definitions call files of the hub.
    """

    def __init__(self, files: HubFiles, own_urls: OwnUrls) -> None:
        self._files = files
        self._own_urls = own_urls

    def jobs(self, jobs: Sequence[Job], stable: Mapping[str, str]) -> Iterator[JobEntry | Refused]:
        """The entry of each job, or why there is none.

        Args:
            jobs: which have ended.
            stable: the stable URLs of all files of the hub that they read, by the hub's own.

        Raises:
            HubUnreachable: the hub, or who has its files, does not answer.
        """
        with ThreadPoolExecutor(AT_ONCE) as pool:
            files = [(job, pool.submit(self._files_of, job)) for job in jobs]
            try:
                for job, future in files:
                    try:
                        yield self._entry(job, future.result(), stable)
                    except Refused as refused:
                        yield Refused(refused.code, refused.reason, job.jobId)
            finally:
                pool.shutdown(cancel_futures=True)
                self._files.remember()

    def _entry(self, job: Job, files: FilesRecord, stable: Mapping[str, str]) -> JobEntry:
        definition = normal_form(job.jobDefinition)
        if definition_hash(definition) != job.jobDefinitionHash:
            definition = _with_urls(definition, stable)
            # Hubs of dendro-local hash what stores do, and show other URLs.
            if definition_hash(definition) != job.jobDefinitionHash:
                raise Refused("digest", "Its definition has another hash than the hub says.")
        elif self._own_urls == "stable":
            definition = _with_urls(definition, stable)
        record = JobRecord(
            jobId=job.jobId,
            serviceName=job.serviceName,
            userId=job.userId,
            batchId=job.batchId,
            jobDefinition=definition,
            jobDefinitionHash=definition_hash(definition),
            # The hub does not tell versions of an app apart.
            appVersion=None,
            # Of what nobody vouches for no store takes one.
            contentKey=None,
            mustRun=False,
            jobDependencies=job.jobDependencies,
            requiredResources=job.requiredResources,
            status="completed" if job.status == "completed" else "failed",
            canceled=job.canceled,
            error=job.error,
            timestampCreatedSec=job.timestampCreatedSec,
            timestampStartingSec=job.timestampStartingSec,
            timestampStartedSec=job.timestampStartedSec,
            timestampFinishedSec=job.timestampFinishedSec,
            computeClientId=job.computeClientId,
            computeClientName=job.computeClientName,
            computeClientUserId=job.computeClientUserId,
            imageUri=job.imageUri,
            attempts=0 if job.timestampStartingSec is None else 1,
            files=files,
        )
        return JobEntry(
            statement=msgspec.Raw(statement_of_job(record)),
            tags=job.tags,
            updatedSec=changed_at(job),
        )

    def _files_of(self, job: Job) -> FilesRecord:
        """What a job left: looked at, each file once.

        Raises:
            Refused: an output is not there, or not as the hub says.
        """
        set_by_app = {
            output.name
            for output in job.jobDefinition.outputFiles
            if output.urlDeterminedAtRuntime is True
        }
        outputs: dict[str, FileRecord] = {}
        for result in job.outputFileResults if job.status == "completed" else []:
            if result.name in set_by_app:
                outputs[result.name] = FileRecord(url=result.url)
                continue
            try:
                outputs[result.name] = self._file(result.url, result.size)
            except OutputNotFound as error:
                raise Refused("missing", f"Its output {result.name!r}: {error}") from error
        others: dict[str, FileRecord] = {}
        for other in [] if job.otherFileOutputs is msgspec.UNSET else job.otherFileOutputs:
            if (found := self._if_there(other.url)) is not None:
                others[other.name] = found
        return FilesRecord(
            outputs=outputs,
            others=others,
            console=self._if_there(job.consoleOutputUrl),
            usage=self._if_there(job.resourceUtilizationLogUrl),
        )

    def _if_there(self, url: str) -> FileRecord | None:
        """A file that a job can do without."""
        try:
            return self._file(url, None) if url else None
        except OutputNotFound:
            return None

    def _file(self, url: str, size: int | None) -> FileRecord:
        seen = self._files.look(url, size)
        return FileRecord(digest=seen.digest, size=seen.size)


def _with_urls(definition: JobDefinition, urls: Mapping[str, str]) -> JobDefinition:
    """A definition with other URLs for those of its inputs that have any."""
    files = [replace(file, url=urls.get(file.url, file.url)) for file in definition.inputFiles]
    return replace(definition, inputFiles=files)
