"""A job that ended here, on a hub of the original: run there once more, its files handed over.

The job is asked for, so that the hub finds the one that makes it unneeded; begun with its key, by
the steps that every run goes through; and ended as it ended here. Whatever is cut off is gone on
with the next time: the hub gives the same job again, and its key is on this disk.
"""

import contextlib
import logging
from collections.abc import Generator, Mapping, Sequence
from typing import NoReturn

import msgspec
from msgspec.structs import replace

from dendro_local.contract import (
    CancelJobRequest,
    CreateJobRequest,
    FindJobByDefinitionRequest,
    GetJobRequest,
    GetRunnableJobRequest,
    GetRunnableJobsForComputeClientRequest,
)
from dendro_local.errors import DendroError, HubUnreachable, InvalidRequest, NotAllowed
from dendro_local.file_urls import parse_blob_url, parse_file_url
from dendro_local.lifecycle import TERMINAL
from dendro_local.local_hub.trust import RefusalCode, Refused
from dendro_local.model import Digest, Job, JobDefinition, JobId, JobInputFile, JobStatus
from dendro_local.signed_records import JobRecord
from dendro_sync.remotes.dendro.calls import Calls, HubFault
from dendro_sync.remotes.dendro.hub_keys import HubKeys
from dendro_sync.remotes.dendro.hub_run import HubRun
from dendro_sync.remotes.dendro.job_urls import file_urls
from dendro_sync.remotes.dendro.listing import Listing
from dendro_sync.remotes.dendro.pushed_jobs import BegunJob, PushedJob, PushedJobs
from dendro_sync.remotes.dendro.uploads import OutgoingFile

__all__ = ["Pushing"]

logger = logging.getLogger(__name__)


class _JobReply(msgspec.Struct, frozen=True):
    job: Job | None = None


class _RunnableJobs(msgspec.Struct, frozen=True):
    runnableJobs: list[Job]


