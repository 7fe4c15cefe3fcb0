"""``/v1/stats`` and its neighbours: what the hub holds, how it gets on, and who works for it."""

from typing import get_args

from litestar import get
from litestar.di import NamedDependency

from dendro_local import __version__
from dendro_local.local_hub import LiveWork
from dendro_local.model import Job, JobStatus
from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.v1.asking import Asked
from dendro_local.v1 import (
    ComputeClientList,
    HalfHour,
    JobInHand,
    LiveComputeClient,
    Stats,
    Throughput,
)

__all__ = ["compute_clients", "stats", "throughput"]


@get("/stats", operation_id="getStats", tags=["hub"])
async def stats(asked: Asked, figures: NamedDependency[StoreFigures]) -> Stats:
    """What the hub holds."""
    return await asked.in_thread(_stats, asked, figures)


@get("/throughput", operation_id="getThroughput", tags=["hub"])
async def throughput(asked: Asked, figures: NamedDependency[StoreFigures]) -> Throughput:
    """How jobs got on in the last day.

    How many ended in each half hour, and how long they had waited. A job that was changed after
    its end, such as by a new tag, may count when it was changed. Numbers may be seconds old.
    """
    found = await asked.in_thread(figures.throughput)
    return Throughput(
        half_hours=[
            HalfHour(
                begins_at=each.begins_at,
                completed=each.completed,
                failed=each.failed,
                waited_sec=each.waited_sec,
            )
            for each in found
        ]
    )


@get("/compute-clients", operation_id="getComputeClients", tags=["hub"])
async def compute_clients(asked: Asked) -> ComputeClientList:
    """Who works for the hub.

    The compute clients that are alive, what each job may use of them, and the jobs that they have
    in hand.
    """
    found = await asked.in_thread(asked.hub.live_work)
    return ComputeClientList(compute_clients=[_client(each) for each in found])


def _stats(asked: Asked, figures: StoreFigures) -> Stats:
    counted = figures.jobs_by_status()
    statuses: tuple[JobStatus, ...] = get_args(JobStatus)
    return Stats(
        version=__version__,
        now=asked.hub.now(),
        store_id=asked.hub.store_id(),
        jobs={status: counted.get(status, 0) for status in statuses},
        runnable_jobs=figures.runnable_jobs(),
        compute_clients=len(asked.hub.live_work()),
        database_bytes=asked.hub.store.folder.database_bytes(),
        blob_bytes=figures.blob_bytes(),
    )


def _client(work: LiveWork) -> LiveComputeClient:
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
