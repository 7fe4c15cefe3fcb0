"""How far a job has come that is run over the Dendro contract. Messages are in its words."""

import time
from collections.abc import Mapping

from msgspec.structs import replace

from dendro_local.errors import ClaimLost, Conflict, InvalidRequest, NotAllowed
from dendro_local.hub import Claim
from dendro_local.local_hub.claims import CONTRACT_RUN
from dendro_local.local_hub.job_keys import (
    JobKeys,
    is_contract_run,
    is_target,
    silence_sec,
)
from dendro_local.model import ComputeClient, Digest, Job, JobId, JobStatus
from dendro_local.random_ids import random_token
from dendro_local.store import JobFiles, StoredJob

__all__ = ["ContractRunning"]

STEPS: Mapping[JobStatus, frozenset[JobStatus]] = {
    "starting": frozenset({"pending"}),
    "running": frozenset({"starting"}),
    "completed": frozenset({"running"}),
    "failed": frozenset({"pending", "starting", "running"}),
}
"""From where whoever runs a job may take it to a status."""

_NO_STEP = {
    "starting": "Trying to start job. Job is not in pending status. Status is {}",
    "running": "Job is not in starting status",
    "completed": "Job is not in running status",
    "failed": "Invalid status for failed job: {}",
}

_OTHER_CLIENT = "Mismatch between computeClientId in request and job"


