"""``/v1/stats`` and its neighbour: what the hub holds, and how it gets on."""

from typing import get_args

from litestar import get
from litestar.di import NamedDependency

from dendro_local import __version__
from dendro_local.model import JobStatus
from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.v1.asking import Asked
from dendro_local.v1 import HalfHour, Stats, Throughput

__all__ = ["stats", "throughput"]


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
