"""What is answered about the hub itself."""

from typing import Annotated

from msgspec import Meta

from dendro_local.model import ComputeSlot, JobId, JobStatus
from dendro_local.v1.record import Answer

__all__ = [
    "ComputeClientList",
    "HalfHour",
    "Health",
    "JobInHand",
    "LiveComputeClient",
    "Stats",
    "Throughput",
]


class JobInHand(Answer, frozen=True, kw_only=True):
    """A job that a compute client has taken and not ended."""

    job_id: JobId
    service_name: str
    app_name: str
    processor_name: str
    status: JobStatus
    since: Annotated[
        float | None, Meta(description="When it was taken, in seconds since the Unix epoch.")
    ]


class LiveComputeClient(Answer, frozen=True, kw_only=True):
    """A compute client that is alive."""

    compute_client_id: str
    compute_client_name: str
    serves_all: Annotated[
        bool, Meta(description="Whether it takes any job, and not only those of its own script.")
    ]
    runtime: Annotated[
        str,
        Meta(description="How it runs apps: as processes, or in containers of the named engine."),
    ]
    unable: Annotated[str | None, Meta(description="Why it can run nothing now, if so.")]
    compute_slots: list[ComputeSlot]
    jobs: list[JobInHand]


class ComputeClientList(Answer, frozen=True, kw_only=True):
    """The compute clients that are alive. One that is started twice is there twice."""

    compute_clients: list[LiveComputeClient]


class Stats(Answer, frozen=True, kw_only=True):
    """What the hub is, and how much it holds. Numbers may be some seconds old."""

    version: Annotated[str, Meta(description="Of dendro-local.")]
    now: Annotated[float, Meta(description="The hub's time, in seconds since the Unix epoch.")]
    store_id: Annotated[str, Meta(description="Names the store for ever, wherever it lies.")]
    jobs: Annotated[dict[JobStatus, int], Meta(description="How many there are, by status.")]
    runnable_jobs: Annotated[int, Meta(description="How many could start now.")]
    compute_clients: Annotated[int, Meta(description="How many are alive.")]
    database_bytes: int
    blob_bytes: int


class HalfHour(Answer, frozen=True, kw_only=True):
    """What became of jobs in half an hour, or in what has passed of it."""

    begins_at: Annotated[
        float, Meta(description="When it begins, in seconds since the Unix epoch.")
    ]
    completed: int
    failed: int
    waited_sec: Annotated[
        float | None,
        Meta(
            description="The median time from a job's submission until it was started, in "
            "seconds, of those that ended; null if none of them was started."
        ),
    ]


class Throughput(Answer, frozen=True, kw_only=True):
    """How many jobs ended in the last day, and how long they had waited."""

    half_hours: Annotated[list[HalfHour], Meta(description="The earliest first; the last goes on.")]


class Health(Answer, frozen=True, kw_only=True):
    """The hub answers."""

    status: Annotated[str, Meta(description="`ok`")] = "ok"
