"""The cache rule: which job makes a new one unneeded.

The rule is the contract's: of the jobs of a definition on a service the newest counts, whoever
made it and whether pending, running or completed; a failed one too, unless failing ones are to
run again. Two conditions are added. The job must come from the version of the app that is
registered now, and the outputs of a completed one must still be there.
"""

from collections.abc import Sequence
from typing import NamedTuple

from dendro_local.definition import definition_hash, normal_form
from dendro_local.definition_check import check_definition
from dendro_local.hub import NewJob
from dendro_local.local_hub.apps import Apps
from dendro_local.local_hub.job_secrets import check_secrets
from dendro_local.local_hub.permissions import Permissions
from dendro_local.local_hub.resources_check import check_resources
from dendro_local.local_hub.untaken import read_untaken
from dendro_local.model import Job, JobDefinition, JobId
from dendro_local.store import Standing, StoredJob, Version
from dendro_local.store.users import is_use_worth_noting

__all__ = ["CacheRule", "Miss", "Prepared", "Uncached"]


class Uncached(NamedTuple):
    """A request for which there is no job yet, of a user who may make one."""

    user_id: str
    request: NewJob


class Prepared:
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


class Miss:
    """Why no earlier job serves, and what is to be done."""

    __slots__ = ("delete", "note", "tag", "version", "yields")

    def __init__(
        self,
        version: str | None,
        *,
        note: str | None = None,
        delete: StoredJob | None = None,
        tag: StoredJob | None = None,
        yields: StoredJob | None = None,
    ) -> None:
        self.version = version
        self.note = note
        self.delete = delete
        self.tag = tag
        self.yields = yields
        """A pending job that goes if a remote gives one that has completed."""


class CacheRule(Apps, Permissions):
    """How a request is answered where there is a job already."""

    def find_cached(
        self, request: NewJob, version: Version, *, key: str, user_id: str | None = None
    ) -> Job | Uncached | None:
        """The job that makes a new one unneeded, for whoever has a key that lets them make one.

        `Uncached` if there is none of its definition; None if `submit` has more to see to, or
        somebody something to refuse before. The same job is the same object as long as it does not
        change.

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
            if found is None:
                # Where there are remotes, one of them may have it.
                has_remotes = self.store.has_remotes()
                return None if has_remotes else Uncached(standing.key.user_id, request)
            if found.record.jobDefinition != definition or self._may_yield(found):
                return None
            answer = self._judge(request, app.version, found)
        return answer if isinstance(answer, Job) else None

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

    def _find(self, prepared: Prepared) -> "Job | Miss":
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

    def _judge(self, request: NewJob, version: str | None, found: StoredJob | None) -> "Job | Miss":
        if found is None:
            return Miss(version)
        earlier = found.record
        if request.skipCache:
            return Miss(version, note=f"The cache was skipped; job {earlier.jobId} had been there.")
        if earlier.status == "failed" and request.rerunFailing:
            return Miss(
                version,
                note=f"Job {earlier.jobId} had failed, and failing jobs were to run again.",
                delete=found if request.deleteFailing else None,
            )
        missing = self._missing_output(found)
        if missing is not None:
            return Miss(
                version,
                note=f"Job {earlier.jobId} had completed, but its output {missing!r} is not in "
                "the store.",
            )
        if not set(request.tags) <= set(earlier.tags):
            return Miss(version, tag=found)
        return earlier

    def _may_yield(self, stored: StoredJob) -> bool:
        """Whether a job has not begun, and a cache has it that was not believed and is now."""
        if stored.record.status != "pending" or stored.attempts:
            return False
        untaken = read_untaken(stored.note)
        if untaken is None or not untaken.may_be_taken(self.store):
            return False
        return not self.store.jobs.children(stored.record.jobId)

    def _or_yielding(self, prepared: Prepared, answer: "Job | Miss", user_id: str) -> "Job | Miss":
        """The answer, or a miss if it is a job of this user that may yield to that of a cache."""
        if isinstance(answer, Miss):
            found = answer.tag
        elif answer.status == "pending" and answer.jobId != prepared.job_id:
            found = self.store.jobs.by_id(answer.jobId)
        else:
            return answer
        if found is None or found.record.userId != user_id or not self._may_yield(found):
            return answer
        return Miss(found.app_version, yields=found)

    def _missing_output(self, stored: StoredJob) -> str | None:
        """The name of an output of a completed job whose bytes are gone."""
        if stored.record.status != "completed":
            return None
        for name, file in stored.files.outputs.items():
            if file.digest is not None and not self.has_blob(file.digest):
                return name
        return None

    def _may_create(self, standing: Standing, user_id: str | None) -> bool:
        """Whether a key is of this user, or of anybody for None, and lets them create jobs."""
        if is_use_worth_noting(standing.key):
            self.store.users.note_use(standing.key)
        user = standing.key.user_id
        return user_id in (None, user) and self.may_create_jobs(user, standing.service)

    def _look_elsewhere(
        self, prepared: "Sequence[Prepared]", answers: "Sequence[Job | Miss | None]"
    ) -> dict[str, str]:
        """Ask remotes that are caches for what is not here. What they have is recorded then.

        Of what they have and is not trusted, sentences that say so, by definition hash.
        """
        from dendro_local.local_hub.elsewhere import WantedJob  # only where there is a remote

        wanted = [
            WantedJob(
                service=each.request.serviceName,
                definition=each.definition,
                definition_hash=each.hash,
                app_version=answer.version,
                content_key=self.content_key_of_definition(each.definition),
            )
            for each, answer in zip(prepared, answers, strict=True)
            if isinstance(answer, Miss) and answer.tag is None and not each.request.skipCache
        ]
        untrusted: dict[str, str] = {}
        if wanted:
            self.elsewhere.look(
                wanted, lambda job, words: untrusted.update({job.definition_hash: words})
            )
        return untrusted
