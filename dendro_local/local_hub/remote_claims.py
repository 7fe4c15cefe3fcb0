"""Jobs that compute clients on other machines have taken: who holds which, and how it ended.

A claim is known by its token, whose second half stays the same when another run of the compute
client takes it over. A step that is asked for a second time, since its answer was lost, is known
to have been done.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence

from dendro_local.errors import ClaimLost
from dendro_local.hub import Claim, RunToken
from dendro_local.lifecycle import ACTIVE
from dendro_local.local_hub.claims import LEASE_SEC, SEARCHED, is_remote_run
from dendro_local.local_hub.compute_clients import ComputeClients
from dendro_local.local_hub.running import Running
from dendro_local.matching import Capacity
from dendro_local.model import ComputeClient, ComputeSlot, JobId
from dendro_local.store import StoredJob

__all__ = ["RemoteClaims", "run_of"]

FIRST_FEW = 20
"""So many runnable jobs of a service are looked at first: most often one of them is taken."""


class RemoteClaims(Running, ComputeClients):
    """What is asked about claims of compute clients of other machines."""

    def claim_for(
        self,
        run: RunToken,
        slots: Sequence[ComputeSlot],
        free: Capacity,
        only: Collection[JobId] | None = None,
    ) -> Claim | None:
        """Take the next job that fits, of the first service of a compute client that has one."""
        with self.store.reading():
            client = self.compute_client(run.compute_client_id)
            for stored in self._offered(client):
                if only is not None and stored.record.jobId not in only:
                    continue
                if self._may_run(stored.record, run, slots, free):
                    claim = self._claim(stored, run)
                    if claim is not None:
                        return claim
        return None

    def _offered(self, client: ComputeClient) -> Iterator[StoredJob]:
        """Runnable jobs that a compute client may see, those of its first service first."""
        users = client.processJobsForUsers
        for name in client.serviceNames:
            service = self.store.services.get(name)
            if service is None or not self.may_process_jobs(client.userId, service):
                continue
            given = 0
            for limit in (FIRST_FEW, SEARCHED):
                found = self.store.job_offers.runnable([name], limit)
                for stored in found[given:]:
                    if users is None or stored.record.userId in users:
                        yield stored
                given = len(found)
                if given < limit:
                    break

    def held_claim(self, job_id: JobId, token: str, client_id: str) -> Claim:
        """The claim that a compute client of another machine holds.

        Raises:
            ClaimLost: the job is not its any more.
        """
        with self.store.reading():
            stored = self.store.jobs.by_id(job_id)
        if (
            stored is None
            or not is_remote_run(token)
            or stored.claim_token != token
            or stored.record.computeClientId != client_id
        ):
            raise _not_held(job_id, stored)
        return self._as_claim(stored, token)

    def canceled_claim(self, job_id: JobId, attempt: int, client_id: str) -> Claim | None:
        """The last claim of a job that was canceled while this compute client ran it.

        What it had printed until then can still be added.
        """
        stored = self._last_run(job_id, attempt, client_id)
        return None if stored is None or not stored.record.canceled else self._as_claim(stored, "")

    def was_completed(
        self, job_id: JobId, attempt: int, client_id: str, files: Mapping[str, str]
    ) -> bool:
        """Whether a compute client has completed a job in this attempt, with just these files.

        Args:
            job_id: the job.
            attempt: its number.
            client_id: the compute client.
            files: digests of outputs and additional files by name, and URLs that were set.
        """
        stored = self._last_run(job_id, attempt, client_id)
        if stored is None or stored.record.status != "completed":
            return False
        kept = {**stored.files.others, **stored.files.outputs}
        return files == {name: file.digest or file.url for name, file in kept.items()}

    def has_failed(self, job_id: JobId, attempt: int, client_id: str, error: str) -> bool:
        """Whether a job has failed for this reason in an attempt of a compute client."""
        stored = self._last_run(job_id, attempt, client_id)
        record = None if stored is None else stored.record
        return record is not None and (record.status, record.error) == ("failed", error)

    def abandoned_by(self, client_id: str) -> list[Claim]:
        """Claims of a compute client's runs that are not alive any more."""
        alive = {run.run_id for run in self.store.remote_runs.live_runs(client_id)}
        return [
            claim
            for claim in self.remote_claims()
            if claim.job.computeClientId == client_id and run_of(claim.token) not in alive
        ]

    def adopt_for(self, run: RunToken, job_id: JobId, token: str) -> Claim:
        """Let a run go on with a claim of an earlier run of its compute client.

        Asked again, it answers the same. Only the run in the claim's token changes, so that who
        does not get the answer can do so.

        Raises:
            ClaimLost: the job is not its any more.
        """
        new = f"{run.run_id}:{token.rpartition(':')[2]}"
        with self.store.transaction():
            stored = self.store.jobs.by_id(job_id)
            if (
                stored is None
                or stored.claim_token not in (token, new)
                or stored.record.computeClientId != run.compute_client_id
            ):
                raise _not_held(job_id, stored)
            self.store.jobs.update(
                stored.number, claim_token=new, lease_until=time.time() + LEASE_SEC
            )
            return self._as_claim(self.stored(job_id), new)

    def remote_claims(self) -> list[Claim]:
        """All claims of compute clients on other machines."""
        with self.store.reading():
            active = self.store.jobs.active()
        tokens = [(each, each.claim_token or "") for each in active]
        return [self._as_claim(each, token) for each, token in tokens if is_remote_run(token)]

    def clear_folder(self, claim: Claim) -> None:
        """Remove what came in for a claim."""
        import shutil  # only here

        shutil.rmtree(claim.folder, ignore_errors=True)

    def _last_run(self, job_id: JobId, attempt: int, client_id: str) -> StoredJob | None:
        """A job whose latest run, over by now, was this attempt of a compute client."""
        with self.store.reading():
            stored = self.store.jobs.by_id(job_id)
        if stored is None or stored.record.status in ACTIVE:
            return None
        is_its = (stored.attempts, stored.record.computeClientId) == (attempt, client_id)
        return stored if is_its else None


def run_of(token: str) -> str:
    """The run of a compute client that a claim is of."""
    return token.partition(":")[0]


def _not_held(job_id: JobId, stored: StoredJob | None) -> ClaimLost:
    now = "deleted" if stored is None else stored.record.status
    return ClaimLost(f"Job {job_id} is no longer this run's: it is {now}.")
