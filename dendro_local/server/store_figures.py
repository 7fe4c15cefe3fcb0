"""How much the store holds, as it was a little while ago at most."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from dendro_local.local_hub import LocalHub
from dendro_local.model import JobStatus
from dendro_local.server.throughput import Throughput
from dendro_local.store import ProcessorRoom

__all__ = ["Rooms", "StoreFigures"]

KEPT_SEC = 10.0

MOST_WORK = 0.02
"""What takes long is kept longer: to count it again may take up this part of the time."""

COUNTED = 10_000
"""So far the jobs of a status are counted each time."""

SOON_SEC = 0.25
"""So long a page waits for what may take longer to count."""

T = TypeVar("T")


class StoreFigures:
    """Figures that take a while to count in a large store. Safe for use by many threads.

    What is counted once is told for some seconds, so that it does not matter how often it is asked.
    """

    def __init__(self, hub: LocalHub) -> None:
        self.jobs_by_status = _Kept(hub.count_by_status)
        self.runnable_jobs = _Kept(hub.count_runnable)
        self.blob_bytes = _Kept(hub.store.blobs.total_bytes)
        self.throughput = Throughput(hub, hub.now)
        self.rooms = Rooms(lambda: hub.store.rooms.by_processor(hub.now()))
        self._hub = hub

    def jobs_now(self) -> Mapping[JobStatus, int]:
        """How many jobs there are of each status: as it is now, unless there are very many."""
        counted = self._hub.count_up_to(COUNTED)
        if max(counted.values()) < COUNTED:
            return counted
        kept = self.jobs_by_status()
        return {
            status: count if count < COUNTED else max(kept.get(status, 0), count)
            for status, count in counted.items()
        }


class _Kept(Generic[T]):
    """A value that is asked for again only when it has become old: older, if that takes long."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._kept: tuple[float, T] | None = None
        """Until when it is kept, and the value."""

    def __call__(self) -> T:
        began = time.monotonic()
        if self._kept is None or began > self._kept[0]:
            value = self._ask()
            ended = time.monotonic()
            self._kept = (ended + max(KEPT_SEC, (ended - began) / MOST_WORK), value)
        return self._kept[1]

    def last(self) -> T | None:
        """What it was when it was asked for last, however old; None if it never was."""
        return None if self._kept is None else self._kept[1]


class Rooms:
    """What the finished jobs of each processor add up to: at a million jobs some seconds of work.

    Args:
        count: counts it anew.
    """

    def __init__(self, count: Callable[[], Sequence[ProcessorRoom]]) -> None:
        self._kept = _Kept(count)
        self._counting: asyncio.Future[Sequence[ProcessorRoom]] | None = None

    def __call__(self) -> Sequence[ProcessorRoom]:
        """The sums, some seconds old at most. To be called where one may wait."""
        return self._kept()

    async def soon(
        self,
        in_thread: Callable[
            [Callable[[], Sequence[ProcessorRoom]]], Awaitable[Sequence[ProcessorRoom]]
        ],
    ) -> Sequence[ProcessorRoom] | None:
        """The sums if they are there at once, else as they were before; None at the first time.

        They are counted meanwhile, once for all who ask.

        Args:
            in_thread: calls what waits for the disk.
        """
        if self._counting is None or self._counting.done():
            self._counting = asyncio.ensure_future(in_thread(self._kept))
        counting = self._counting
        await asyncio.wait([counting], timeout=SOON_SEC)
        return counting.result() if counting.done() else self._kept.last()
