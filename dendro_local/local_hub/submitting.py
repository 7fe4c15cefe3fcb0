"""Submitting jobs: the cache rule, and recording what is new.

The rule is the contract's: of the jobs of a definition on a service the newest counts, whoever
made it and whether pending, running or completed; a failed one too, unless failing ones are to
run again. Two conditions are added. The job must come from the version of the app that is
registered now, and the outputs of a completed one must still be there.
"""

import time
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec

from dendro_local.compatibility import check_compatible
from dendro_local.definition import definition_hash, normal_form
from dendro_local.definition_check import check_definition
from dendro_local.errors import (
    Conflict,
    InputUnavailable,
    JobNotFound,
    NotAllowed,
    OutputNotFound,
)
from dendro_local.file_urls import blob_url, parse_blob_url, parse_file_url
from dendro_local.hub import NewJob, Progress
from dendro_local.lifecycle import TERMINAL, check_step
from dendro_local.local_hub.apps import Apps
from dendro_local.local_hub.job_secrets import JobSecrets, check_secrets
from dendro_local.local_hub.permissions import Permissions
from dendro_local.local_hub.quotas import JobAllowance, QuotaRules
from dendro_local.local_hub.reading import Reading
from dendro_local.local_hub.resources_check import check_resources
from dendro_local.model import Digest, Job, JobDefinition, JobId
from dendro_local.random_ids import letters_of, random_id
from dendro_local.store import RegisteredApp, Standing, StoredJob, Version
from dendro_local.store.users import is_use_worth_noting

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


class _Prepared:
    """A request that has been checked, with its definition in normal form and its hash.

    ``job_id`` is the id of the job that it makes, if it makes one; None for any.
    """

    __slots__ = ("definition", "hash", "job_id", "request")

    def __init__(self, request: NewJob, job_id: JobId | None = None) -> None:
        check_definition(request.jobDefinition)
        check_resources(request.requiredResources)
        check_secrets(request.secrets)
        self.request = request
        self.job_id = job_id
        self.definition = normal_form(request.jobDefinition)
        self.hash = definition_hash(self.definition)


