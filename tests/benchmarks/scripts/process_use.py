"""How much CPU time and memory processes use.

It needs psutil alone, so that the Python of others can import it too.
"""

from collections.abc import Sequence
from pathlib import Path

import psutil

__all__ = ["memory_mb", "precise_cpu_sec", "tree", "tree_cpu_sec"]


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def tree_cpu_sec(pid: int) -> float:
    """The CPU time of a process, its descendants, and those of them that have ended."""
    fields = ("user", "system", "children_user", "children_system")
    total = 0.0
    for process in tree(pid):
        times = process.cpu_times()
        total += sum(getattr(times, field, 0.0) for field in fields)
    return total


def precise_cpu_sec(processes: Sequence[psutil.Process]) -> float:
    """The CPU time of processes that start no others, to the nanosecond where the system tells."""
    total = 0.0
    for process in processes:
        threads = list(Path(f"/proc/{process.pid}/task").glob("*/schedstat"))
        if threads:
            total += sum(int(each.read_text().split()[0]) for each in threads) / 1e9
        else:
            times = process.cpu_times()
            total += times.user + times.system
    return total


def memory_mb(processes: Sequence[psutil.Process]) -> float:
    """The memory of processes in MB; what several share counts once, where the system tells."""
    total = 0.0
    for process in processes:
        info = process.memory_full_info()
        total += getattr(info, "pss", info.uss)
    return total / 1e6
