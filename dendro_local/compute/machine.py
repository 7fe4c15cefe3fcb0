"""What this machine has to offer."""

import os
import sys

from dendro_local.compute.gpus import machine_gpu_ids
from dendro_local.matching import Capacity
from dendro_local.model import ComputeSlot

__all__ = ["machine_capacity", "machine_slots"]

THIRTY_DAYS_SEC = 30 * 24 * 3600.0
GIB = 1 << 30


def machine_capacity() -> Capacity:
    """The CPUs, GPUs and memory of this machine that this process may use."""
    if sys.platform == "linux":
        num_cpus = len(os.sched_getaffinity(0))
    else:
        num_cpus = os.cpu_count() or 1
    return Capacity(num_cpus=num_cpus, num_gpus=len(machine_gpu_ids()), memory_gb=_memory_gb())


def machine_slots(capacity: Capacity) -> list[ComputeSlot]:
    """One kind of slot: a job may have the whole machine, and as many run as there are CPUs.

    What runs at once is held within the machine's capacity besides.
    """
    return [
        ComputeSlot(
            numCpus=capacity.num_cpus,
            numGpus=capacity.num_gpus,
            memoryGb=capacity.memory_gb,
            timeSec=THIRTY_DAYS_SEC,
            multiplicity=capacity.num_cpus,
        )
    ]


def _memory_gb() -> float:
    """The machine's memory, rounded up: the system keeps some of what was bought for itself."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8.0  # where the system does not tell
    return float(-(-size // GIB))
