"""How far an exchange has come: jobs and bytes, how fast, and how long it will take."""

import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from dendro_sync.report import Report

__all__ = ["Meter", "OnProgress", "Progress", "Tracker"]

WINDOW_SEC = 10.0
"""The rate is that of so long."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far it has come. What is to be moved grows while it is found."""

    jobs_done: int
    jobs_total: int | None
    """About how many there are to look at; None where nobody knows."""
    bytes_done: int
    bytes_total: int
    """Of the files that were found to be lacking so far."""
    report: Report
    """What was done so far. It changes as more is done."""


OnProgress = Callable[[Progress], None]
"""Is told how far it has come, by any thread, but by one at a time."""


class Tracker:
    """Counts, and tells whoever wants to know. Safe for use by many threads.

    Args:
        report: of the exchange.
        on_progress: is told.
    """

    def __init__(self, report: Report, on_progress: OnProgress | None) -> None:
        self.report = report
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._jobs_done = 0
        self._jobs_total: int | None = None
        self._bytes_done = 0
        self._bytes_total = 0

    def expect_jobs(self, more: int | None) -> None:
        """There are about so many more to look at."""
        if more is not None:
            self._jobs_total = self._jobs_done + more

    def expect_bytes(self, more: int) -> None:
        """So many more are to be moved."""
        self._bytes_total += more

    def add_jobs(self, count: int) -> None:
        """So many more were dealt with."""
        self._jobs_done += count
        self._tell()

    def add_bytes(self, count: int) -> None:
        """So many more were moved."""
        with self._lock:
            self._bytes_done += count
            self.report.bytes += count
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        with self._lock:
            self._on_progress(
                Progress(
                    jobs_done=self._jobs_done,
                    jobs_total=self._jobs_total,
                    bytes_done=self._bytes_done,
                    bytes_total=max(self._bytes_total, self._bytes_done),
                    report=self.report,
                )
            )


class Meter:
    """How fast something goes, and how long the rest will take.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, float]] = deque()

    def rate(self, done: float) -> float:
        """How much was done a second lately, now that so much is done; 0 at the beginning."""
        now = self._clock()
        self._seen.append((now, done))
        while now - self._seen[0][0] > WINDOW_SEC and len(self._seen) > 2:
            self._seen.popleft()
        since, before = self._seen[0]
        return max(0.0, done - before) / (now - since) if now > since else 0.0

    def left_sec(self, done: float, total: float) -> float | None:
        """For how many seconds it will go on, at the rate of lately; None if nobody can tell."""
        rate = self.rate(done)
        return None if rate <= 0 else max(0.0, total - done) / rate
