"""The log of what a job used: one JSON object a line, in the form of the original Dendro.

Every line has the original's keys. There, all values were the whole machine's; here those that
can be told for one job are the job's own, which ``"scope": "job"`` says:

===========================================  ======================================================
``timestamp``                                seconds since the Unix epoch
``cpu.percent``                              the job: 100 is one CPU, so that it may exceed 100
``virtual_memory.used``                      the job, in bytes: memory that several processes share
                                             is counted once, except on macOS
``virtual_memory.percent``                   the job: ``used`` in per cent of ``total``
``virtual_memory``, all else                 the machine, in bytes
``disk_io_counters.*_count``, ``*_bytes``    the job, since it began; null where the system does
                                             not tell (macOS)
``disk_io_counters.*_time``                  0: not known for a job
``net_io_counters``                          the machine, since it started: systems do not count
                                             the network for each process
``gpu.loads``                                the job's GPUs, from 0 to 1 each; ``gpu`` is null for
                                             a job that has none
``gpu.memoryUsed``                           the job's GPUs, in bytes each
===========================================  ======================================================

Counters never fall, so that the difference of two lines is what was used between them.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

__all__ = [
    "CpuUse",
    "DiskCounters",
    "GpuUse",
    "MemoryUse",
    "NetworkCounters",
    "UsageSample",
    "read_usage",
    "usage_line",
]


class CpuUse(msgspec.Struct, frozen=True, kw_only=True):
    """How busy the CPUs were since the sample before, or since the job began."""

    percent: float


class MemoryUse(msgspec.Struct, frozen=True, kw_only=True):
    """Memory in bytes."""

    total: int
    available: int
    percent: float
    used: int
    free: int = 0
    active: int = 0
    inactive: int = 0
    buffers: int = 0
    cached: int = 0
    shared: int = 0
    slab: int = 0


class DiskCounters(msgspec.Struct, frozen=True, kw_only=True):
    """What was read from disks and written to them."""

    read_count: int = 0
    write_count: int = 0
    read_bytes: int = 0
    write_bytes: int = 0
    read_time: int = 0
    write_time: int = 0


class NetworkCounters(msgspec.Struct, frozen=True, kw_only=True):
    """What came over the network and went out."""

    bytes_sent: int = 0
    bytes_recv: int = 0
    packets_sent: int = 0
    packets_recv: int = 0
    errin: int = 0
    errout: int = 0
    dropin: int = 0
    dropout: int = 0


class GpuUse(msgspec.Struct, frozen=True, kw_only=True):
    """How busy each GPU was, from 0 to 1, and the bytes of its memory that were in use."""

    loads: Sequence[float]
    memoryUsed: Sequence[int] = ()


class UsageSample(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log."""

    timestamp: float
    cpu: CpuUse
    virtual_memory: MemoryUse
    disk_io_counters: DiskCounters | None = None
    net_io_counters: NetworkCounters | None = None
    gpu: GpuUse | None = None
    scope: Literal["job", "machine"] = "machine"
    """Whose CPU, memory and disk it is. The original's lines do not say: the machine's."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(UsageSample).decode


def usage_line(sample: UsageSample) -> bytes:
    """A sample as a line of the log."""
    return _encode(sample) + b"\n"


def read_usage(log: bytes) -> list[UsageSample]:
    """The samples of a log, in its order. What is no sample is left out.

    The original leaves empty lines between samples, and the last line of a log that is being
    written may not be whole.
    """
    samples: list[UsageSample] = []
    for line in log.splitlines():
        try:
            samples.append(_decode(line))
        except msgspec.DecodeError:
            continue
    return samples
