"""Looking at the processes of jobs: at their memory each time, and at all that the log tells.

This module imports psutil, which takes long: import it when there is something to measure.
"""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dendro_local.compute.gpu_meter import Gpu, GpuMeter, gpu_use
from dendro_local.compute.job_watch import JobWatch
from dendro_local.compute.memory_limit import MeasuredMemory, shared_once_bytes
from dendro_local.compute.process_trees import (
    JobProcess,
    ProcessTrees,
    TreeUse,
    machine_memory,
    machine_network,
)
from dendro_local.compute.usage_log import (
    CpuUse,
    DiskCounters,
    MemoryUse,
    NetworkCounters,
    UsageSample,
    usage_line,
)

__all__ = ["Sampler"]

NOTHING_YET = TreeUse(cpu_sec=0.0, resident_bytes=0, disk=None)

COST_SHARE = 0.02
"""The part of the time that adding up what processes share may take: 20 ms for each GB."""


class AddedUp(NamedTuple):
    """The memory of a job in which shared memory counts once, and what it took to add it up."""

    used_bytes: int
    resident_bytes: int
    at: float
    cost_sec: float


class Sampler:
    """Looks at jobs, again and again. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._trees = ProcessTrees()
        self._gpu_meter = GpuMeter()
        self._earlier: dict[JobWatch, tuple[float, TreeUse]] = {}
        self._added_up: dict[JobWatch, AddedUp] = {}

    def look(self, watches: Sequence[JobWatch]) -> None:
        """Look at those of the jobs that are due."""
        now = time.monotonic()
        self._forget_all_but(watches)
        jobs = [JobProcess(watch.pid, watch.folder, watch.is_contained) for watch in watches]
        found = self._trees.find(jobs)
        due = [watch for watch in watches if now >= watch.next_look]
        sampled = [watch for watch in due if now >= watch.next_sample]
        network = machine_network() if sampled else None
        gpus: Mapping[str, Gpu] = {}
        if any(watch.gpu_ids for watch in sampled):
            gpus = self._gpu_meter.read()
        for watch in due:
            is_sampled = watch in sampled
            if pids := found[watch.pid]:  # else it is ending this very moment
                use = self._trees.use(pids)
                used = self._used_bytes(watch, pids, use.resident_bytes, is_sampled=is_sampled)
                memory = machine_memory(used)
                watch.take_memory(MeasuredMemory(used, memory.available, memory.total))
                if is_sampled:
                    self._take_sample(watch, use, memory, network, gpus)
            watch.was_looked_at(now, is_sampled=is_sampled)

    def _used_bytes(
        self, watch: JobWatch, pids: Sequence[int], resident_bytes: int, *, is_sampled: bool
    ) -> int:
        """The memory that a job holds, where what its processes share counts once.

        That takes long to add up, page by page. In between, what has come since counts as shared
        by nobody; if that is more than the job may have, it is added up anew.
        """
        now = time.monotonic()
        last = self._added_up.get(watch, AddedUp(0, 0, 0.0, 0.0))
        quick = max(0, last.used_bytes + resident_bytes - last.resident_bytes)
        is_affordable = now >= last.at + last.cost_sec / COST_SHARE
        may_be_too_much = watch.limit is not None and quick > watch.limit
        if not (may_be_too_much or (is_sampled and is_affordable)):
            return quick
        used = shared_once_bytes(pids)
        if used is None:
            return quick
        self._added_up[watch] = AddedUp(used, resident_bytes, now, time.monotonic() - now)
        return used

    def _forget_all_but(self, watches: Sequence[JobWatch]) -> None:
        """Forget jobs that have ended."""
        for watch in (self._earlier.keys() | self._added_up.keys()) - set(watches):
            self._earlier.pop(watch, None)
            self._added_up.pop(watch, None)

    def _take_sample(
        self,
        watch: JobWatch,
        use: TreeUse,
        memory: MemoryUse,
        network: NetworkCounters | None,
        gpus: Mapping[str, Gpu],
    ) -> None:
        now = time.monotonic()
        first = (watch.begun, NOTHING_YET) if watch.is_new else None
        earlier = self._earlier.get(watch, first)
        if earlier is None:
            self._earlier[watch] = (now, use)  # how busy it was, only the next sample can tell
            return
        then, before = earlier
        use = use._replace(disk=_not_below(use.disk, before.disk))
        self._earlier[watch] = (now, use)
        busy_sec = max(0.0, use.cpu_sec - before.cpu_sec)
        sample = UsageSample(
            timestamp=time.time(),
            cpu=CpuUse(percent=round(100 * busy_sec / (now - then), 1)),
            virtual_memory=memory,
            disk_io_counters=use.disk,
            net_io_counters=network,
            gpu=gpu_use(watch.gpu_ids, gpus),
            scope="job",
        )
        watch.write(usage_line(sample))


def _not_below(now: DiskCounters | None, before: DiskCounters | None) -> DiskCounters | None:
    """Counters that never fall, though processes end and take theirs along."""
    if now is None or before is None:
        return now or before
    names = DiskCounters.__struct_fields__
    return DiskCounters(**{name: max(getattr(now, name), getattr(before, name)) for name in names})
