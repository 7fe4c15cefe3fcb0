"""``/v1/compute-clients``: who runs the jobs, and what of them can be changed."""

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from dendro_local.local_hub import LiveWork
from dendro_local.local_hub.compute_clients import ComputeClientChanges
from dendro_local.model import ComputeClient, Job
from dendro_local.server import client_actions
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.v1 import (
    ChangedComputeClient,
    ComputeClientEntry,
    ComputeClientList,
    JobInHand,
    LiveComputeClient,
    NewComputeClient,
    NewComputeClientKey,
)

__all__ = ["ComputeClients"]


class ComputeClients(Controller):
    """Compute clients."""

    path = "/compute-clients"
    tags = ("compute clients",)

    @get("/", operation_id="getComputeClients")
    async def all(self, asked: Asked) -> ComputeClientList:
        """Who works for the hub.

        The compute clients that are alive, what each job may use of them, and the jobs that they
        have in hand; and all that are registered.
        """
        work = await asked.in_thread(asked.hub.live_work)
        registered = await asked.in_thread(asked.hub.compute_clients)
        return ComputeClientList(
            compute_clients=[_live(each) for each in work],
            registered=[_entry(each) for each in registered],
        )

    @post(
        "/",
        status_code=200,
        operation_id="registerComputeClient",
        security=KEY_NEEDED,
        responses=refusals(400, 401, 403, 404, 413),
    )
    async def register(self, asked: Asked, data: JSONBody[NewComputeClient]) -> NewComputeClientKey:
        """Register a compute client.

        One of another machine, for whoever asks, who must be let process jobs of the services.
        """
        client, key = await asked.in_thread(
            asked.hub.register_compute_client,
            asked.user_id(),
            data.compute_client_name,
            data.service_names,
        )
        return NewComputeClientKey(compute_client=_entry(client), compute_client_private_key=key)

    @get("/{client:str}", operation_id="getComputeClient", responses=refusals(404))
    async def one(self, asked: Asked, client: FromPath[str]) -> ComputeClientEntry:
        """One compute client."""
        return _entry(await asked.in_thread(asked.hub.compute_client, client))

    @patch(
        "/{client:str}",
        operation_id="changeComputeClient",
        security=KEY_NEEDED,
        responses=refusals(400, 401, 403, 404, 413),
    )
    async def change(
        self, asked: Asked, client: FromPath[str], data: JSONBody[ChangedComputeClient]
    ) -> ComputeClientEntry:
        """Change a compute client.

        What it is called, offers, and for whom it works, for its owner. One that came from the
        hub's own machine says so itself.
        """
        changes = ComputeClientChanges(
            name=data.compute_client_name,
            description=data.description,
            slots=data.compute_slots,
            services=data.service_names,
            process_for=data.process_jobs_for_users,
        )
        user_id = asked.user_id()
        return _entry(
            await asked.in_thread(client_actions.change, asked.hub, user_id, client, changes)
        )

    @delete(
        "/{client:str}",
        operation_id="removeComputeClient",
        security=KEY_NEEDED,
        responses=refusals(400, 401, 403, 404),
    )
    async def remove(self, asked: Asked, client: FromPath[str]) -> None:
        """Remove a compute client.

        Its key is void then, for its owner. What it runs goes to another; its jobs stay.
        """
        await asked.in_thread(client_actions.remove, asked.hub, asked.user_id(), client)


def _entry(client: ComputeClient) -> ComputeClientEntry:
    active = client.timestampLastActiveSec
    return ComputeClientEntry(
        compute_client_id=client.computeClientId,
        compute_client_name=client.computeClientName,
        user_id=client.userId,
        description=client.description,
        service_names=client.serviceNames,
        process_jobs_for_users=client.processJobsForUsers,
        compute_slots=client.computeSlots,
        last_active_at=None if isinstance(active, msgspec.UnsetType) else active,
    )


def _live(work: LiveWork) -> LiveComputeClient:
    run = work.run
    return LiveComputeClient(
        compute_client_id=run.compute_client_id,
        compute_client_name=run.name,
        serves_all=run.serves_all,
        runtime=run.runtime,
        unable=run.unable,
        compute_slots=run.slots,
        jobs=[_in_hand(job) for job in work.jobs],
    )


def _in_hand(job: Job) -> JobInHand:
    return JobInHand(
        job_id=job.jobId,
        service_name=job.serviceName,
        app_name=job.jobDefinition.appName,
        processor_name=job.jobDefinition.processorName,
        status=job.status,
        since=job.timestampStartingSec,
    )
