"""Which processes belong to a job, and what they have used.

A job's process begins a session of its own, so that most of what it starts is found by its session
at the price of one system call a process. What leaves the session is found by its parent, and on
Linux by its environment, which names the job's folder; that is looked up once a process.

This module imports psutil, which takes long: import it when there is something to measure.
"""

import os
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from dendro_local.compute.usage_log import DiskCounters, MemoryUse, NetworkCounters

__all__ = ["JobProcess", "ProcessTrees", "TreeUse", "machine_memory", "machine_network"]


class JobProcess(NamedTuple):
    """The process at the head of a job, and the folder that its environment names."""

    pid: int
    folder: Path
    is_contained: bool = False
    """Whether the process is a container engine's, and the job's are found by the folder alone."""


class TreeUse(NamedTuple):
    """What the processes of a job have used since they began, and hold now.

    Those that have ended count as long as their parent has noted their end.
    """

    cpu_sec: float
    resident_bytes: int
    """Memory, in which what several processes share counts for each of them."""
    disk: DiskCounters | None
    """None where the system does not tell."""


class ProcessTrees:
    """The processes of jobs, looked up again and again. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._owners: dict[int, int | None] = {}
        self._handles: dict[int, psutil.Process] = {}
        self._jobs: set[int] = set()
        self._heads: set[int] = set()
        self._misses_one = False

    def find(self, jobs: Sequence[JobProcess]) -> dict[int, list[int]]:
        """The numbers of the processes of each job that run now, by that of its first process."""
        folders = {job.pid: job.folder for job in jobs}
        self._heads = {job.pid for job in jobs if not job.is_contained}
        found: dict[int, list[int]] = {pid: [] for pid in folders}
        running = psutil.pids()
        self._forget_all_but(running)
        self._meet(folders)
        for pid in running:
            session = _session(pid)
            owner = session if session in self._heads else self._owner(pid, folders)
            self._owners[pid] = owner
            if owner is not None and owner in found:
                found[owner].append(pid)
        # A container's process may have been seen before it became the app.
        self._misses_one = any(job.is_contained and not found[job.pid] for job in jobs)
        return found

    def use(self, pids: Iterable[int]) -> TreeUse:
        """What these processes have used and hold."""
        cpu_sec, resident_bytes = 0.0, 0
        disks: list[DiskCounters] = []
        for pid in pids:
            try:
                process = self._handles.get(pid) or psutil.Process(pid)
                self._handles[pid] = process
                with process.oneshot():
                    cpu = process.cpu_times()
                    cpu_sec += cpu.user + cpu.system + cpu.children_user + cpu.children_system
                    resident_bytes += process.memory_info().rss
                    disks += _disk(process)
            except psutil.Error:
                continue  # it has ended this moment, or is another user's
        return TreeUse(cpu_sec, resident_bytes, _total(disks))

    def _owner(self, pid: int, folders: dict[int, Path]) -> int | None:
        """The job to which a process outside the sessions of jobs belongs; None if to none."""
        if pid in self._owners:
            return self._owners[pid]
        ancestor: int | None = _parent(pid)
        while ancestor is not None and ancestor > 1:
            if ancestor in self._heads:
                return ancestor
            if ancestor in self._owners:
                return self._owners[ancestor] or self._owner_by_environment(pid, folders)
            ancestor = _parent(ancestor)
        return self._owner_by_environment(pid, folders)

    def _owner_by_environment(self, pid: int, folders: dict[int, Path]) -> int | None:
        if sys.platform != "linux":
            return None
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return None  # it has ended, or is another user's
        marks = (entry for entry in environment if entry.startswith(b"DENDRO_JOB_FOLDER="))
        folder = os.fsdecode(next(marks, b"").partition(b"=")[2])
        return next((job for job, each in folders.items() if str(each) == folder), None)

    def _meet(self, folders: Collection[int]) -> None:
        """Look again whose a process is that was nobody's, where there may be one of a job."""
        if self._misses_one or not self._jobs.issuperset(folders):
            self._owners = {pid: owner for pid, owner in self._owners.items() if owner is not None}
        self._jobs = set(folders)

    def _forget_all_but(self, running: Sequence[int]) -> None:
        """Forget what has ended: its number may be another's next time."""
        gone = (self._owners.keys() | self._handles.keys()) - set(running)
        for pid in gone:
            self._owners.pop(pid, None)
            self._handles.pop(pid, None)


def machine_memory(used_bytes: int) -> MemoryUse:
    """The machine's memory, with what a job uses of it."""
    machine: dict[str, Any] = psutil.virtual_memory()._asdict()
    mine = {"used": used_bytes, "percent": round(100 * used_bytes / machine["total"], 2)}
    known = {name: machine[name] for name in MemoryUse.__struct_fields__ if name in machine}
    return MemoryUse(**{**known, **mine})


def machine_network() -> NetworkCounters | None:
    """What went through the machine's network since it started; None if that is not known."""
    try:
        counters: Any = psutil.net_io_counters(pernic=False, nowrap=True)
    except OSError:
        return None
    if counters is None:
        return None
    found: dict[str, int] = counters._asdict()
    return NetworkCounters(**{name: found[name] for name in NetworkCounters.__struct_fields__})


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _parent(pid: int) -> int | None:
    """The number of a process's parent; None if there is no such process any more."""
    try:
        if sys.platform != "linux":
            return int(psutil.Process(pid).ppid())
        # Some times as fast, and there are hundreds of them.
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return int(text.rpartition(")")[2].split()[1])
    except (OSError, psutil.Error):
        return None


def _disk(process: psutil.Process) -> list[DiskCounters]:
    """What a process read and wrote; nothing where the system does not tell."""
    if not hasattr(process, "io_counters"):
        return []
    try:
        found = process.io_counters()
    except psutil.AccessDenied:
        return []
    return [
        DiskCounters(
            read_count=found.read_count,
            write_count=found.write_count,
            read_bytes=found.read_bytes,
            write_bytes=found.write_bytes,
        )
    ]


def _total(disks: Sequence[DiskCounters]) -> DiskCounters | None:
    if not disks:
        return None
    names = DiskCounters.__struct_fields__
    return DiskCounters(**{name: sum(getattr(disk, name) for disk in disks) for name in names})
