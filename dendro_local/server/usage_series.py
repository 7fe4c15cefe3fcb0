"""The log of what a job has used as a number of points, however long the job took."""

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from dendro_local.compute.usage_log import UsageSample, read_usage
from dendro_local.v1 import UsageSeries

__all__ = ["MOST_POINTS", "usage_series"]

MOST_POINTS = 1000

WHOLE_BYTES = 2 << 20
"""A log of this size is read as a whole: some ten milliseconds."""

AROUND_BYTES = 4096
"""Of a longer one, so much around each point: a line has some hundred bytes."""


def usage_series(path: Path, points: int) -> UsageSeries:
    """What a job has used, in at most so many points over the time that it ran.

    Of a log with more samples, each point stands for those since the one before: the mean of the
    CPU, the most of the memory, and what was moved in this time, since counters only grow. Of one
    so long that reading it takes time, points are samples at equal distances in the file.

    Args:
        path: of the log; where there is no file, nothing is known.
        points: 2 to `MOST_POINTS`.
    """
    samples = _samples(path, points)
    groups = _groups(samples, points)
    last = [group[-1] for group in groups]
    before: list[UsageSample | None] = [None, *last][: len(last)]
    disks = [each.disk_io_counters for each in last]
    nets = [each.net_io_counters for each in last]
    return UsageSeries(
        at=[each.timestamp for each in last],
        cpu_percent=[_mean([each.cpu.percent for each in group]) for group in groups],
        memory_bytes=[max(each.virtual_memory.used for each in group) for group in groups],
        read_bytes_per_sec=_rates(
            last, before, [None if each is None else each.read_bytes for each in disks]
        ),
        written_bytes_per_sec=_rates(
            last, before, [None if each is None else each.write_bytes for each in disks]
        ),
        received_bytes_per_sec=_rates(
            last, before, [None if each is None else each.bytes_recv for each in nets]
        ),
        sent_bytes_per_sec=_rates(
            last, before, [None if each is None else each.bytes_sent for each in nets]
        ),
        gpu_percent=[_gpu_percent(group) for group in groups],
        gpu_memory_bytes=[_gpu_memory(group) for group in groups],
        is_of_machine=any(each.scope == "machine" for each in last),
    )


def _samples(path: Path, points: int) -> list[UsageSample]:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return []
    try:
        size = os.fstat(descriptor).st_size
        if size <= WHOLE_BYTES:
            return read_usage(os.pread(descriptor, size, 0))
        found: list[UsageSample] = []
        for number in range(points):
            at = (size - AROUND_BYTES) * number // (points - 1)
            # The first line is not whole.
            samples = read_usage(os.pread(descriptor, AROUND_BYTES, at))
            if samples and (not found or samples[-1].timestamp > found[-1].timestamp):
                found.append(samples[-1])
        return found
    finally:
        os.close(descriptor)


def _groups(samples: Sequence[UsageSample], points: int) -> list[Sequence[UsageSample]]:
    """The samples in their order, in so many groups of about the same size."""
    count = min(len(samples), points)
    ends = [len(samples) * number // count for number in range(count + 1)] if count else []
    return [samples[begin:end] for begin, end in pairwise(ends)]


def _rates(
    samples: Sequence[UsageSample],
    before: Sequence[UsageSample | None],
    counters: Sequence[int | None],
) -> list[float | None]:
    """By how much a counter grew in a second, since the sample before."""
    rates: list[float | None] = []
    earlier: int | None = None
    for sample, previous, counter in zip(samples, before, counters, strict=True):
        seconds = 0.0 if previous is None else sample.timestamp - previous.timestamp
        if counter is None or earlier is None or seconds <= 0:
            rates.append(None)
        else:
            rates.append(round(max(counter - earlier, 0) / seconds, 1))
        earlier = counter
    return rates


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 1)


def _gpu_percent(group: Sequence[UsageSample]) -> float | None:
    loads = [100 * sum(each.gpu.loads) for each in group if each.gpu is not None]
    return _mean(loads) if loads else None


def _gpu_memory(group: Sequence[UsageSample]) -> int | None:
    used = [sum(each.gpu.memoryUsed) for each in group if each.gpu is not None]
    return max(used) if used else None