class ContractRunning(JobKeys):
    """What whoever runs a job tells of it, and what becomes of runs that tell nothing any more."""

    def set_status_by_key(
        self, job_id: JobId, key: str, client_id: str, status: JobStatus, error: str | None
    ) -> None:
        """Take a job a step further.

        Args:
            job_id: the job.
            key: its key.
            client_id: the compute client that runs it; empty where a user does.
            status: where it is to be.
            error: why it failed, if it did.

        Raises:
            JobNotFound: there is no such job.
            ComputeClientNotFound: there is no such compute client.
            NotAllowed: the key is not the job's, or the compute client may not run it.
            Conflict: the job is not where this step begins, or its outputs are not there.
            InvalidRequest: there is an error without a failure, or the other way round.
        """
        with self.store.reading():
            match status:
                case "starting":
                    self._start(job_id, key, client_id)
                case "running":
                    self._run(job_id, key, client_id)
                case "completed" | "failed":
                    self._end(job_id, key, client_id, status, error)
                case "pending":
                    self._by_key(job_id, key)
                    raise InvalidRequest("Invalid status")

    def _start(self, job_id: JobId, key: str, client_id: str) -> None:
        with self.store.transaction():
            stored = self._stepping(job_id, key, client_id, "starting")
            record = stored.record
            if not record.isRunnable:
                raise Conflict("Job is not runnable")
            client = self.compute_client(client_id) if client_id else None
            if client is not None:
                self._check_may_start(client, record)
            now = time.time()
            self.store.jobs.update(
                stored.number,
                status="starting",
                starting_at=now,
                compute_client_id=client_id,
                compute_client_name="" if client is None else client.computeClientName,
                compute_client_user_id=None if client is None else client.userId,
                claim_token=f"{CONTRACT_RUN}:{random_token(8)}",
                lease_until=now + silence_sec("starting"),
                attempts=stored.attempts + 1,
            )

    def _check_may_start(self, client: ComputeClient, job: Job) -> None:
        if not self.may_serve(client, job.serviceName):
            raise NotAllowed("This compute client is not allowed to process jobs for this service")
        if not is_target(client, job):
            raise NotAllowed("Job is targeted to be run by specific compute clients")

    def _run(self, job_id: JobId, key: str, client_id: str) -> None:
        with self.store.transaction():
            stored = self._stepping(job_id, key, client_id, "running")
            now = time.time()
            self.store.jobs.update(
                stored.number,
                status="running",
                started_at=now,
                lease_until=now + silence_sec("running"),
            )

    def _end(
        self, job_id: JobId, key: str, client_id: str, status: JobStatus, error: str | None
    ) -> None:
        stored = self._stepping(job_id, key, client_id, status)
        if status == "completed" and error:
            raise InvalidRequest("Error should not be set for completed job")
        if status == "failed" and not error:
            raise InvalidRequest("Error must be set for failed job")
        folder = self.store.folder.job_folder(job_id, stored.attempts)
        with self._adopting() as adopted:
            console = self._keep_log(folder / "console.txt", adopted)
            usage = self._keep_log(folder / "usage.jsonl", adopted)
            with self.store.transaction():
                stored = self._stepping(job_id, key, client_id, status)
                self._restore(adopted)
                files = replace(stored.files, console=console, usage=usage)
                fault = error or _missing_output(stored)
                if fault is None:
                    self._end_completed(stored, files)
                else:
                    self.store.jobs.update(stored.number, files=files)
                    self.end_failed(stored, fault)
        self.clear_run(stored)
        if status == "completed" and fault is not None:
            # The job is not left to hang: it ends as the runner of this machine would end it.
            raise Conflict(fault)

    def _stepping(self, job_id: JobId, key: str, client_id: str, status: JobStatus) -> StoredJob:
        """The job, if whoever has this key may take it to a status now."""
        stored = self._by_key(job_id, key)
        record = stored.record
        if client_id and self._registered(client_id).key_hash is None:
            raise NotAllowed(_OTHER_CLIENT)  # the hub's own, which does not come this way
        if record.status not in STEPS[status]:
            raise Conflict(_NO_STEP[status].format(record.status))
        if record.status == "pending":
            if client_id and status != "starting":
                raise Conflict(
                    "Trying to set job to a status other than starting when compute client is "
                    "not set"
                )
        elif not is_contract_run(stored) or client_id != (record.computeClientId or ""):
            raise NotAllowed(_OTHER_CLIENT)
        return stored

    def clear_run(self, stored: StoredJob) -> None:
        """Remove what a run of a job has left on the disk beside what was kept."""
        import shutil  # only here

        folder = self.store.folder.job_folder(stored.record.jobId, stored.attempts)
        shutil.rmtree(folder, ignore_errors=True)

    # Runs that are not heard of any more

    def give_up(self, claim: Claim) -> None:
        """End an abandoned claim: its job is pending again, or failed after too many attempts.

        What a run over the contract had handed over goes with it: another may give others.

        Raises:
            ClaimLost: the job is not this run's any more, or the run was heard of after all.
        """
        dropped: list[Digest] = []
        with self.store.transaction():
            stored = self._held(claim)
            if is_contract_run(stored):
                if time.time() <= (stored.lease_until or 0):
                    raise ClaimLost(f"Job {claim.job.jobId} runs: it was just heard of.")
                dropped = self._forget_files(stored)
            super().give_up(claim)
        self.remove_blobs(dropped)

    def end_lapsed_contract_runs(self) -> None:
        """Put back, or fail, the jobs of runs that are not heard of any more."""
        for claim in self.abandoned():
            stored = self.store.jobs.by_id(claim.job.jobId)
            if stored is None or not is_contract_run(stored):
                continue
            try:
                self.give_up(claim)
            except ClaimLost:
                continue  # it was heard of, or ended, this very moment
            self.clear_run(stored)

    def let_contract_runs_come_back(self) -> None:
        """Take all runs as just heard of: while no server was there, none could be."""
        now = time.time()
        with self.store.transaction(quietly=True):
            for stored in self.store.jobs.active():
                until = max(stored.lease_until or 0, now + silence_sec(stored.record.status))
                if is_contract_run(stored):
                    self.store.jobs.renew([(stored.number, stored.claim_token or "")], until)

    def _forget_files(self, stored: StoredJob) -> list[Digest]:
        """Let a job have no files; gives the digests of those that it had."""
        files = stored.files.all()
        if files:
            self.store.job_offers.let_go(stored.number, files)
            self.store.jobs.update(stored.number, files=JobFiles())
        return [file.digest for file in files if file.digest is not None]


def _missing_output(stored: StoredJob) -> str | None:
    """That an output is not there, in words; None if all are."""
    for output in stored.record.jobDefinition.outputFiles:
        if output.name not in stored.files.outputs:
            return f"The app gave no output {output.name!r}."
    return None
