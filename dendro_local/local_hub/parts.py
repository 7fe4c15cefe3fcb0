"""What the parts of the local hub share: its store and user, look-ups, consequences of an end."""

import contextlib
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dendro_local.app_source import AppFolder, bundled_app_folder
from dendro_local.compatibility import suggestion
from dendro_local.definition import content_key
from dendro_local.errors import AppNotFound, JobNotFound, OutputNotFound, ServiceNotFound
from dendro_local.file_urls import blob_url, parse_blob_url, parse_file_url
from dendro_local.lifecycle import TERMINAL, check_step
from dendro_local.model import Digest, Job, JobDefinition, JobId
from dendro_local.store import ComputeClientRun, JobFiles, Store, StoredJob

if TYPE_CHECKING:
    from dendro_local.local_hub.elsewhere import Elsewhere

__all__ = ["Part"]


class Part:
    """The base of each part."""

    store: Store
    user_id: str
    max_attempts: int
    _app_folders: dict[Path, AppFolder]
    _app_states: dict[str, AppFolder]
    _runs: dict[str, ComputeClientRun]

    def stored(self, job_id: JobId) -> StoredJob:
        """The job as the store keeps it.

        Raises:
            JobNotFound: there is none.
        """
        found = self.store.jobs.by_id(job_id)
        if found is None:
            raise JobNotFound(
                f"There is no job {job_id!r} in store {self.store.folder.root}. "
                "`dendro-local jobs` lists those that there are."
            )
        return found

    def missing_app(self, service: str, name: str) -> ServiceNotFound | AppNotFound:
        """The error for an app that is not registered: what is missing, and what is there."""
        if self.store.services.get(service) is None:
            return self.missing_service(service)
        apps = [app.record.appName for app in self.store.services.apps(service=service)]
        elsewhere = (
            f" If a remote has jobs of it, `dendro-local pull REMOTE --app {name} --outputs lazy` "
            "brings what is needed to find them."
            if self.store.has_remotes()
            else ""
        )
        return AppNotFound(
            f"Service app not found: {name}."
            f"{suggestion(name, apps, all_are=f'Service {service} has')} "
            f"`dendro-local apps add FOLDER` registers one.{elsewhere}"
        )

    def missing_service(self, name: str) -> ServiceNotFound:
        """The error for a service that is not there, with those that are."""
        services = [each.serviceName for each in self.store.services.all()]
        return ServiceNotFound(
            f"Service not found: {name}.{suggestion(name, services, all_are='There are')}"
        )

    def app_folder(self, source: str) -> Path:
        """The folder that the source of a registered app names."""
        kind, _, name = source.partition(":")
        return bundled_app_folder(name) if kind == "bundled" else Path(name)

    def fail_dependents(self, job: Job, error: str, now: float) -> None:
        """Fail what waits for a job that will not be completed, and what waits for that.

        Args:
            job: the job that failed or is deleted.
            error: that of them all, see `dendro_local.local_hub.dependency_errors`: the root of
                the failure is what helps, however long the chain.
            now: the time to record.
        """
        waiting = [job.jobId]
        while waiting:  # no recursion: a chain of jobs may be longer than Python's stack
            for child in self.store.jobs.children(waiting.pop()):
                if child.record.status in TERMINAL:
                    continue
                self.store.jobs.update(
                    child.number, status="failed", error=error, finished_at=now, claim_token=None
                )
                waiting.append(child.record.jobId)

    def release_dependents(self, job_id: JobId) -> bool:
        """Let run what waited for nothing but this job; whether there was any."""
        has_any = False
        for child in self.store.jobs.children(job_id):
            if child.record.status != "pending" or child.record.isRunnable:
                continue
            if not self.store.jobs.unfinished_parents(child.number):
                self.store.jobs.update(child.number, is_runnable=1)
                self.take_over(child)
                has_any = True
        return has_any

    @functools.cached_property
    def elsewhere(self) -> "Elsewhere":
        """The remotes of the store."""
        from dendro_local.local_hub.elsewhere import elsewhere_of  # only where there is one

        return elsewhere_of(self)  # type: ignore[arg-type]  # every hub is put together of all parts

    def has_blob(self, digest: Digest) -> bool:
        """Whether a blob is here, or can be fetched when it is read."""
        return self.store.blobs.has(digest) or self.is_awaited(digest)

    def is_awaited(self, digest: Digest) -> bool:
        """Whether a blob lies on a remote, from where it can be fetched."""
        return self.store.has_remotes() and self.store.sharing.awaited_blobs.is_awaited(digest)

    def blob(self, digest: Digest) -> Path:
        """Where a blob is, fetched if it lies on a remote. It need not be there. In no transaction.

        Raises:
            HubUnreachable: it lies on a remote that does not answer.
        """
        path = self.store.blobs.path(digest)
        if not self.store.blobs.has(digest) and self.is_awaited(digest):
            with contextlib.suppress(OutputNotFound):  # whoever reads it says so
                self.elsewhere.fetch(digest)
        return path

    def may_fetch_input(self, digest: Digest) -> bool:
        """Whether jobs came from a remote that read this file, so that it may be there."""
        return self.store.has_remotes() and bool(self.store.input_files.remotes(blob_url(digest)))

    def fetch_input_blob(self, digest: Digest) -> Path | None:
        """A file that jobs of a remote read, fetched from there; None if it cannot be had.

        For what is nowhere on this machine. In no transaction.

        Raises:
            HubUnreachable: it may lie on a remote that does not answer.
        """
        if self.may_fetch_input(digest):
            with contextlib.suppress(OutputNotFound):  # whoever reads it says so
                self.elsewhere.fetch_input(digest)
                return self.store.blobs.path(digest)
        return None

    def take_over(self, stored: StoredJob) -> bool:
        """Complete a job that may run with the outputs of an equal one; whether there is one.

        Equal is what reads the same bytes with the same parameters by the same code: such as a
        job whose parent ran again and gave the same. Inside a transaction.
        """
        key = None if stored.must_run else self.content_key_of(stored)
        record = stored.record
        other = self.equal_by_content(record.serviceName, stored.app_version, key)
        if other is None:
            return False
        check_step(record.jobId, record.status, "completed")
        self.store.jobs.update(
            stored.number,
            status="completed",
            files=JobFiles(outputs=other.files.outputs),
            content_key=key,
            finished_at=time.time(),
            note=f"It did not run: job {other.record.jobId} had computed the same from "
            "inputs with the same bytes, and its outputs were taken over.",
        )
        self.release_dependents(record.jobId)
        return True

    def equal_by_content(
        self, service: str, app_version: str | None, key: str | None
    ) -> StoredJob | None:
        """The newest completed job of a content key whose outputs are there; None of no key."""
        if key is None:
            return None
        for other in self.store.jobs.completed_by_content(service, app_version, key):
            files = other.files.outputs.values()
            if all(file.digest and self.has_blob(file.digest) for file in files):
                return other
        return None

    def content_key_of(self, stored: StoredJob) -> str | None:
        """What a job computes from, other than its definition; None if there is no such thing.

        Without inputs the definition hash says it all, a URL that the app sets is not a matter of
        bytes, and an input whose bytes are not known makes the whole unknown.
        """
        return self.content_key_of_definition(stored.record.jobDefinition)

    def content_key_of_definition(self, definition: JobDefinition) -> str | None:
        """As `content_key_of`, of a job that is not there yet."""
        if not definition.inputFiles or any(
            output.urlDeterminedAtRuntime is True for output in definition.outputFiles
        ):
            return None
        contents: dict[str, str] = {}
        for file in definition.inputFiles:
            content = self._content_of(file.url)
            if content is None:
                return None
            contents[file.name] = content
        return content_key(definition, contents)

    def _content_of(self, url: str) -> str | None:
        """The digest of what a URL names, if it is a file of this store; else the URL."""
        digest = parse_blob_url(url)
        if digest is not None:
            return f"sha256:{digest}"
        own = parse_file_url(url)
        if own is None:
            return url
        parent = self.store.jobs.by_id(JobId(own.job_id))
        found = None if parent is None else parent.files.find(own.output_name, own.file_base_name)
        if found is None or found.digest is None:
            return None if found is None else found.url
        return f"sha256:{found.digest}"
