"""Keeping a job's processes within their memory by a control group of Linux, version 2.

The system then ends a job at the very moment at which it needs more than it may, however short.
That works where this user may make groups: as root, or in a part of the tree that systemd has
delegated, such as that of programs of a desktop session. Everywhere else nothing is done and
nothing is said; the measured memory is looked at instead, see `dendro_local.compute.usage`.

A group is made beside the one in which this process is, since one that has processes of its own
cannot share out memory among groups below it:
https://docs.kernel.org/admin-guide/cgroup-v2.html#no-internal-process-constraint
"""

import contextlib
import os
import sys
import time
from pathlib import Path

__all__ = ["MemoryCgroup", "MemoryCgroups", "place_for_cgroups"]

PREFIX = "dendro-"

REMOVAL_SEC = 0.5
"""How long processes that were killed may take to leave their group."""


class MemoryCgroup:
    """A group with a limit, made for one job."""

    def __init__(self, folder: Path, limit: int) -> None:
        """Make it.

        Raises:
            OSError: this user may not, or the system cannot limit memory so.
        """
        self._folder = folder
        folder.mkdir(exist_ok=True)  # it is there if the job was adopted
        try:
            (folder / "memory.max").write_text(str(limit), encoding="ascii")
            with contextlib.suppress(OSError):  # not there without swap
                (folder / "memory.swap.max").write_text("0", encoding="ascii")
            with contextlib.suppress(OSError):
                # All of the job or nothing: an app seldom notices that one of its workers is gone.
                (folder / "memory.oom.group").write_text("1", encoding="ascii")
        except OSError:
            self._remove_folder()
            raise

    def add(self, pid: int) -> None:
        """Move a process into it. What it starts from then on is in it too.

        Raises:
            OSError: this user may not, or there is no such process.
        """
        (self._folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def has_ended_processes(self) -> bool:
        """Whether the system ended processes of it for needing more memory."""
        try:
            events = (self._folder / "memory.events").read_text(encoding="ascii")
        except OSError:
            return False
        return any(
            name == "oom_kill" and int(count) > 0
            for name, count in (line.split() for line in events.splitlines())
        )

    def remove(self) -> None:
        """End what is left in it, and remove it."""
        deadline = time.monotonic() + REMOVAL_SEC
        while not self._remove_folder() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                (self._folder / "cgroup.kill").write_text("1", encoding="ascii")
            time.sleep(0.005)  # the system does not tell when the last one is gone

    def _remove_folder(self) -> bool:
        try:
            self._folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False  # it still has processes
        return True


class MemoryCgroups:
    """Groups for jobs, as long as this user may make them.

    Args:
        place: the group below which they are made; None where there is none.
    """

    def __init__(self, place: Path | None) -> None:
        self._place = place if place is not None and _shares_out_memory(place) else None
        self._remove_left()

    @property
    def are_possible(self) -> bool:
        """Whether a group can be made, as far as is known."""
        return self._place is not None

    def hold(self, pid: int, name: str, limit: int) -> MemoryCgroup | None:
        """Put a job's processes into a group of their own.

        Args:
            pid: of the first process, which leads the job's session.
            name: tells the job from others.
            limit: in bytes.

        Returns:
            The group; None if that cannot be done, or the process is gone.
        """
        if self._place is None:
            return None
        try:
            group = MemoryCgroup(self._place / f"{PREFIX}{name}", limit)
        except OSError:
            self._place = None
            return None
        try:
            group.add(pid)
        except ProcessLookupError:
            group.remove()
            return None
        except OSError:
            self._place = None
            group.remove()
            return None
        for other in _session_of(pid):
            with contextlib.suppress(OSError):
                group.add(other)
        return group

    def _remove_left(self) -> None:
        """Remove groups whose compute client died; those that have processes stay."""
        if self._place is None:
            return
        for folder in self._place.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > 60:  # not one that is being made
                    folder.rmdir()


def place_for_cgroups(proc: Path = Path("/proc/self")) -> Path | None:
    """The group below which this process could make others; None where there is none.

    Args:
        proc: the folder in which Linux tells of this process.
    """
    if sys.platform != "linux":
        return None
    try:
        own = next(
            line.removeprefix("0::")
            for line in (proc / "cgroup").read_text(encoding="utf-8").splitlines()
            if line.startswith("0::")
        )
        mount, root = next(
            _mount(line)
            for line in (proc / "mountinfo").read_text(encoding="utf-8").splitlines()
            if " - cgroup2 " in line
        )
        relative = Path(own).relative_to(root)
    except (OSError, StopIteration, ValueError):
        return None
    if ".." in relative.parts:
        return None  # outside of what this container sees
    # The root alone may have both processes and groups below it.
    return mount if relative == Path() else (mount / relative).parent


def _mount(line: str) -> tuple[Path, Path]:
    """Where a file system is mounted, and which part of it, from a line of proc(5) mountinfo."""
    fields = line.split()
    return Path(fields[4]), Path(fields[3])


def _shares_out_memory(place: Path) -> bool:
    """Whether groups below this one can limit memory; lets them, where this user may."""
    shared = place / "cgroup.subtree_control"
    try:
        if "memory" in shared.read_text(encoding="ascii").split():
            return os.access(place, os.W_OK)
        if "memory" not in (place / "cgroup.controllers").read_text(encoding="ascii").split():
            return False
        shared.write_text("+memory", encoding="ascii")
    except OSError:
        return False
    return True


def _session_of(leader: int) -> list[int]:
    """The other processes of a session."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        pid = int(process.name)
        with contextlib.suppress(OSError):
            if pid != leader and os.getsid(pid) == leader:
                found.append(pid)
    return found
