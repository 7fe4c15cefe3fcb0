"""What is answered about the hub itself."""

from typing import Annotated

from msgspec import Meta

from dendro_local.model import JobStatus
from dendro_local.v1.record import Answer

__all__ = [
    "HalfHour",
    "Health",
    "Stats",
    "Throughput",
]


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
