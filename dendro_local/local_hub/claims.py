"""Claims of jobs by compute clients.

A claim's token begins with the run of the compute client that holds it, so that a store can tell
at any moment whether the claim's holder is still alive. Every later step of the run is refused
unless its token is still the job's.
"""

import time
from collections.abc import Collection, Iterable, Sequence

from dendro_local.errors import ClaimLost
from dendro_local.hub import Claim, RunToken
from dendro_local.lifecycle import check_step
from dendro_local.local_hub.app_code import lacking
from dendro_local.local_hub.submitting import Submitting
from dendro_local.matching import Capacity, slot_fits
from dendro_local.model import ComputeSlot, Job, JobId
from dendro_local.random_ids import random_token
from dendro_local.store import StoredJob

__all__ = [
    "CONTRACT_RUN",
    "Claims",
    "LEASE_SEC",
    "REMOTE_RUN",
    "SEARCHED",
    "is_leased",
    "is_remote_run",
]

LEASE_SEC = 120.0
"""How long a claim lasts without being renewed."""

CONTRACT_RUN = "contract"
"""Stands in a claim for the run of whoever runs the job over the contract and has no lock."""

REMOTE_RUN = "remote-"
"""With this the run of a compute client on another machine begins: no lock tells of it."""

SEARCHED = 1000
"""How many runnable jobs are looked at for one that fits."""


class Claims(Submitting):
    """What is asked about claims: who holds which, and for how long."""

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
        with self.store.transaction(may_share=True, quietly=True):
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
        # After a power cut nothing runs here any more whose claim it could be, and the job is to
        # be pending again. On another machine its compute client goes on, and is to be known.
        is_durable = is_remote_run(run.run_id)
        with self.store.transaction(may_share=True, is_durable=is_durable, gives_work=False):
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


def is_remote_run(run_id: str) -> bool:
    """Whether a run, or a claim of one, is of a compute client on another machine."""
    return run_id.startswith(REMOTE_RUN)


def is_leased(stored: StoredJob) -> bool:
    """Whether the claim of an active job has not lapsed."""
    return stored.lease_until is not None and time.time() <= stored.lease_until
