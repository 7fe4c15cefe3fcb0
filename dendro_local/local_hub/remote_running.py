"""Runs of compute clients on other machines, and what becomes of those not heard of.

A run on this machine is alive while a lock is held; one on another machine while its heartbeats
come. When they stop for longer than the leases of its claims, its jobs go back, as those of a
compute client that died here do. Only a server hears heartbeats, and so only a server may say that
a run is not heard of any more.
"""

import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dendro_local.errors import ClaimLost, Conflict, InvalidRequest
from dendro_local.hub import RunToken
from dendro_local.lifecycle import ACTIVE
from dendro_local.local_hub.claims import LEASE_SEC, REMOTE_RUN, is_leased, is_remote_run
from dendro_local.local_hub.remote_claims import RemoteClaims, run_of
from dendro_local.model import ComputeSlot, JobId
from dendro_local.random_ids import random_token
from dendro_local.store import LiveRun, StoredJob

__all__ = ["RUN_LEASE_SEC", "RemoteRunning"]

RUN_LEASE_SEC = 60.0
"""How long a run counts as alive after a heartbeat. A heartbeat comes several times in it."""

RENEW_SEC = 10.0
"""How long after a heartbeat the next need not be written down."""

UNKNOWN_SEC = 30.0
"""How long a claim may be on its way to the run that has made it."""

FORGOTTEN_SEC = 7 * 24 * 3600.0
"""How long a run that is not heard of can come back."""

MAX_STEP = 2000
"""How many characters are kept of what a run says that it does for a job."""


