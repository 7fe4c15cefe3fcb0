"""How much the store holds, as it was a little while ago at most."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from dendro_local.local_hub import LocalHub

__all__ = ["StoreFigures"]

KEPT_SEC = 10.0

T = TypeVar("T")


class StoreFigures:
    """Figures that take a while to count in a large store. Safe for use by many threads.

    What is counted once is told for some seconds, so that it does not matter how often it is asked.
    """

    def __init__(self, hub: LocalHub) -> None:
        self.jobs_by_status = _Kept(hub.count_by_status)
        self.runnable_jobs = _Kept(hub.count_runnable)
        self.blob_bytes = _Kept(hub.store.blobs.total_bytes)


class _Kept(Generic[T]):
    """A value that is asked for again only when it has become old."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._kept: tuple[float, T] | None = None

    def __call__(self) -> T:
        now = time.monotonic()
        if self._kept is None or now - self._kept[0] > KEPT_SEC:
            self._kept = (now, self._ask())
        return self._kept[1]
