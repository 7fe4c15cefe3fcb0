"""What compute clients ask of the jobs that they run: the code of the app, and how a run ended."""

import time
from collections.abc import Collection, Mapping
from pathlib import Path

from dendro_local.app_source import (
    declared_version,
    imported_sdk,
    may_be_warm,
    needs_network,
    python_path_with_sdk,
)
from dendro_local.errors import InvalidApp
from dendro_local.hub import Claim, ClaimedApp, RunResult
from dendro_local.lifecycle import TERMINAL, check_step, requeue_or_fail
from dendro_local.local_hub.app_code import processor_of
from dendro_local.local_hub.claimed_inputs import ClaimedInputs
from dendro_local.local_hub.claims import CONTRACT_RUN, REMOTE_RUN, Claims
from dendro_local.local_hub.kept_files import KeptFiles
from dendro_local.model import Digest, JobId
from dendro_local.store import JobFiles, StoredFile, StoredJob

__all__ = ["Running"]


class Running(Claims, ClaimedInputs, KeptFiles):
    """What compute clients ask."""

    def unfinished_ancestry(self, job_ids: Collection[JobId]) -> set[JobId]:
        """Those of the jobs, and of what they depend on, that are not finished."""
        found: set[JobId] = set()
        waiting = list(job_ids)
        with self.store.reading():
            while waiting:
                job_id = waiting.pop()
                stored = None if job_id in found else self.store.jobs.by_id(job_id)
                if stored is not None and stored.record.status not in TERMINAL:
                    found.add(job_id)
                    waiting.extend(stored.record.jobDependencies)
        return found

    def app_of(self, claim: Claim) -> ClaimedApp:
        """Where the code of a claimed job is; records which version of it runs.

        Raises:
            InvalidApp: the code is not here.
        """
        with self.store.reading():
            return self._app_of(claim)

    def _app_of(self, claim: Claim) -> ClaimedApp:
        definition = claim.job.jobDefinition
        app = self.store.services.app(claim.job.serviceName, definition.appName)
        processor = None if app is None else processor_of(app, definition.processorName)
        image = "" if processor is None else processor.image
        if app is None or (app.source is None and not image):
            raise InvalidApp(f"The code of app {definition.appName!r} is not on this machine.")
        folder = None if app.source is None else self.app_folder(app.source)
        version = state = app.version or ""
        sdk = app.sdk
        if folder is not None and not (app.source or "").startswith("bundled:"):
            # It may have been edited since the job was submitted: what counts is what runs.
            found = self.folder_state(folder)
            state = found.digest
            sdk = sdk if state == app.folder_digest else imported_sdk(found)
            is_declared = declared_version(app.record.appSpecification) is not None
            version = version if is_declared else f"sha256:{state}"
        stored = self._held(claim)
        if stored.app_version != version:
            self._change(claim, app_version=version)
        return ClaimedApp(
            folder=folder,
            python_path=python_path_with_sdk(self.store.folder.sdk),
            environments=self.store.folder.environments,
            state=state,
            may_be_warm=sdk == "dendro_local" and may_be_warm(app.record.appSpecification),
            sdk=sdk,
            secrets=self.secrets_of(stored),
            image=image,
            executable="" if processor is None else processor.executable,
            needs_network=processor is not None and needs_network(processor),
        )

    def set_running(
        self, claim: Claim, image_uri: str | None = None, *, started_at: float | None = None
    ) -> None:
        """The app has been started, in a container of this image if there is one.

        It was so at the time that is given, in seconds since 1970, or now.

        Raises:
            ClaimLost: the job is not this run's any more.
        """
        started_at = started_at or time.time()
        self._change(claim, status="running", started_at=started_at, image_uri=image_uri)

    def complete(
        self, claim: Claim, result: RunResult, digests: Mapping[Path, Digest] | None = None
    ) -> None:
        """The job is completed: its files are kept, then its record says so.

        Args:
            claim: the job.
            result: what it left.
            digests: of those of its files whose digests are known.

        Raises:
            ClaimLost: the job is not this run's any more; nothing was recorded.
        """
        known = digests or {}
        with self._adopting() as adopted:
            files = JobFiles(
                outputs={
                    name: StoredFile(None, None, found)
                    if isinstance(found, str)
                    else self._keep(found, adopted, known.get(found))
                    for name, found in result.outputs.items()
                },
                others={
                    name: self._keep(file, adopted, known.get(file))
                    for name, file in result.others.items()
                },
                console=self._keep_log(result.console, adopted),
                usage=self._keep_log(result.usage, adopted),
            )
            with self.store.transaction(may_share=True, gives_work=False):
                stored = self._held(claim)
                status = stored.record.status
                started: dict[str, float] = {}
                if status == "starting" and result.started_at is not None:
                    check_step(claim.job.jobId, status, "running")
                    status, started = "running", {"started_at": result.started_at}
                check_step(claim.job.jobId, status, "completed")
                self._restore(adopted)
                lets_others_run = self._end_completed(stored, files, **started)
        if lets_others_run:
            self.store.wake()

    def _end_completed(self, stored: StoredJob, files: JobFiles, **more: float) -> bool:
        """Make a job completed, with what follows for others. Inside a transaction.

        Args:
            stored: the job.
            files: what it left.
            more: columns to set besides.

        Returns:
            Whether others may run now that had waited for it.
        """
        self.store.jobs.update(
            stored.number,
            status="completed",
            files=files,
            content_key=self.content_key_of(stored),
            finished_at=time.time(),
            claim_token=None,
            **more,
        )
        return self.release_dependents(stored.record.jobId)

    def fail(
        self, claim: Claim, error: str, console: Path | None, usage: Path | None = None
    ) -> None:
        """The job failed.

        Raises:
            ClaimLost: the job is not this run's any more; nothing was recorded.
        """
        with self._adopting() as adopted:
            files = JobFiles(
                console=self._keep_log(console, adopted), usage=self._keep_log(usage, adopted)
            )
            with self.store.transaction(may_share=True, gives_work=False):
                self._restore(adopted)
                if self._keeps_canceled(claim, files):
                    return
                stored = self._held(claim)
                self.store.jobs.update(stored.number, files=files)
                self.end_failed(stored, error)

    def _keeps_canceled(self, claim: Claim, files: JobFiles) -> bool:
        """Keep what a job printed and used until it was canceled; whether it was.

        Its end is recorded already, so that only this can be added, and by its last run alone.
        """
        stored = self.store.jobs.by_id(claim.job.jobId)
        if stored is None or not stored.record.canceled or stored.attempts != claim.attempt:
            return False
        self.store.jobs.update(stored.number, files=files)
        return True

    def give_up(self, claim: Claim) -> None:
        """End an abandoned claim: its job is pending again, or failed after too many attempts."""
        with self._adopting() as adopted, self.store.transaction():
            stored = self._held(claim)
            if requeue_or_fail(stored.attempts, self.max_attempts) == "pending":
                self._requeue(stored, attempts=stored.attempts)
                return
            files = JobFiles(
                console=self._keep_log(claim.folder / "console.txt", adopted),
                usage=self._keep_log(claim.folder / "usage.jsonl", adopted),
            )
            self.store.jobs.update(stored.number, files=files)
            self.end_failed(stored, _why_given_up(stored))


def _why_given_up(stored: StoredJob) -> str:
    times = "once" if stored.attempts == 1 else f"{stored.attempts} times"
    fate = "died"
    if (stored.claim_token or "").startswith((f"{CONTRACT_RUN}:", REMOTE_RUN)):
        fate = "was not heard of for too long"
    return (
        f"The compute client that ran it {fate} ({times}). What the job printed shows how far it "
        "came."
    )
