"""What is known of one running job from looking at its processes, and what follows from it."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dendro_local.compute.memory_limit import (
    MeasuredMemory,
    ended_by_kernel,
    ended_near_limit,
    limit_bytes,
    over_limit,
)
from dendro_local.model import RequiredResources

if TYPE_CHECKING:
    from dendro_local.compute.memory_cgroup import MemoryCgroup, MemoryCgroups

__all__ = ["JobWatch", "LOOK_SEC", "sampling_interval_sec"]

LOOK_SEC = 1.0
"""After how long a job is first looked at, and how often then."""

_INTERVALS = ((60.0, 1.0), (600.0, 5.0), (3600.0, 10.0), (12 * 3600.0, 30.0))


def sampling_interval_sec(age_sec: float) -> float:
    """How long after a sample the next is due, for a job that has run for so long."""
    return next((interval for until, interval in _INTERVALS if age_sec < until), 120.0)


class JobWatch:
    """What is watched of one job. Safe for use by many threads.

    Args:
        pid: its process, which leads a session of its own.
        folder: the job's folder.
        log: the file to which samples are added.
        resources: what the job asked for.
        gpu_ids: the GPUs that it has.
        stop: ends the job, which fails for the reason that is given.
        is_new: whether the process has just been started; else what it used so far is not known.
        is_contained: whether the process is an engine's, in whose container the job's own are.
    """

    def __init__(
        self,
        pid: int,
        folder: Path,
        log: Path,
        resources: RequiredResources,
        *,
        gpu_ids: Sequence[str],
        stop: Callable[[str], None],
        is_new: bool = True,
        is_contained: bool = False,
    ) -> None:
        self.pid = pid
        self.folder = folder
        self.gpu_ids = gpu_ids
        self.is_new = is_new
        self.is_contained = is_contained
        self.limit = limit_bytes(resources)
        self.begun = time.monotonic()
        self.next_look = self.begun + LOOK_SEC
        self.next_sample = self.next_look
        self._log = log
        self._stop = stop
        self._lock = threading.Lock()
        self._is_over = False
        self._cgroup: MemoryCgroup | None = None
        self._measured: MeasuredMemory | None = None

    @property
    def is_over(self) -> bool:
        """Whether the job has ended."""
        return self._is_over

    def hold(self, cgroups: "MemoryCgroups") -> None:
        """Let the system keep the job within its memory, where it can and no engine does."""
        if self.is_contained:
            return
        with self._lock:  # its end waits, or its number might be another process's meanwhile
            if not self._is_over and self.limit is not None and self._cgroup is None:
                self._cgroup = cgroups.hold(self.pid, self.folder.name, self.limit)

    def take_memory(self, measured: MeasuredMemory) -> None:
        """Note the memory that the job holds, and stop it if that is more than it may."""
        self._measured = measured
        if self.limit is not None and measured.used > self.limit:
            self._stop(over_limit(measured.used, self.limit))

    def write(self, line: bytes) -> None:
        """Add a sample to the log, as long as the job runs."""
        with self._lock:  # once it is over, the log is kept as it is
            if self._is_over:
                return
            try:
                with self._log.open("ab") as stream:
                    stream.write(line)
            except OSError:
                pass  # the app has removed its folder, or the disk is full

    def was_looked_at(self, now: float, *, is_sampled: bool) -> None:
        """Note when to look next, by `time.monotonic`."""
        self.next_look = now + LOOK_SEC
        if is_sampled:
            self.next_sample = now + sampling_interval_sec(now - self.begun)

    def close(self, exit_code: int | None) -> str | None:
        """Watch no more: the job's process has ended.

        Args:
            exit_code: its exit code, minus a signal's number; None if that is not known.

        Returns:
            That it was ended for its memory, in words; None if nothing says so.
        """
        with self._lock:
            self._is_over = True
            cgroup, self._cgroup = self._cgroup, None
        was_ended = cgroup is not None and cgroup.has_ended_processes()
        if cgroup is not None:
            cgroup.remove()
        if was_ended and exit_code != 0 and self.limit is not None:
            return ended_by_kernel(self.limit)
        if exit_code == -signal.SIGKILL:
            return ended_near_limit(self._measured, self.limit)
        return None
