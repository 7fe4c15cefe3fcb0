"""Submitting jobs: recording what no earlier job makes unneeded."""

import time
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec

from dendro_local.compatibility import check_compatible
from dendro_local.errors import InputUnavailable, JobNotFound, OutputNotFound
from dendro_local.file_urls import blob_url, parse_blob_url, parse_file_url
from dendro_local.hub import NewJob, Progress
from dendro_local.lifecycle import TERMINAL
from dendro_local.local_hub.cache_rule import CacheRule, Miss, Prepared
from dendro_local.local_hub.dependency_errors import dependency_failed
from dendro_local.local_hub.ending import Ending
from dendro_local.local_hub.job_secrets import JobSecrets
from dendro_local.local_hub.quotas import JobAllowance, QuotaRules
from dendro_local.local_hub.untaken import tell_untaken
from dendro_local.model import Digest, Job, JobDefinition, JobId
from dendro_local.random_ids import letters_of, random_id
from dendro_local.store import RegisteredApp, StoredJob

__all__ = ["Forecast", "Submitting"]


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What would come of submitting a job."""

    job: Job | None = None
    """The one that is there already, so that none is recorded; then all else is empty."""
    takes_over: Job | None = None
    """A new one would not run but have the outputs of this one, which had the same bytes."""
    waits_for: Sequence[JobId] = ()
    """Jobs that have to complete first."""
    failed_parent: JobId | None = None
    """A job that it needs and that has failed, so that it would fail at once."""
    note: str | None = None
    """Why it would be recorded although there is an earlier one."""


_FILES_OF_ALL = ("other", "console_output", "resource_utilization_log")
"""What every job may leave beside its outputs, by the names that URLs have for it."""


class Submitting(CacheRule, Ending, JobSecrets, QuotaRules):
    """What clients ask that makes jobs."""

    def submit(
        self,
        requests: Sequence[NewJob],
        *,
        user_id: str | None = None,
        request_id: str | None = None,
        on_progress: Progress | None = None,
        are_uncached: bool = False,
    ) -> list[Job]:
        """Record jobs, or find those that make them unneeded: all of them, or none.

        Args:
            requests: what is to be done.
            user_id: for whom; by default the user whose store it is.
            request_id: what this request is known by, if it comes from another machine, and may
                come again because its answer was lost: then the jobs that it made are found. Its
                input files must be here.
            on_progress: not called: there is nothing to send.
            are_uncached: whether none was there just now, nor any remote (see `find_cached`).

        Raises:
            InputUnavailable: an input file is not here that must be.
            InvalidRequest: a definition or value cannot be used; says which field and why.
            NotFound: there is no such service, app, or job that an input names.
            QuotaExceeded: the user of a public hub has as many jobs as they may.
        """
        with self.store.reading():
            user = user_id or self.user_id
            prepared = [
                Prepared(request, _job_id_of(user, request_id, number))
                for number, request in enumerate(requests)
            ]
            # Looked for without keeping others from writing, unless only what writes is left.
            answers: list[Job | Miss | None] = [
                None if are_uncached else self._find(each) for each in prepared
            ]
            asks_remotes = not are_uncached and self.store.has_remotes()
            if asks_remotes:
                answers = [
                    answer and self._or_yielding(each, answer, user)
                    for each, answer in zip(prepared, answers, strict=True)
                ]
            is_all_there = all(isinstance(answer, Job) for answer in answers)
            untrusted: dict[str, str] = {}
            if asks_remotes and not is_all_there:
                untrusted = self._look_elsewhere(prepared, answers)
        if is_all_there:
            return [answer for answer in answers if isinstance(answer, Job)]
        jobs: list[Job] = []
        dropped: list[Digest] = []
        allowance = JobAllowance(self, user)
        # To delete a job is to do something that is not undone if what shares the commit fails.
        deletes = any(
            isinstance(answer, Miss) and (answer.delete or answer.yields) for answer in answers
        )
        with self.store.transaction(may_share=not deletes):
            for each, answer in zip(prepared, answers, strict=True):
                if isinstance(answer, Job):
                    jobs.append(answer)
                    continue
                if answer is not None and answer.yields is not None:
                    dropped += self._yield(answer.yields)
                # Asked again, now that nobody else can write: it may have come in the meantime.
                again = self._find(each)
                if isinstance(again, Job):
                    jobs.append(again)
                else:
                    if again.tag is None:
                        allowance.take_one()
                    again.note = again.note or untrusted.get(each.hash)
                    jobs.append(self._tag_or_create(each, again, dropped, user))
        self.remove_blobs(dropped)
        if untrusted:
            answered = zip(prepared, jobs, strict=True)
            to_run = [each.hash for each, job in answered if job.status not in TERMINAL]
            tell_untaken(untrusted[hash_] for hash_ in to_run if hash_ in untrusted)
        return jobs

    def foresee(self, request: NewJob) -> Forecast:
        """What would come of `submit`, which is not done.

        Raises:
            DendroError: as `submit`, but for rights and quotas.
        """
        prepared = Prepared(request)
        with self.store.reading():
            answer = self._find(prepared)
            if isinstance(answer, Job):
                return Forecast(job=answer)
            if answer.tag is not None:
                return Forecast(job=answer.tag.record)
            service, definition = request.serviceName, prepared.definition
            app = self.store.services.app(service, definition.appName)
            if app is None:
                raise self.missing_app(service, definition.appName)
            check_compatible(definition, app.record.appSpecification)
            self._check_has_inputs(prepared)
            named = request.jobDependencies
            parents = [each.record for each in self._dependencies(definition, named)]
            equal = None
            if not request.skipCache:
                equal = self.equal_by_content(
                    service, answer.version, self.content_key_of_definition(definition)
                )
            return Forecast(
                takes_over=None if equal is None else equal.record,
                waits_for=[each.jobId for each in parents if each.status not in TERMINAL],
                failed_parent=next((e.jobId for e in parents if e.status == "failed"), None),
                note=answer.note or self._note_on_version(service, prepared.hash, app),
            )

    def input_paths(self, job_id: JobId) -> dict[str, str]:
        """Where the input files of a job lay that are of this machine, by URL.

        Raises:
            JobNotFound: there is no such job.
        """
        with self.store.reading():
            return self.store.jobs.input_paths(self.stored(job_id).number)

    def file_url(self, file: Path, on_progress: Progress | None = None) -> str:
        """The URL by which a definition names a file of this machine: its digest.

        Raises:
            InputUnavailable: there is no such file, or it cannot be read.
        """
        tell = None if on_progress is None else partial(on_progress, f"Hashing {file.name}")
        with self.store.reading():
            digest, _ = self.store.local_files.digest(file, tell)
        return blob_url(digest)

    def now(self) -> float:
        """The time by the clock of this machine, in seconds since the Unix epoch."""
        return time.time()

    def rerun(
        self, job_id: JobId, *, user_id: str | None = None, request_id: str | None = None
    ) -> Job:
        """A new job of the same definition, whatever the cache has.

        It has the secrets of the earlier one, unless that has ended or was another user's; then
        its note says so.

        Args:
            job_id: the earlier one.
            user_id: for whom; by default the user whose store it is.
            request_id: as for `submit`.

        Raises:
            DendroError: as `submit`.
        """
        with self.store.reading():
            stored = self.stored(job_id)
            local_paths = self.store.jobs.input_paths(stored.number)
            earlier = stored.record
            # They are for what their owner submits, whoever else may submit the same.
            is_own = user_id in (None, earlier.userId)
            secrets = self.secrets_of(stored) if is_own else []
        again = NewJob(
            serviceName=earlier.serviceName,
            jobDefinition=earlier.jobDefinition,
            requiredResources=earlier.requiredResources,
            targetComputeClientIds=earlier.targetComputeClientIds,
            tags=earlier.tags,
            jobDependencies=earlier.jobDependencies,
            secrets=secrets,
            skipCache=True,
            local_paths=local_paths,
        )
        job = self.submit([again], user_id=user_id, request_id=request_id)[0]
        self.note_lost_secrets(job.jobId, stored)
        return job

    def _yield(self, stored: StoredJob) -> list[Digest]:
        """Remove a job that has not begun, if one came that makes it unneeded; as `delete_stored`.

        Inside a transaction.
        """
        found = self.store.jobs.by_id(stored.record.jobId)
        if found is None or not self._may_yield(found):
            return []
        record = found.record
        for other in self.store.jobs.by_hash(record.serviceName, record.jobDefinitionHash):
            is_done = other.record.status == "completed" and other.app_version == found.app_version
            if is_done and self._missing_output(other) is None:
                return self.delete_stored(found)
        if record.isRunnable:
            self.take_over(found)  # of an equal one with other inputs of the same bytes
        return []

    def _tag_or_create(
        self, prepared: Prepared, miss: "Miss", dropped: list[Digest], user_id: str
    ) -> Job:
        """Do what a miss asks for; adds the digests of files that a deleted job had."""
        if miss.tag is None:
            return self._create(prepared, miss, dropped, user_id)
        found = miss.tag
        tags = list(dict.fromkeys([*found.record.tags, *prepared.request.tags]))
        self.store.jobs.update(found.number, tags=tags)
        return self.stored(found.record.jobId).record

    def _create(self, prepared: Prepared, miss: "Miss", dropped: list[Digest], user_id: str) -> Job:
        request = prepared.request
        definition = prepared.definition
        app = self.store.services.app(request.serviceName, definition.appName)
        if app is None:
            raise self.missing_app(request.serviceName, definition.appName)
        check_compatible(definition, app.record.appSpecification)
        if prepared.job_id is not None:
            self._check_has_inputs(prepared)
        if miss.delete is not None:
            dropped += self.delete_stored(miss.delete)
        dependencies = self._dependencies(definition, request.jobDependencies)
        failed = next((each for each in dependencies if each.record.status == "failed"), None)
        now = time.time()
        job_id = prepared.job_id or JobId(random_id(20))
        job = Job(
            jobId=job_id,
            serviceName=request.serviceName,
            userId=user_id,
            batchId=request.batchId,
            tags=list(dict.fromkeys(request.tags)),
            jobDefinition=definition,
            jobDefinitionHash=prepared.hash,
            jobDependencies=[each.record.jobId for each in dependencies],
            requiredResources=request.requiredResources,
            targetComputeClientIds=request.targetComputeClientIds,
            inputFileUrlList=[file.url for file in definition.inputFiles],
            outputFileUrlList=[],
            outputFileResults=[],
            consoleOutputUrl="",
            resourceUtilizationLogUrl="",
            timestampCreatedSec=now,
            timestampUpdatedSec=now,
            isRunnable=all(each.record.status == "completed" for each in dependencies),
        )
        stored = self.store.jobs.insert(
            job,
            app_version=miss.version,
            note=miss.note or self._note_on_version(request.serviceName, prepared.hash, app),
            local_paths=request.local_paths,
            must_run=request.skipCache,
        )
        if request.secrets:
            self.keep_secrets(stored, request.secrets)
        if failed is not None:
            self.end_failed(stored, dependency_failed(failed.record, failed.record.error or ""))
            stored = self.stored(job_id)
        elif job.isRunnable and self.take_over(stored):
            stored = self.stored(job_id)
        return stored.record

    def _dependencies(self, definition: JobDefinition, named: Sequence[JobId]) -> list[StoredJob]:
        """The jobs that a definition waits for: those named, and those whose outputs it takes."""
        found = {job_id: self.stored(job_id) for job_id in named}
        for file in definition.inputFiles:
            url = parse_file_url(file.url)
            if url is None:
                continue
            job_id = JobId(url.job_id)
            stored = found.get(job_id) or self.store.jobs.by_id(job_id)
            if stored is None:
                raise JobNotFound(
                    f"Input {file.name!r} is an output of job {job_id}, which is not in store "
                    f"{self.store.folder.root}. Submit that job first."
                )
            outputs = [output.name for output in stored.record.jobDefinition.outputFiles]
            if url.output_name not in [*outputs, *_FILES_OF_ALL]:
                raise OutputNotFound(
                    f"Input {file.name!r} names output {url.output_name!r} of job {job_id}, which "
                    f"has: {', '.join(outputs) or 'no outputs'}."
                )
            found[job_id] = stored
        return list(found.values())

    def _check_has_inputs(self, prepared: Prepared) -> None:
        """Refuse inputs that are files of another machine which were not sent here."""
        for file in prepared.definition.inputFiles:
            digest = parse_blob_url(file.url)
            if digest is None or self.store.blobs.has(digest):
                continue
            is_here = file.url in prepared.request.local_paths
            if is_here or self.store.local_files.paths(digest):
                continue
            if not self.may_fetch_input(digest):
                raise InputUnavailable(
                    f"Input {file.name!r} is a file that the hub does not have (SHA-256 "
                    f"{digest[:12]}...). Send it first, to /v1/blobs."
                )

    def _note_on_version(self, service: str, hash_: str, app: RegisteredApp) -> str | None:
        """Why an earlier job of the same definition did not serve: another version of the app."""
        for earlier in self.store.jobs.by_hash(service, hash_, limit=1):
            if earlier.app_version != app.version:
                return (
                    f"Job {earlier.record.jobId} has the same definition, but it came from version "
                    f"{short_version(earlier.app_version)} of the app; it is now "
                    f"{short_version(app.version)}."
                )
        return None


def _job_id_of(user_id: str, request_id: str | None, number: int) -> JobId | None:
    """The id of the job that the request of this number in a call makes; the same each time."""
    if request_id is None:
        return None
    digest = sha256(f"{user_id}\0{request_id}\0{number}".encode()).digest()
    return JobId(letters_of(int.from_bytes(digest), 20))


def short_version(version: str | None) -> str:
    """An app version as a person reads it."""
    if version is None:
        return "unknown"
    return version[:19] if version.startswith("sha256:") else version