class Submitting(Reading, Apps, Permissions, JobSecrets, QuotaRules):
    """What clients ask that changes jobs."""

    def submit(
        self,
        requests: Sequence[NewJob],
        *,
        user_id: str | None = None,
        request_id: str | None = None,
        on_progress: Progress | None = None,
    ) -> list[Job]:
        """Record jobs, or find those that make them unneeded: all of them, or none.

        Args:
            requests: what is to be done.
            user_id: for whom; by default the user whose store it is.
            request_id: what this request is known by, if it comes from another machine, and may
                come again because its answer was lost: then the jobs that it made are found. Its
                input files must be here.
            on_progress: not called: there is nothing to send.

        Raises:
            InputUnavailable: an input file is not here that must be.
            InvalidRequest: a definition or value cannot be used; says which field and why.
            NotFound: there is no such service, app, or job that an input names.
            QuotaExceeded: the user of a public hub has as many jobs as they may.
        """
        with self.store.reading():
            user = user_id or self.user_id
            prepared = [
                _Prepared(request, _job_id_of(user, request_id, number))
                for number, request in enumerate(requests)
            ]
            answers = [self._find(each) for each in prepared]
            if not all(isinstance(answer, Job) for answer in answers) and self.store.has_remotes():
                self._look_elsewhere(prepared, answers)
        if all(isinstance(answer, Job) for answer in answers):
            return [answer for answer in answers if isinstance(answer, Job)]
        jobs: list[Job] = []
        dropped: list[Digest] = []
        allowance = JobAllowance(self, user)
        with self.store.transaction():
            for each, answer in zip(prepared, answers, strict=True):
                if isinstance(answer, Job):
                    jobs.append(answer)
                    continue
                # Asked again, now that nobody else can write: it may have come in the meantime.
                again = self._find(each)
                if isinstance(again, Job):
                    jobs.append(again)
                else:
                    if again.tag is None:
                        allowance.take_one()
                    jobs.append(self._tag_or_create(each, again, dropped, user))
        self.remove_blobs(dropped)
        return jobs

    def find_cached(
        self, request: NewJob, version: Version, *, key: str, user_id: str | None = None
    ) -> Job | None:
        """The job that makes a new one unneeded, for whoever has a key that lets them make one.

        None if there is something to record or to refuse, which `submit` and what is asked before
        it do. The same job is the same object as long as it does not change.

        Args:
            request: what is to be done.
            version: the state that the store is in, as this thread has found it just now.
            key: an API key.
            user_id: whose it has to be; None for anybody's.

        Raises:
            InvalidRequest: its resources or secrets cannot be used; says which and why.
        """
        service, name = request.serviceName, request.jobDefinition.appName
        with self.store.reading():
            standing = self.store.standings.get(key, service, name, version)
            if standing is None or not self._may_create(standing, user_id):
                return None
            app = standing.app
            if app.source is not None and not self.is_up_to_date(app.source, app.folder_digest):
                return None
            check_resources(request.requiredResources)
            check_secrets(request.secrets)
            definition = normal_form(request.jobDefinition)
            found = self.store.newest_jobs.get(
                service, app.version, definition_hash(definition), version
            )
            # Equal to one that was recorded, and so checked: `submit` checks all others.
            if found is None or found.record.jobDefinition != definition:
                return None
            answer = self._judge(request, app.version, found)
        return answer if isinstance(answer, Job) else None

    def _may_create(self, standing: Standing, user_id: str | None) -> bool:
        """Whether a key is of this user, or of anybody for None, and lets them create jobs."""
        if is_use_worth_noting(standing.key):
            self.store.users.note_use(standing.key)
        user = standing.key.user_id
        return user_id in (None, user) and self.may_create_jobs(user, standing.service)

    def _look_elsewhere(
        self, prepared: "Sequence[_Prepared]", answers: "Sequence[Job | _Miss]"
    ) -> None:
        """Ask remotes that are caches for what is not here. What they have is recorded then."""
        from dendro_local.local_hub.elsewhere import WantedJob  # only where there is a remote

        wanted = [
            WantedJob(
                service=each.request.serviceName,
                definition_hash=each.hash,
                app_version=answer.version,
                content_key=self.content_key_of_definition(each.definition),
            )
            for each, answer in zip(prepared, answers, strict=True)
            if isinstance(answer, _Miss) and answer.tag is None and not each.request.skipCache
        ]
        if wanted:
            self.elsewhere.look(wanted)

    def foresee(self, request: NewJob) -> Forecast:
        """What would come of `submit`, which is not done.

        Raises:
            DendroError: as `submit`, but for rights and quotas.
        """
        prepared = _Prepared(request)
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
            parents = [each.record for each in self._dependencies(definition, ())]
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

    def find_by_definition(self, service: str, definition: JobDefinition) -> Job | None:
        """The newest job of a definition on a service, whatever became of it.

        Raises:
            InvalidDefinition: the definition cannot be used.
        """
        check_definition(definition)
        hash_ = definition_hash(normal_form(definition))
        with self.store.reading():
            found = self.store.jobs.by_hash(service, hash_, limit=1)
        return found[0].record if found else None

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

    def cancel(self, job_id: JobId) -> Job:
        """Fail a job that is not finished. Whoever runs it learns that its claim is lost.

        Raises:
            Conflict: it is finished.
        """
        with self.store.transaction():
            stored = self.stored(job_id)
            if stored.record.status in TERMINAL:
                raise Conflict(
                    f"Job {job_id} is {stored.record.status} already; there is nothing to cancel."
                )
            self.end_failed(stored, "canceled", canceled=True)
            return self.stored(job_id).record

    def delete(self, job_ids: Sequence[JobId]) -> None:
        """Remove jobs and the blobs that only they keep. What waits for them fails."""
        dropped: list[Digest] = []
        with self.store.transaction():
            gone = [self.stored(job_id) for job_id in dict.fromkeys(job_ids)]
            for stored in gone:
                dropped += self.delete_stored(stored)
        self.remove_blobs(dropped)

    def delete_for(self, user_id: str, job_ids: Sequence[JobId]) -> None:
        """As `delete`, if a user may; passes over jobs that are not there.

        Raises:
            NotAllowed: the user may not delete one of them; none was deleted.
        """
        dropped: list[Digest] = []
        with self.store.transaction():
            found = [self.store.jobs.by_id(job_id) for job_id in dict.fromkeys(job_ids)]
            gone = [stored for stored in found if stored is not None]
            for stored in gone:
                if not self.may_delete(user_id, stored.record):
                    raise NotAllowed(
                        "This user is not allowed to delete jobs for service "
                        f"{stored.record.serviceName}"
                    )
            for stored in gone:
                dropped += self.delete_stored(stored)
        self.remove_blobs(dropped)

    # How a request is answered

    def _find(self, prepared: _Prepared) -> "Job | _Miss":
        """The job that makes a new one unneeded, or what is to be done instead."""
        if prepared.job_id is not None:
            made = self.store.jobs.by_id(prepared.job_id)
            if made is not None:
                return made.record
        service = prepared.request.serviceName
        name = prepared.definition.appName
        answer = self.store.jobs.app_and_cached(service, name, prepared.hash)
        if answer is None:
            raise self.missing_app(service, name)
        source = answer.source
        if source is not None and not self.is_up_to_date(source, answer.folder_digest):
            self.register_again(service, name, source)
            return self._find(prepared)
        return self._judge(prepared.request, answer.version, answer.job)

    def _judge(
        self, request: NewJob, version: str | None, found: StoredJob | None
    ) -> "Job | _Miss":
        if found is None:
            return _Miss(version)
        earlier = found.record
        if request.skipCache:
            return _Miss(
                version, note=f"The cache was skipped; job {earlier.jobId} had been there."
            )
        if earlier.status == "failed" and request.rerunFailing:
            return _Miss(
                version,
                note=f"Job {earlier.jobId} had failed, and failing jobs were to run again.",
                delete=found if request.deleteFailing else None,
            )
        missing = self._missing_output(found)
        if missing is not None:
            return _Miss(
                version,
                note=f"Job {earlier.jobId} had completed, but its output {missing!r} is no longer "
                "in the store.",
            )
        if not set(request.tags) <= set(earlier.tags):
            return _Miss(version, tag=found)
        return earlier

    def _missing_output(self, stored: StoredJob) -> str | None:
        """The name of an output of a completed job whose bytes are gone."""
        if stored.record.status != "completed":
            return None
        for name, file in stored.files.outputs.items():
            if file.digest is not None and not self.has_blob(file.digest):
                return name
        return None

    def _tag_or_create(
        self, prepared: _Prepared, miss: "_Miss", dropped: list[Digest], user_id: str
    ) -> Job:
        """Do what a miss asks for; adds the digests of files that a deleted job had."""
        if miss.tag is None:
            return self._create(prepared, miss, dropped, user_id)
        found = miss.tag
        tags = list(dict.fromkeys([*found.record.tags, *prepared.request.tags]))
        self.store.jobs.update(found.number, tags=tags)
        return self.stored(found.record.jobId).record

    def _create(
        self, prepared: _Prepared, miss: "_Miss", dropped: list[Digest], user_id: str
    ) -> Job:
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
        self.store.jobs.insert(
            job,
            app_version=miss.version,
            note=miss.note or self._note_on_version(request.serviceName, prepared.hash, app),
            local_paths=request.local_paths,
            must_run=request.skipCache,
        )
        stored = self.stored(job_id)
        if request.secrets:
            self.keep_secrets(stored, request.secrets)
        if failed is not None:
            self.end_failed(stored, _dependency_failed(failed.record))
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

    def _check_has_inputs(self, prepared: _Prepared) -> None:
        """Refuse inputs that are files of another machine which were not sent here."""
        for file in prepared.definition.inputFiles:
            digest = parse_blob_url(file.url)
            if digest is None or self.store.blobs.has(digest):
                continue
            is_here = file.url in prepared.request.local_paths
            if not is_here and not self.store.local_files.paths(digest):
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

    # Ends

    def end_failed(self, stored: StoredJob, error: str, *, canceled: bool = False) -> None:
        """Make a job failed, with what depends on it. Inside a transaction."""
        check_step(stored.record.jobId, stored.record.status, "failed")
        now = time.time()
        self.store.jobs.update(
            stored.number,
            status="failed",
            error=error,
            canceled=int(canceled),
            finished_at=now,
            claim_token=None,
        )
        reason = "was canceled." if canceled else f"failed: {error}"
        self.fail_dependents(stored.record, reason, now)

    def delete_stored(self, stored: StoredJob) -> list[Digest]:
        """Remove a job's record; the digests of its files. Inside a transaction."""
        record = stored.record
        self.fail_dependents(record, "was deleted.", time.time())
        if record.status not in TERMINAL:
            self.end_failed(stored, "deleted", canceled=True)
        self.store.jobs.delete(stored)
        self.remove_output_links(record.jobId)
        files = [file.digest for file in stored.files.all()]
        inputs = [parse_blob_url(url) for url in record.inputFileUrlList]
        return [digest for digest in (*files, *inputs) if digest is not None]

    def remove_blobs(self, digests: Sequence[Digest]) -> None:
        """Remove those of the blobs that no record needs.

        After the transaction that removed the records, so that a crash between the two leaves
        bytes too many, never too few; and in one of its own, since a job that completes with
        the same bytes at this moment looks for its blobs inside its own transaction.
        """
        if not digests:
            return
        with self.store.transaction():
            for digest in self.store.jobs.unreferenced(digests):
                self.store.blobs.remove(digest)


class _Miss:
    """Why no earlier job serves, and what is to be done."""

    __slots__ = ("delete", "note", "tag", "version")

    def __init__(
        self,
        version: str | None,
        *,
        note: str | None = None,
        delete: StoredJob | None = None,
        tag: StoredJob | None = None,
    ) -> None:
        self.version = version
        self.note = note
        self.delete = delete
        self.tag = tag


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


def _dependency_failed(parent: Job) -> str:
    definition = parent.jobDefinition
    return (
        f"Its dependency {parent.jobId} ({definition.appName}/{definition.processorName}) failed: "
        f"{parent.error}"
    )
