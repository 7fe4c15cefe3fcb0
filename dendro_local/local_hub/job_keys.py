"""Jobs that are run over the Dendro contract, by whoever has the job's key.

The key is made of the job's id and the number of the attempt that it is for, and is kept nowhere.
Whoever may run a pending job is told the key of its next attempt; with it the job is started, and
its files handed over. A later attempt has another key, so that a late writer is refused.

Such a run has no lock and no heartbeat. It is heard of at every call with its key; the original's
monitors upload what the app prints and uses at least every two minutes. What is not heard of for
much longer is given up like the claim of a compute client that died.
"""

import hmac
import time
from typing import NamedTuple

from dendro_local.errors import NotAllowed
from dendro_local.lifecycle import ACTIVE, TERMINAL
from dendro_local.local_hub.claims import CONTRACT_RUN
from dendro_local.local_hub.compute_clients import ComputeClients
from dendro_local.local_hub.running import Running
from dendro_local.model import ComputeClient, Job, JobId, JobStatus
from dendro_local.store import StoredJob

__all__ = ["JobKeys", "KeyedJob", "is_contract_run", "is_target", "silence_sec"]

STARTING_SEC = 3600.0
"""How long a run may be silent while it starts: it may be fetching an image."""

RUNNING_SEC = 600.0
"""How long a run may be silent then: five times as long as one that is well is."""

RENEW_SEC = 30.0
"""A run that was heard of just now need not be noted again."""


class KeyedJob(NamedTuple):
    """A job, and the key by which whoever runs it is known."""

    job: Job
    key: str


class JobKeys(Running, ComputeClients):
    """Whose key is whose, and what follows from coming with one."""

    def check_job_key(self, job_id: JobId, key: str) -> Job:
        """The job whose key this is.

        Raises:
            JobNotFound: there is no such job.
            NotAllowed: it is another's key, or that of an earlier attempt.
        """
        with self.store.reading():
            return self._by_key(job_id, key).record

    def _key(self, job_id: JobId, attempt: int) -> str:
        return self.store.key.text(f"job:{job_id}:{attempt}")

    def _keyed(self, stored: StoredJob) -> KeyedJob:
        is_next = stored.record.status == "pending"
        attempt = stored.attempts + 1 if is_next else stored.attempts
        return KeyedJob(stored.record, self._key(stored.record.jobId, attempt))

    def _by_key(self, job_id: JobId, key: str) -> StoredJob:
        """The job whose key this is, which was heard of at this moment."""
        stored = self.stored(job_id)
        attempts = [stored.attempts + 1] if stored.record.status == "pending" else [stored.attempts]
        if stored.record.status in TERMINAL:
            # One that was canceled before it was started is refused for what it is.
            attempts.append(stored.attempts + 1)
        known = [self._key(job_id, attempt).encode() for attempt in attempts]
        if not any(hmac.compare_digest(each, key.encode()) for each in known):
            raise NotAllowed("Unauthorized: incorrect or missing job private key")
        self._note_heard(stored)
        return stored

    def _note_heard(self, stored: StoredJob) -> None:
        if stored.record.status not in ACTIVE or not is_contract_run(stored):
            return
        until = time.time() + silence_sec(stored.record.status)
        if until - (stored.lease_until or 0) > RENEW_SEC:
            with self.store.transaction(quietly=True):
                self.store.jobs.renew([(stored.number, stored.claim_token or "")], until)

    def may_serve(self, client: ComputeClient, service_name: str) -> bool:
        """Whether a compute client's user may run jobs of a service."""
        service = self.store.services.get(service_name)
        return service is not None and self.may_process_jobs(client.userId, service)


def is_contract_run(stored: StoredJob) -> bool:
    """Whether whoever has the job's key runs it."""
    return (stored.claim_token or "").startswith(f"{CONTRACT_RUN}:")


def is_target(client: ComputeClient, job: Job) -> bool:
    """Whether a job may be run by a compute client as far as its targets go."""
    targets = job.targetComputeClientIds
    return not targets or "*" in targets or client.computeClientId in targets


def silence_sec(status: JobStatus) -> float:
    """How long the run of a job of this status may be silent."""
    return STARTING_SEC if status == "starting" else RUNNING_SEC
