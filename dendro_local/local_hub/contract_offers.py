"""Which jobs may be run over the Dendro contract, and by whom. Messages are in its words."""

from dendro_local.errors import Conflict, NotAllowed
from dendro_local.local_hub.app_code import processor_of
from dendro_local.local_hub.claims import SEARCHED
from dendro_local.local_hub.job_keys import JobKeys, KeyedJob, is_contract_run, is_target
from dendro_local.matching import free_slots, slot_fits
from dendro_local.model import ComputeClient, Job, JobId, RequiredResources
from dendro_local.store import StoredJob

__all__ = ["ContractOffers"]


class ContractOffers(JobKeys):
    """What those ask who look for jobs to run."""

    def keyed_job(self, job_id: JobId) -> KeyedJob:
        """A job with its key.

        Raises:
            JobNotFound: there is none.
        """
        with self.store.reading():
            return self._keyed(self.stored(job_id))

    def runnable_for(
        self, client: ComputeClient, *, job_id: JobId | None = None, at_most_one: bool = False
    ) -> list[KeyedJob]:
        """The jobs that a compute client may start now, those of its first service first.

        As many as its free slots take; one that it asks for by id is given in any case.
        """
        with self.store.reading():
            services = [name for name in client.serviceNames if self.may_serve(client, name)]
            if job_id is not None:
                found = self.store.jobs.by_id(job_id)
                candidates = [] if found is None else [found]
            else:
                candidates = self.store.job_offers.runnable(services, SEARCHED)
            offered = [each for each in candidates if _may_take(client, services, each.record)]
            if job_id is None:
                offered.sort(key=lambda each: services.index(each.record.serviceName))
                offered = self._fitting(client, offered, at_most_one=at_most_one)
            return [self._keyed(each) for each in offered]

    def running_on(self, client_id: str) -> list[KeyedJob]:
        """The jobs that a compute client runs over the contract, oldest first."""
        with self.store.reading():
            held = self.store.job_offers.held_by(client_id)
            return [self._keyed(each) for each in held if is_contract_run(each)]

    def runnable_job(self, job_id: JobId, user_id: str) -> KeyedJob:
        """A job that a user wants to run without a compute client.

        Raises:
            JobNotFound: there is none.
            Conflict: it cannot be started now, or is for certain compute clients.
            NotAllowed: the user may not run jobs of its service.
        """
        with self.store.reading():
            stored = self.stored(job_id)
            record = stored.record
            targets = record.targetComputeClientIds
            if targets and "*" not in targets:
                raise Conflict("Job is targeted to be run by specific compute clients")
            if record.status != "pending":
                raise Conflict("Job is not pending")
            if not record.isRunnable:
                raise Conflict("Job is not runnable")
            service = self.store.services.get(record.serviceName)
            if service is None or not self.may_process_jobs(user_id, service):
                raise NotAllowed(
                    f"This user is not allowed to process jobs for service {record.serviceName}"
                )
            return self._keyed(stored)

    def _fitting(
        self, client: ComputeClient, offered: list[StoredJob], *, at_most_one: bool
    ) -> list[StoredJob]:
        """Those of the jobs that find a free slot each, as far as an image has their app."""
        held = self.store.job_offers.held_by(client.computeClientId)
        taken: list[RequiredResources] = [each.record.requiredResources for each in held]
        free = free_slots(client.computeSlots, taken)
        found: list[StoredJob] = []
        for each in offered:
            if not free or (at_most_one and found):
                break
            wanted = each.record.requiredResources
            if any(slot_fits(slot, wanted) for slot in free) and self._has_image(each.record):
                found.append(each)
                taken.append(wanted)
                free = free_slots(client.computeSlots, taken)
        return found

    def _has_image(self, job: Job) -> bool:
        """Whether a container can run it: these compute clients have no other way."""
        definition = job.jobDefinition
        app = self.store.services.app(job.serviceName, definition.appName)
        processor = None if app is None else processor_of(app, definition.processorName)
        return processor is not None and processor.image != ""


def _may_take(client: ComputeClient, services: list[str], job: Job) -> bool:
    """Whether a job is one that a compute client takes, wherever it finds room for it."""
    users = client.processJobsForUsers
    return (
        job.status == "pending"
        and job.isRunnable
        and job.serviceName in services
        and (users is None or job.userId in users)
        and is_target(client, job)
    )
