"""This machine as a compute client of a hub: its run, and which jobs it takes and loses."""

import os
import threading
import time
from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path

from dendro_local.errors import HubUnreachable
from dendro_local.hub import Claim, RunToken
from dendro_local.lifecycle import ACTIVE, TERMINAL
from dendro_local.matching import Capacity
from dendro_local.model import ComputeSlot, JobId
from dendro_local.random_ids import random_token
from dendro_local.remote_hub.credentials import key_in_use, read_client_key
from dendro_local.remote_hub.events import JobEvent, RemoteChanges
from dendro_local.remote_hub.live_logs import LiveLogs
from dendro_local.remote_hub.part import RemotePart
from dendro_local.remote_hub.remote_run import RemoteRun
from dendro_local.store.locks import FileLock, exclusive
from dendro_local.v1 import BeginRun, ClaimedJob, ClaimRequest, Details, Room

__all__ = ["ClientRuns"]

ASK_SEC = 30.0
"""How often to ask for jobs though the hub tells of none."""

BEAT_SEC = 15.0
"""How often to ask whether jobs are lost though the hub tells of none."""

DEAF_ASK_SEC = 2.0
"""How often to ask what the hub would tell, while it cannot be listened to."""


class ClientRuns(RemotePart):
    """What is asked about runs and claims."""

    def __init__(self) -> None:
        self._work: Work | None = None
        self._changes: RemoteChanges | None = None
        self._may_have_jobs = threading.Event()
        self._may_have_lost = threading.Event()
        self._refused: tuple[Sequence[ComputeSlot], Capacity] | None = None
        self._ask_at = 0.0

    # Runs

    def begin_run(
        self, slots: Sequence[ComputeSlot], *, serves_all: bool, runtime: str = "process"
    ) -> RunToken:
        """Begin to work as the compute client as which this machine is registered.

        Raises:
            NotAuthenticated: it is not registered, or its key is not in use any more.
            Conflict: another process works as this compute client.
        """
        key = read_client_key(self.local_folder)
        lock = key_in_use(key)
        try:
            begin = BeginRun(
                slots=list(slots),
                serves_all=serves_all,
                runtime=runtime,
                instance=_instance(self.folder.root),
            )
            run = RemoteRun(self.transport.base_url, key, begin)
            jobs = self.folder.jobs / key.compute_client_id
            work = Work(run, LiveLogs(run), lock, jobs)
            run.steps = work.logs.steps
            try:
                token = run.begin()
            except BaseException:
                work.end()
                raise
        except BaseException:
            lock.release()
            raise
        self._work = work
        return token

    def set_unable(self, run: RunToken, reason: str | None) -> None:
        """Tell why this compute client can run nothing now; None when it can again."""
        self.working.run.unable = reason
        self.working.run.beat(at_once=True)

    def end_run(self, run: RunToken) -> None:
        """Count as alive no more."""
        self.stop_running()

    def stop_running(self) -> None:
        """Ask and tell nothing more as a compute client."""
        work, self._work = self._work, None
        if work is not None:
            work.end()
            work.lock.release()

    def holds(self, job_id: JobId) -> bool:
        """Whether this compute client runs a job."""
        return self._work is not None and self._work.run.holds(job_id)

    def follow(self, changes: RemoteChanges) -> None:
        """What tells a compute client of changes."""
        self._changes = changes

    def concerns_compute_client(self, event: JobEvent) -> bool:
        """Whether a compute client may have something to do about a change, which it is told."""
        job = event.job
        may_have_jobs = job is None or (job.status == "pending" and job.isRunnable)
        may_have_lost = job is None or (job.status not in ACTIVE and self.holds(job.jobId))
        if may_have_jobs:
            self._may_have_jobs.set()
        if may_have_lost:
            self._may_have_lost.set()
        return may_have_jobs or may_have_lost

    # Claims

    def claim_next(
        self,
        run: RunToken,
        slots: Sequence[ComputeSlot],
        free: Capacity,
        only: Collection[JobId] | None = None,
    ) -> Claim | None:
        """Take the next runnable job that fits; None also while the hub is away."""
        offer = list(slots), free
        now = time.monotonic()
        # Who is told of jobs need not ask for them again and again.
        is_told = self._changes is not None and not self._may_have_jobs.is_set()
        if is_told and offer == self._refused and now < self._ask_at:
            return None
        self._may_have_jobs.clear()
        room = Room(num_cpus=free.num_cpus, num_gpus=free.num_gpus, memory_gb=free.memory_gb)
        work = self.working
        found = work.run.claim(
            ClaimRequest(slots=offer[0], free=room, only=None if only is None else sorted(only))
        )
        if found is None:
            self._refused = offer
            self._ask_at = now + (ASK_SEC if self._is_listening else DEAF_ASK_SEC)
            return None
        self._refused = None
        claim = work.claim(found)
        work.logs.add(claim, is_new=True)
        return claim

    def unfinished_ancestry(self, job_ids: Collection[JobId]) -> set[JobId]:
        """Those of the jobs, and of what they depend on, that are not finished."""
        found: set[JobId] = set()
        waiting = list(job_ids)
        while waiting:
            job_id = waiting.pop()
            if job_id in found:
                continue
            job = self.transport.get(f"/v1/jobs/{job_id}", Details).job
            if job.status not in TERMINAL:
                found.add(job_id)
                waiting.extend(job.jobDependencies)
        return found

    def lost_claims(self, claims: Sequence[Claim]) -> list[Claim]:
        """Those that are claims no more: the job was canceled, deleted or given to another.

        While the hub is away, none is known to be lost.
        """
        run = self.working.run
        is_news = self._may_have_lost.is_set()
        self._may_have_lost.clear()
        run.beat(at_once=is_news, every_sec=BEAT_SEC if self._is_listening else DEAF_ASK_SEC)
        return run.lost(claims)

    def renew(self, claims: Sequence[Claim]) -> None:
        """Nothing: heartbeats keep claims."""

    def abandoned(self) -> list[Claim]:
        """Claims of earlier runs of this compute client, which are not alive any more."""
        work = self._work
        return [] if work is None else [work.claim(each) for each in work.run.abandoned()]

    def adopt(self, claim: Claim, run: RunToken) -> Claim:
        """Take over an abandoned claim whose app still runs, or has ended meanwhile.

        Raises:
            ClaimLost: it is another's by now.
            HubUnreachable: the hub does not answer; the claim is abandoned still.
        """
        work = self.working
        adopted = work.claim(work.run.adopt(claim.job.jobId, claim.token))
        work.logs.add(adopted, is_new=False)
        return adopted

    def give_up(self, claim: Claim) -> None:
        """End an abandoned claim: its job is pending again, or failed after too many attempts.

        Raises:
            ClaimLost: it is another's by now.
            HubUnreachable: the hub does not answer; the claim is abandoned still.
        """
        self.working.run.give_up(claim.job.jobId, claim.token)

    def left_folders(self) -> list[Path]:
        """Working folders of earlier runs whose jobs are not this compute client's any more."""
        work = self.working
        return work.left_folders() if work.run.is_settled else []

    @property
    def working(self) -> "Work":
        """The run as a compute client.

        Raises:
            HubUnreachable: there is none.
        """
        work = self._work
        if work is None:
            raise HubUnreachable("This process does not work for the hub any more.")
        return work

    @property
    def _is_listening(self) -> bool:
        return self._changes is not None and self._changes.is_listening