class Pushing:
    """Pushes jobs to one hub, one at a time.

    Args:
        calls: asks the hub.
        keys: who pushes.
        pushed: what is there already.
        files: the files that may go, by their digests.
    """

    def __init__(
        self,
        calls: Calls,
        keys: HubKeys,
        pushed: PushedJobs,
        files: Mapping[Digest, OutgoingFile],
    ) -> None:
        self._calls = calls
        self._listing = Listing(calls)
        self._keys = keys
        self._client_id = keys.compute_client_id or ""
        self._pushed = pushed
        self._files = files
        self._there: dict[JobId, Job] = {}
        self._closed: dict[str, str] = {}

    def push(self, record: JobRecord, digest: str, tags: Sequence[str]) -> None:
        """Have a job there.

        Args:
            record: of the job.
            digest: `statement_digest` of it.
            tags: that it is to have there too.

        Raises:
            Refused: it is not there then, and why.
            HubUnreachable: the hub does not answer; the next push goes on with what was begun.
            NotAuthenticated: the hub does not take the user's key.
        """
        if (reason := self._closed.get(record.serviceName)) is not None:
            raise Refused("not_allowed", reason)
        definition = self.their_definition(record.jobDefinition)
        parents = [self._parent(job_id).jobId for job_id in record.jobDependencies]
        there, is_new = self._created(record, definition, parents, tags)
        if there.status not in TERMINAL:
            self._run_to_end(record, self._begun(record, there, is_new=is_new), there.status)
        self._pushed.end(PushedJob(here=record.jobId, there=there.jobId, digest=digest))

    def give_up(self, here: JobId, reason: str) -> None:
        """Let a job fail there that was begun for one of this id, if there is one.

        Raises:
            HubUnreachable: the hub does not answer; it is begun still.
        """
        begun = self._pushed.begun(here)
        if begun is None or begun.has_failed:
            return
        try:
            self._run(begun.there, begun.key).set_status("failed", reason)
        except HubUnreachable:
            raise
        except DendroError:
            self._cancel(begun.there)  # it may not even have started
        self._pushed.begin(replace(begun, has_failed=True))

    # What the hub is asked for

    def their_definition(self, definition: JobDefinition) -> JobDefinition:
        """A definition as the hub has it: files of other jobs by the URLs that it gave them.

        Raises:
            Refused: it has not got one of them.
        """
        files = [replace(file, url=self._their_url(file)) for file in definition.inputFiles]
        return replace(definition, inputFiles=files)

    def _their_url(self, file: JobInputFile) -> str:
        if parse_blob_url(file.url) is not None:
            raise Refused(
                "missing",
                f"Its input {file.name!r} is a file of a machine. A hub of the original Dendro "
                "has none but those of its jobs.",
            )
        own = parse_file_url(file.url)
        if own is None:
            return file.url
        parent = self._parent(JobId(own.job_id))
        url = file_urls(parent).get((own.output_name, own.file_base_name))
        if not url:
            raise Refused(
                "missing",
                f"Its input {file.name!r} is {own.output_name!r} of job {own.job_id}, which does "
                f"not have that on the hub, where it is {parent.jobId}.",
            )
        return url

    def _parent(self, here: JobId) -> Job:
        """A job there that another needs, which has completed.

        Raises:
            Refused: it is not there, or has not.
        """
        found = self._there.get(here)
        if found is None:
            pushed = self._pushed.find(here)
            found = self._listing.job(here if pushed is None else pushed.there)
        if found is None:
            raise Refused("missing", f"It needs job {here}, which is not on the hub.")
        if found.status != "completed":
            raise Refused(
                "missing", f"It needs job {here}, which is {found.status} there ({found.jobId})."
            )
        self._there[here] = found
        return found

    def _created(
        self,
        record: JobRecord,
        definition: JobDefinition,
        parents: list[JobId],
        tags: Sequence[str],
    ) -> tuple[Job, bool]:
        """The job there of the same definition, the newest or a new one; and whether it is new."""
        find = FindJobByDefinitionRequest(serviceName=record.serviceName, jobDefinition=definition)
        begun = self._pushed.begun(record.jobId)
        is_completed = record.status == "completed"
        create = CreateJobRequest(
            serviceName=record.serviceName,
            userId="",
            batchId=record.batchId,
            tags=list(tags),
            jobDefinition=definition,
            requiredResources=record.requiredResources,
            secrets=[],
            jobDependencies=list(parents),
            # Nobody else is to run what need not run.
            targetComputeClientIds=[self._client_id] if self._client_id else msgspec.UNSET,
            skipCache=False,
            rerunFailing=is_completed,
            # Only one that a push has left there.
            deleteFailing=is_completed and begun is not None and begun.has_failed,
        )
        with _refusing():
            earlier = self._listing.find(find)
            is_there = earlier is not None and (
                earlier.status == "completed" or (earlier.status == "failed" and not is_completed)
            )
            if not is_there:
                self._check_files(record)
            elif earlier is not None and set(tags) <= set(earlier.tags):
                return earlier, False
            there = self._calls.ask(create, _JobReply, self._keys.api_key).job
        if there is None:
            raise Refused("other", "The hub has made no job of it, and does not say why.")
        return there, earlier is None or earlier.jobId != there.jobId

    def _check_files(self, record: JobRecord) -> None:
        for file in record.files.all():
            if file.digest is not None and file.digest not in self._files:
                raise Refused("missing", f"A file of it ({file.digest[:12]}...) is not here.")

    # The run

    def _run_to_end(self, record: JobRecord, run: HubRun, status: JobStatus) -> None:
        """Take a job through the steps of a run, from where it stands."""
        try:
            if status == "pending":
                run.set_status("starting")
            if status != "running":
                run.set_status("running")
            run.hand_over(record.files, self._files)
            error = record.error or "failed" if record.status == "failed" else None
            run.set_status(record.status, error)
        except HubFault as error:
            self._refuse(record, error)
        except HubUnreachable:
            raise
        except DendroError as error:
            self._refuse(record, error)

    def _refuse(self, record: JobRecord, error: DendroError) -> NoReturn:
        """End a job there that cannot be ended as it ended here, so that nobody waits for it."""
        self.give_up(record.jobId, f"It could not be pushed: {error}")
        raise Refused(_code_of(error), str(error)) from error

    def _begun(self, record: JobRecord, there: Job, *, is_new: bool) -> HubRun:
        """The job as one that this machine may end; its key is on the disk then."""
        known = self._pushed.begun(record.jobId)
        if there.status == "pending":
            try:
                key = self._offered_key(there)
            except Refused:
                if is_new:
                    self._take_back(record.jobId, there)
                raise
        elif known is not None and known.there == there.jobId and not known.has_failed:
            return self._run(there.jobId, known.key)
        else:
            key = self._held_key(there)
        self._pushed.begin(BegunJob(here=record.jobId, there=there.jobId, key=key))
        return self._run(there.jobId, key)

    def _take_back(self, here: JobId, there: Job) -> None:
        """Cancel a new job that turned out to be another's to run: nobody has asked for that."""
        self._pushed.begin(BegunJob(here=here, there=there.jobId, key="", has_failed=True))
        self._cancel(there.jobId)

    def _cancel(self, there: JobId) -> None:
        try:
            self._calls.ask(CancelJobRequest(jobId=there), msgspec.Raw, self._keys.api_key)
        except HubUnreachable:
            raise
        except DendroError as error:
            logger.info("job %s of the hub was not canceled: %s", there, error)

    def _run(self, there: JobId, key: str) -> HubRun:
        return HubRun(self._calls, self._client_id, there, key)

    def _offered_key(self, there: Job) -> str:
        """The key of a pending job.

        Raises:
            Refused: it is not for this user to run.
        """
        if not self._client_id:
            runnable = GetRunnableJobRequest(jobId=there.jobId)
            try:
                with _refusing():
                    job = self._calls.ask(runnable, _JobReply, self._keys.api_key).job
            except Refused as refused:
                if refused.code == "not_allowed":
                    self._closed[there.serviceName] = refused.reason
                raise
        else:
            offer = GetRunnableJobsForComputeClientRequest(
                computeClientId=self._client_id, jobId=there.jobId
            )
            key = self._keys.compute_client_private_key
            with _refusing():
                jobs = self._calls.ask(offer, _RunnableJobs, key).runnableJobs
            job = next((each for each in jobs if each.jobId == there.jobId), None)
        if job is None or job.jobPrivateKey is None:
            raise Refused(
                "not_allowed",
                f"Job {there.jobId} of the same definition is pending there, and is not offered to "
                f"compute client {self._client_id}. That must serve service "
                f"{there.serviceName}, its user be allowed to process jobs of it, and the job be "
                "for all compute clients.",
            )
        return job.jobPrivateKey

    def _held_key(self, there: Job) -> str:
        """The key of a job that this compute client runs.

        Raises:
            Refused: another does.
        """
        job = None
        if self._client_id and there.computeClientId == self._client_id:
            request = GetJobRequest(
                jobId=there.jobId, includePrivateKey=True, computeClientId=self._client_id
            )
            job = self._calls.ask(request, _JobReply, self._keys.compute_client_private_key).job
        if job is None or job.jobPrivateKey is None:
            raise Refused(
                "other",
                f"Job {there.jobId} of the same definition is {there.status} there, and not for "
                "this user to end. Push again when it has ended.",
            )
        return job.jobPrivateKey


@contextlib.contextmanager
def _refusing() -> Generator[None]:
    """A block in which what the hub does not take is a refusal of the job alone."""
    try:
        yield
    except (HubFault, InvalidRequest, NotAllowed) as error:
        raise Refused(_code_of(error), str(error)) from error


def _code_of(error: DendroError) -> RefusalCode:
    if isinstance(error, NotAllowed):
        return "not_allowed"
    return "missing" if "not found" in str(error) else "other"
