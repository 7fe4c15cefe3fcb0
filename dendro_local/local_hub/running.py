"""What compute clients ask: claims, inputs, and how a run ended.

A claim's token begins with the run of the compute client that holds it, so that a store can tell
at any moment whether the claim's holder is still alive. Every later step of the run is refused
unless its token is still the job's.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from pathlib import Path
from stat import S_ISREG

from dendro_local.app_source import (
    declared_version,
    imported_sdk,
    may_be_warm,
    needs_network,
    python_path_with_sdk,
)
from dendro_local.errors import ClaimLost, InputUnavailable, InvalidApp
from dendro_local.file_urls import parse_blob_url, parse_file_url
from dendro_local.hub import Claim, ClaimedApp, FetchedInput, RunResult, RunToken
from dendro_local.lifecycle import TERMINAL, check_step, requeue_or_fail
from dendro_local.local_hub.app_code import lacking, processor_of
from dendro_local.local_hub.submitting import Submitting
from dendro_local.matching import Capacity, slot_fits
from dendro_local.model import ComputeSlot, Digest, Job, JobId, JobInputFile
from dendro_local.random_ids import random_token
from dendro_local.store import JobFiles, StoredFile, StoredJob

__all__ = ["Running", "is_leased", "is_remote_run"]

LEASE_SEC = 120.0
"""How long a claim lasts without being renewed."""

CONTRACT_RUN = "contract"
"""Stands in a claim for the run of whoever runs the job over the contract and has no lock."""

REMOTE_RUN = "remote-"
"""With this the run of a compute client on another machine begins: no lock tells of it."""

SEARCHED = 1000
"""How many runnable jobs are looked at for one that fits."""


class Running(Submitting):
    """What compute clients ask."""

    def begin_run(
        self, slots: Sequence[ComputeSlot], *, serves_all: bool, runtime: str = "process"
    ) -> RunToken:
        """Register this machine's compute client; it counts as alive until `end_run`."""
        with self.store.reading():
            run = self.store.compute_clients.begin_run(
                self.user_id, slots, serves_all=serves_all, runtime=runtime
            )
        self._runs[run.live.run_id] = run
        return RunToken(
            run_id=run.live.run_id,
            compute_client_id=run.live.compute_client_id,
            name=run.live.name,
            user_id=self.user_id,
            runtime=runtime,
        )

    def set_unable(self, run: RunToken, reason: str | None) -> None:
        """Tell why a compute client can run nothing now, for `why`; None when it can again."""
        self._runs[run.run_id].set_unable(reason)

    def end_run(self, run: RunToken) -> None:
        """Count as alive no more."""
        ended = self._runs.pop(run.run_id, None)
        if ended is not None:
            ended.end()

    def claim_next(
        self,
        run: RunToken,
        slots: Sequence[ComputeSlot],
        free: Capacity,
        only: Collection[JobId] | None = None,
    ) -> Claim | None:
        """Take the next runnable job that fits; of many that ask at once, one gets it."""
        with self.store.reading():
            for stored in self._candidates(only):
                if self._may_run(stored.record, run, slots, free):
                    claim = self._claim(stored, run)
                    if claim is not None:
                        return claim
        return None

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

    def fetch_input(
        self, claim: Claim, file: JobInputFile, should_stop: Callable[[], bool] = lambda: False
    ) -> FetchedInput:
        """Make an input readable for the app; checked to be what was submitted.

        ``should_stop`` is not asked: it is here, or not.

        Raises:
            InputUnavailable: it changed, vanished, or is no longer in the store.
        """
        digest = parse_blob_url(file.url)
        own = parse_file_url(file.url)
        with self.store.reading():
            if digest is not None:
                return _local(self._local_input(claim, file, digest))
            if own is not None:
                return self._output_of(JobId(own.job_id), own.output_name, own.file_base_name, file)
        if file.url.startswith("dendro:"):
            raise InputUnavailable(
                f"Input {file.name!r}: {file.url!r} names no file that a store can have."
            )
        return FetchedInput(path=None, url=file.url)

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
            with self.store.transaction(may_share=True):
                stored = self._held(claim)
                status = stored.record.status
                started: dict[str, float] = {}
                if status == "starting" and result.started_at is not None:
                    check_step(claim.job.jobId, status, "running")
                    status, started = "running", {"started_at": result.started_at}
                check_step(claim.job.jobId, status, "completed")
                self._restore(adopted)
                self._end_completed(stored, files, **started)

    def _end_completed(self, stored: StoredJob, files: JobFiles, **more: float) -> None:
        """Make a job completed, with what follows for others. Inside a transaction.

        Args:
            stored: the job.
            files: what it left.
            more: columns to set besides.
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
        self.release_dependents(stored.record.jobId)

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
            with self.store.transaction(may_share=True):
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

    def release(self, claim: Claim) -> None:
        """Give a claimed job back: pending again, as if it had not been claimed."""
        with self.store.transaction():
            stored = self._held(claim)
            self._requeue(stored, attempts=stored.attempts - 1)

    def lost_claims(self, claims: Sequence[Claim]) -> list[Claim]:
        """Those that are claims no more: the job was canceled, deleted or given to another."""
        with self.store.reading():
            tokens = self.store.jobs.claim_tokens([claim.job.jobId for claim in claims])
        return [claim for claim in claims if tokens.get(claim.job.jobId) != claim.token]

    def renew(self, claims: Sequence[Claim]) -> None:
        """Keep claims for another while."""
        with self.store.transaction(may_share=True):
            self.store.jobs.renew(
                [(claim.number, claim.token) for claim in claims], time.time() + LEASE_SEC
            )

    def abandoned(self) -> list[Claim]:
        """Claims of compute clients of this machine that are not alive any more.

        And of those who run jobs over the contract, when they are not heard of.
        """
        alive: dict[str, bool] = {}
        found: list[Claim] = []
        with self.store.reading():
            for stored in self.store.jobs.active():
                token = stored.claim_token or ""
                run_id = token.partition(":")[0]
                if is_remote_run(run_id):
                    continue  # the server sees to these: only it can hear of them
                if run_id == CONTRACT_RUN:
                    is_alive = is_leased(stored)
                elif run_id in alive:
                    is_alive = alive[run_id]
                else:
                    is_alive = alive[run_id] = self.store.compute_clients.is_alive(run_id)
                if not is_alive:
                    found.append(self._as_claim(stored, token))
        return found

    def adopt(self, claim: Claim, run: RunToken) -> Claim:
        """Take over an abandoned claim whose app still runs, or has ended meanwhile.

        Raises:
            ClaimLost: another compute client was faster.
        """
        token = f"{run.run_id}:{random_token(8)}"
        with self.store.transaction():
            stored = self._held(claim)
            self.store.jobs.update(
                stored.number,
                compute_client_id=run.compute_client_id,
                compute_client_name=run.name,
                compute_client_user_id=run.user_id,
                claim_token=token,
                lease_until=time.time() + LEASE_SEC,
            )
            return self._as_claim(self.stored(claim.job.jobId), token)

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

    # Claims

    def _candidates(self, only: Collection[JobId] | None) -> Iterable[StoredJob]:
        count = 0
        for stored in self.store.jobs.runnable(SEARCHED):
            count += 1
            if only is None or stored.record.jobId in only:
                yield stored
        if only is None or count < SEARCHED:
            return  # that was all there is
        for job_id in only:
            found = self.store.jobs.by_id(job_id)
            if found and found.record.status == "pending" and found.record.isRunnable:
                yield found

    def _may_run(
        self, job: Job, run: RunToken, slots: Sequence[ComputeSlot], free: Capacity
    ) -> bool:
        targets = job.targetComputeClientIds
        if targets and "*" not in targets and run.compute_client_id not in targets:
            return False
        wanted = job.requiredResources
        if not free.holds(wanted) or not any(slot_fits(slot, wanted) for slot in slots):
            return False
        app = self.store.services.app(job.serviceName, job.jobDefinition.appName)
        return (
            app is not None and lacking(app, job.jobDefinition.processorName, run.runtime) is None
        )

    def _claim(self, stored: StoredJob, run: RunToken) -> Claim | None:
        token = f"{run.run_id}:{random_token(8)}"
        now = time.time()
        with self.store.transaction(may_share=True):
            taken = self.store.jobs.take(
                stored.record.jobId,
                starting_at=now,
                compute_client_id=run.compute_client_id,
                compute_client_name=run.name,
                compute_client_user_id=run.user_id,
                claim_token=token,
                lease_until=now + LEASE_SEC,
            )
        # Without one, another compute client was faster.
        return None if taken is None else self._as_claim(taken, token)

    def _as_claim(self, stored: StoredJob, token: str) -> Claim:
        job_id = stored.record.jobId
        return Claim(
            number=stored.number,
            job=stored.record,
            token=token,
            attempt=stored.attempts,
            folder=self.store.folder.job_folder(job_id, stored.attempts),
        )

    def _held(self, claim: Claim) -> StoredJob:
        """The claimed job as it is now, if the claim still holds."""
        stored = self.store.jobs.by_id(claim.job.jobId)
        if stored is None or stored.claim_token != claim.token:
            now = "deleted" if stored is None else stored.record.status
            raise ClaimLost(f"Job {claim.job.jobId} is no longer this run's: it is {now}.")
        return stored

    def _change(self, claim: Claim, **changes: object) -> None:
        with self.store.transaction(may_share=True):
            stored = self._held(claim)
            if "status" in changes:
                check_step(claim.job.jobId, stored.record.status, "running")
            self.store.jobs.update(stored.number, **changes)

    def _requeue(self, stored: StoredJob, *, attempts: int) -> None:
        check_step(stored.record.jobId, stored.record.status, "pending")
        self.store.jobs.update(
            stored.number,
            status="pending",
            starting_at=None,
            started_at=None,
            compute_client_id=None,
            compute_client_name=None,
            compute_client_user_id=None,
            claim_token=None,
            lease_until=None,
            attempts=attempts,
        )

    # Files

    @contextlib.contextmanager
    def _adopting(self) -> Generator[dict[Digest, Path]]:
        """A block that takes files in as blobs: without its record, none of them stays.

        Gives the table to which each is added.
        """
        adopted: dict[Digest, Path] = {}
        with self.store.reading():
            try:
                yield adopted
            except BaseException:
                self.remove_blobs(list(adopted))
                raise

    def _keep(
        self, file: Path, adopted: dict[Digest, Path], digest: Digest | None = None
    ) -> StoredFile:
        if digest is None:
            digest, size = self.store.blobs.adopt(file)
        else:
            self.store.blobs.restore(digest, file)
            size = file.stat().st_size
        adopted[digest] = file
        return StoredFile(digest, size)

    def _keep_log(self, log: Path | None, adopted: dict[Digest, Path]) -> StoredFile | None:
        if log is None:
            return None
        try:
            status = log.stat()
        except OSError:
            return None
        return self._keep(log, adopted) if S_ISREG(status.st_mode) and status.st_size else None

    def _restore(self, adopted: Mapping[Digest, Path]) -> None:
        """Name the files as blobs again that a deletion removed since they were adopted.

        Inside the transaction that records them: a deletion looks in one of its own.
        """
        for digest, file in adopted.items():
            self.store.blobs.restore(digest, file)

    def _local_input(self, claim: Claim, file: JobInputFile, digest: Digest) -> Path:
        """A file of this machine with the bytes of this digest."""
        blob = self.blob(digest)
        if blob.exists():
            return blob
        submitted = self.store.jobs.input_paths(claim.number).get(file.url)
        paths = [Path(submitted)] if submitted is not None else []
        paths += [path for path in self.store.local_files.paths(digest) if path not in paths]
        faults: list[str] = []
        for path in paths:
            try:
                found, _ = self.store.local_files.digest(path)
            except InputUnavailable as error:
                faults.append(str(error))
                continue
            if found == digest:
                return path
            faults.append(f"{path} has changed since the job was submitted.")
        raise InputUnavailable(
            f"Input {file.name!r} is not there any more: "
            + (faults[0] if faults else f"no file with digest {digest[:12]}... is known here.")
            + " Submit the job with the file as it is now."
        )

    def _output_of(
        self, job_id: JobId, output: str, base_name: str, file: JobInputFile
    ) -> FetchedInput:
        stored = self.store.jobs.by_id(job_id)
        found = None if stored is None else stored.files.find(output, base_name)
        if found is not None and found.url is not None:
            return FetchedInput(path=None, url=found.url)
        path = None if found is None or found.digest is None else self.blob(found.digest)
        if path is None or not path.exists():
            raise InputUnavailable(
                f"Input {file.name!r} is output {output!r} of job {job_id}, whose bytes are no "
                "longer in the store. Run that job again."
            )
        return _local(path)


def is_remote_run(run_id: str) -> bool:
    """Whether a run, or a claim of one, is of a compute client on another machine."""
    return run_id.startswith(REMOTE_RUN)


def is_leased(stored: StoredJob) -> bool:
    """Whether the claim of an active job has not lapsed."""
    return stored.lease_until is not None and time.time() <= stored.lease_until


def _why_given_up(stored: StoredJob) -> str:
    times = "once" if stored.attempts == 1 else f"{stored.attempts} times"
    fate = "died"
    if (stored.claim_token or "").startswith((f"{CONTRACT_RUN}:", REMOTE_RUN)):
        fate = "was not heard of for too long"
    return (
        f"The compute client that ran it {fate} ({times}). What the job printed shows how far it "
        "came."
    )


def _local(path: Path) -> FetchedInput:
    return FetchedInput(path=path, url=path.as_uri())