class Work:
    """All that one run as a compute client needs."""

    def __init__(self, run: RemoteRun, logs: LiveLogs, lock: FileLock, jobs: Path) -> None:
        self.run = run
        self.logs = logs
        self.lock = lock
        self._jobs = jobs
        jobs.mkdir(parents=True, exist_ok=True)
        self._found = [each for each in jobs.iterdir() if each.is_dir()]

    def claim(self, claimed: ClaimedJob) -> Claim:
        """A claim as this machine works on it."""
        folder = self._jobs / f"{claimed.job.jobId}.{claimed.attempt}"
        if folder in self._found:
            self._found.remove(folder)
        return Claim(
            number=claimed.number,
            job=claimed.job,
            token=claimed.token,
            attempt=claimed.attempt,
            folder=folder,
        )

    def left_folders(self) -> list[Path]:
        """Folders that were there at the beginning, and are of no claim; each is told once."""
        found, self._found = self._found, []
        return found

    def end(self) -> None:
        """Ask and tell nothing more."""
        self.logs.close()
        self.run.end()


def _instance(folder: Path) -> str:
    """What tells this machine, and this folder of it, from others."""
    file = folder / "instance"
    with exclusive(folder / ".instance.lock"):
        if not file.exists():
            file.write_text(random_token(16), encoding="ascii")
    # A folder that several machines share is another one on each.
    token = f"{os.uname().nodename}:{file.read_text(encoding='ascii')}"
    return sha256(token.encode()).hexdigest()[:32]
