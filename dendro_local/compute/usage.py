"""Watching the jobs of a compute client while they run: what they use, and that it is not too much.

One thread looks at all jobs. It begins when a job has run for a second, so that short jobs cost
nothing, and ends when no such job is left. Where the system can keep jobs within their memory
itself, it begins a little earlier, to ask for that.

A job's memory is looked at each second. What it uses goes to its log each second at first, and
more seldom the longer it runs: see `dendro_local.compute.job_watch`.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dendro_local.compute.job_watch import LOOK_SEC, JobWatch

if TYPE_CHECKING:
    from dendro_local.compute.memory_cgroup import MemoryCgroups
    from dendro_local.compute.sampler import Sampler

__all__ = ["UsageWatcher"]

HOLD_AFTER_SEC = 0.05
"""When a job is put into a control group. That can take 20 ms, which most jobs need not pay."""


class UsageWatcher:
    """Looks at running jobs, in a thread of its own that is there while it is needed.

    Args:
        cgroups: keeps jobs within their memory; by default where this process may make any.
    """

    def __init__(self, cgroups: "MemoryCgroups | None" = None) -> None:
        self._cgroups = cgroups
        self._sampler: Sampler | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._watches: dict[JobWatch, None] = {}

    def begin(self, watches: Iterable[JobWatch]) -> None:
        """Begin to watch those of the jobs for which it is time, see `next_beginning`."""
        now = time.monotonic()
        with self._lock:
            new = [watch for watch in self._waiting(watches) if now >= self._beginning(watch)]
            if not new:
                return
            self._watches |= dict.fromkeys(new)
            self._wake.set()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._look, name="dendro-usage-watcher", daemon=True
                )
                try:
                    self._thread.start()
                except RuntimeError:  # from Python 3.12 on, no thread starts while a process ends
                    self._watches.clear()

    def next_beginning(self, watches: Iterable[JobWatch]) -> float:
        """When to call `begin` next for these jobs, by `time.monotonic`; may be infinite."""
        with self._lock:
            return min(map(self._beginning, self._waiting(watches)), default=float("inf"))

    def close(self) -> None:
        """Watch nothing more."""
        with self._lock:
            self._watches.clear()
            self._wake.set()

    def _waiting(self, watches: Iterable[JobWatch]) -> list[JobWatch]:
        return [watch for watch in watches if watch not in self._watches and not watch.is_over]

    def _beginning(self, watch: JobWatch) -> float:
        may_hold = self._cgroups is None or self._cgroups.are_possible
        return watch.begun + (HOLD_AFTER_SEC if may_hold else LOOK_SEC)

    def _look(self) -> None:
        """What the thread does, until there is nothing to watch."""
        while watches := self._current():
            cgroups = self._cgroups = self._cgroups or _own_cgroups()
            for watch in watches:
                watch.hold(cgroups)
            if any(time.monotonic() >= watch.next_look for watch in watches):
                self._look_at(watches)
            next_look = min(watch.next_look for watch in watches)
            self._wake.wait(max(0.0, next_look - time.monotonic()))

    def _current(self) -> list[JobWatch]:
        """The jobs to look at now; the thread is done if there is none."""
        with self._lock:
            self._wake.clear()
            self._watches = {watch: None for watch in self._watches if not watch.is_over}
            if not self._watches:
                self._thread = None
            return list(self._watches)

    def _look_at(self, watches: Sequence[JobWatch]) -> None:
        if self._sampler is None:
            # Here because psutil takes 30 ms to import, which only jobs that run for long need.
            from dendro_local.compute.sampler import Sampler

            self._sampler = Sampler()
        self._sampler.look(watches)


def _own_cgroups() -> "MemoryCgroups":
    """The control groups that this process can make."""
    from dendro_local.compute.memory_cgroup import (  # like psutil, only for longer jobs
        MemoryCgroups,
        place_for_cgroups,
    )

    return MemoryCgroups(place_for_cgroups())