class RemoteRunning(RemoteClaims):
    """What compute clients of other machines ask."""

    def begin_remote_run(
        self,
        client_id: str,
        slots: Sequence[ComputeSlot],
        *,
        serves_all: bool,
        runtime: str,
        instance: str,
    ) -> RunToken:
        """Begin a run of a registered compute client, which has one at a time.

        What an earlier run of it left is `abandoned_by` it from now on.

        Args:
            client_id: of the compute client.
            slots: what one job may have of its machine.
            serves_all: whether it takes any job.
            runtime: how it runs apps.
            instance: tells its machine, and the folder in which it runs jobs there, from others:
                letters and digits.

        Raises:
            ComputeClientNotFound: there is none of this id.
            Conflict: it runs elsewhere.
            InvalidRequest: the instance has other characters.
        """
        if not (instance.isascii() and instance.isalnum() and len(instance) <= 64):
            raise InvalidRequest(f"instance is {instance[:100]!r}. Give up to 64 letters, digits.")
        client = self.compute_client(client_id)
        prefix = f"{REMOTE_RUN}{client_id}-{instance}-"
        live = LiveRun(
            run_id=prefix + random_token(6),
            compute_client_id=client_id,
            name=client.computeClientName,
            serves_all=serves_all,
            slots=list(slots),
            runtime=runtime,
        )
        now = time.time()
        with self.store.transaction():
            runs = self.store.remote_runs
            if any(not each.run_id.startswith(prefix) for each in runs.live_runs(client_id)):
                raise Conflict(
                    f"Compute client {client.computeClientName} ({client_id}) is at work already, "
                    "on another machine or in another folder. Register one for each: "
                    "`dendro-local clients register NAME` on the hub's machine. If that one has "
                    f"ended, try again in {RUN_LEASE_SEC:g} s."
                )
            runs.forget_older(now - FORGOTTEN_SEC)
            runs.end_all_of(client_id)
            runs.begin(live, now + RUN_LEASE_SEC)
        return _token(live, client.userId)

    def remote_run(self, run_id: str, client_id: str) -> RunToken:
        """The run of this id of a compute client, even if it was not heard of for a while.

        Raises:
            ClaimLost: it has ended.
        """
        with self.store.reading():
            live, _ = self._live(run_id)
            if live.compute_client_id != client_id:
                raise _no_run(run_id)
            return _token(live, self.compute_client(client_id).userId)

    def heartbeat(
        self,
        run: RunToken,
        claims: Mapping[JobId, str],
        *,
        steps: Mapping[JobId, str],
        unable: str | None,
    ) -> list[JobId]:
        """Keep a run and its claims for another while; those of its jobs that it has lost.

        Args:
            run: the run.
            claims: tokens of the claims by job.
            steps: what it does for a job before its app is started, by job.
            unable: why it can run nothing now; None if it can.
        """
        now = time.time()
        with self.store.reading():
            live, expires_at = self._live(run.run_id)
            found = {job_id: self.store.jobs.by_id(job_id) for job_id in claims}
            held = {
                job_id: stored
                for job_id, stored in found.items()
                if stored is not None and _is_of(stored, claims[job_id])
            }
            if expires_at - now < RUN_LEASE_SEC - RENEW_SEC:
                with self.store.transaction(quietly=True):
                    self.store.remote_runs.renew(run.run_id, now + RUN_LEASE_SEC)
                    self.store.jobs.renew(
                        [(each.number, each.claim_token or "") for each in held.values()],
                        now + LEASE_SEC,
                    )
                self._release_unknown(run, claims)
            if live.unable != unable:
                with self.store.transaction(quietly=True):
                    self.store.remote_runs.set_unable(live, unable)
        for job_id, stored in held.items():
            folder = self.store.folder.job_folder(job_id, stored.attempts)
            _note_step(folder / "preparation.txt", steps.get(job_id))
        return [job_id for job_id in claims if job_id not in held]

    def end_remote_run(self, run: RunToken) -> None:
        """Count a run as alive no more. What it holds is kept for its compute client's next."""
        with self.store.transaction():
            self.store.remote_runs.end(run.run_id)

    # What becomes of runs that are not heard of

    def end_lapsed_runs(self) -> None:
        """Put back, or fail, the jobs of runs on other machines that are not heard of any more."""
        alive = {run.run_id for run in self.store.remote_runs.live_runs()}
        for claim in self.remote_claims():
            stored = self.store.jobs.by_id(claim.job.jobId)
            if stored is None or is_leased(stored) or run_of(claim.token) in alive:
                continue
            with contextlib.suppress(ClaimLost):  # it was taken over, or ended, this very moment
                self.give_up(claim)
                self.clear_folder(claim)

    def let_runs_come_back(self) -> None:
        """Count runs as just heard of: while no server was there, none could be heard."""
        now = time.time()
        with self.store.transaction(quietly=True):
            self.store.remote_runs.renew_all(now + RUN_LEASE_SEC)
            numbers = [(claim.number, claim.token) for claim in self.remote_claims()]
            self.store.jobs.renew(numbers, now + LEASE_SEC)

    def forget_remote_runs(self) -> None:
        """Count no run on another machine as alive, as in a copy of the store."""
        with self.store.transaction():
            self.store.remote_runs.end_all()

    def _release_unknown(self, run: RunToken, claims: Mapping[JobId, str]) -> None:
        """Put back what a run holds without knowing of it: it never got the answer to its claim."""
        latest = time.time() - UNKNOWN_SEC
        for stored in self.store.jobs.active():
            since = stored.record.timestampStartingSec or 0.0
            is_its = run_of(stored.claim_token or "") == run.run_id
            if is_its and stored.record.jobId not in claims and since < latest:
                with contextlib.suppress(ClaimLost):  # it ended this very moment
                    self.release(self._as_claim(stored, stored.claim_token or ""))

    def _live(self, run_id: str) -> tuple[LiveRun, float]:
        found = self.store.remote_runs.get(run_id)
        if found is None:
            raise _no_run(run_id)
        return found


def _token(live: LiveRun, user_id: str) -> RunToken:
    return RunToken(
        run_id=live.run_id,
        compute_client_id=live.compute_client_id,
        name=live.name,
        user_id=user_id,
        runtime=live.runtime,
    )


def _is_of(stored: StoredJob, token: str) -> bool:
    """Whether a job is held by this claim, in whatever run."""
    held = stored.claim_token or ""
    is_active = stored.record.status in ACTIVE and is_remote_run(held)
    return is_active and held.rpartition(":")[2] == token.rpartition(":")[2]


def _note_step(note: Path, step: str | None) -> None:
    """Write down what is done for a job, for `why`."""
    with contextlib.suppress(OSError):  # it is only told to people
        if step is None:
            note.unlink(missing_ok=True)
        else:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(step[:MAX_STEP], encoding="utf-8")


def _no_run(run_id: str) -> ClaimLost:
    return ClaimLost(f"Run {run_id} has ended, or a later one has begun. Begin a new one.")
