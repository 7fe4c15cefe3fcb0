"""The memory that a job may use, how much its processes share, and words for when it was too much.

A GB of ``memoryGb`` is 2^30 bytes, as in the memory of machines.
"""

import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from dendro_local.model import RequiredResources

__all__ = [
    "MeasuredMemory",
    "ended_by_kernel",
    "ended_in_container",
    "ended_near_limit",
    "limit_bytes",
    "over_limit",
    "shared_once_bytes",
]

GIB = 1 << 30

NEAR = 0.8
"""From which part of its limit on a job that is killed was probably killed for its memory."""

SCARCE = 0.05
"""Below which part of its memory left a machine probably kills for memory."""


class MeasuredMemory(NamedTuple):
    """What was measured last: the job's memory, and the machine's, in bytes."""

    used: int
    available: int
    total: int


def limit_bytes(resources: RequiredResources) -> int | None:
    """The memory that a job may use; None for a job that says nothing of it."""
    return int(resources.memoryGb * GIB) or None


def over_limit(used: int, limit: int) -> str:
    """Why a job that used more than its limit was stopped."""
    return (
        f"The job used {_gb(used)} GB of memory, more than its limit of {_limit_gb(limit)} GB "
        "(memoryGb)."
    )


def ended_by_kernel(limit: int) -> str:
    """Why a job ended that the system kept within its limit."""
    return (
        f"The job used all of its {_limit_gb(limit)} GB of memory (memoryGb) and needed more, so "
        "that the system ended it."
    )


def ended_in_container(limit: int) -> str:
    """Why a job was probably ended by SIGKILL in a container that is kept within its limit."""
    return (
        "The app was ended by SIGKILL, as the system does when a container needs more than its "
        f"limit, here {_limit_gb(limit)} GB of memory (memoryGb)."
    )


def ended_near_limit(measured: MeasuredMemory | None, limit: int | None) -> str | None:
    """Why a job was probably ended by SIGKILL, if what was measured tells."""
    if measured is None:
        return None
    if limit is not None and measured.used >= NEAR * limit:
        return (
            f"The app was ended by SIGKILL; when last measured, it used {_gb(measured.used)} GB of "
            f"its {_limit_gb(limit)} GB of memory (memoryGb)."
        )
    if measured.available < SCARCE * measured.total:
        return (
            "The app was ended by SIGKILL, as the system does when memory runs out; when last "
            f"measured, it used {_gb(measured.used)} GB of memory, and "
            f"{_gb(measured.available)} GB of the machine's {_gb(measured.total)} GB were left."
        )
    return None


def shared_once_bytes(pids: Iterable[int]) -> int | None:
    """Memory of processes in bytes, each page divided among those that share it.

    None where the system does not tell: it is Linux alone that does, and of one's own processes.
    """
    if sys.platform != "linux":
        return None
    total, is_known = 0, False
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue  # it has ended this moment, or is another user's
        for line in text.splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
                is_known = True
    return total if is_known else None


def _gb(size: int) -> str:
    """A size in GB, rounded up to hundredths, so that more than a limit never looks equal to it."""
    return f"{math.ceil(100 * size / GIB) / 100:g}"


def _limit_gb(limit: int) -> str:
    """A limit in GB, as the job gave it."""
    return f"{round(limit / GIB, 6):g}"
