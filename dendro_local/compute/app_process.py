"""An app's process, with all the processes that it starts, as one group that ends together."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dendro_local.compute.console_file import ConsoleFile
from dendro_local.errors import NotSupported

__all__ = [
    "AppProcess",
    "GRACE_SEC",
    "end_leftover",
    "process_facts",
    "signal_group",
    "wait_for_group",
]

GRACE_SEC = 1.5
"""How long an app may take to end after it was asked to."""


class AppProcess:
    """A process group of its own, with the app's process at its head."""

    is_contained = False

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], cwd: Path, console: Path
    ) -> None:
        """Start it. What it prints, on both channels, goes to the file ``console``."""
        if sys.platform == "win32":
            raise NotSupported("Running apps needs the process groups of Linux or macOS: use WSL.")
        self._console = ConsoleFile(console)
        try:
            self._process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=self._console.stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except BaseException:
            self._console.stream.close()
            raise
        self.pid = self._process.pid
        self._lock = threading.Lock()
        self._has_ended = False

    def facts(self) -> dict[str, Any]:
        """What tells this process from a later one with the same number."""
        return process_facts(self.pid)

    def wait(self) -> int:
        """Wait for the app's process to end, then end what it left running.

        Returns:
            Its exit code; minus the signal's number if a signal ended it.
        """
        # Waiting without collecting it: until then its number cannot be given to another.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            self._has_ended = True
            signal_group(self.pid, signal.SIGKILL)
            exit_code = self._process.wait()
        wait_for_group(self.pid)  # only then is nobody left who might write to its files
        with self._console:
            self._console.restore()
        return exit_code

    def stop(self) -> None:
        """Ask the group to end, and make it end if it does not. Returns at once."""
        if self._signal(signal.SIGTERM):
            timer = threading.Timer(GRACE_SEC, self._signal, (signal.SIGKILL,))
            timer.daemon = True
            try:
                timer.start()
            except RuntimeError:  # from Python 3.12 on, no thread starts while the process ends
                self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> bool:
        with self._lock:
            if self._has_ended:
                return False
            signal_group(self.pid, number)
            return True


def end_leftover(folder: Path, facts: Mapping[str, Any]) -> None:
    """End what a job's app left running when its compute client died.

    Args:
        folder: the job's folder, which the environment of all its processes names.
        facts: those of the app's process, as far as they were noted.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + GRACE_SEC
        found = _leftover(folder, facts)
        for pid in found:
            if pid == facts.get("pid"):
                signal_group(pid, number)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while found and time.monotonic() < deadline:
            time.sleep(0.02)  # not our children: there is nothing to wait on
            found = _leftover(folder, facts)
        if not found:
            return


def _leftover(folder: Path, facts: Mapping[str, Any]) -> list[int]:
    """The processes of a job that still run."""
    found: list[int] = []
    pid, started_at = facts.get("pid"), facts.get("startedAt")
    # The number alone may be another process's by now.
    if isinstance(pid, int) and started_at is not None and started_at == _started_at(pid):
        found.append(pid)
    mark = f"DENDRO_JOB_FOLDER={folder}".encode()
    for process in _processes():
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue  # it has ended, or is another user's
        if mark in environment.split(b"\0"):
            found.append(int(process.name))
    return [pid for pid in dict.fromkeys(found) if pid != os.getpid()]


def process_facts(pid: int) -> dict[str, Any]:
    """What tells a process from a later one with the same number."""
    return {"pid": pid, "startedAt": _started_at(pid)}


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a process group, if there is one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def wait_for_group(pid: int) -> None:
    """Wait until the processes of a group that was killed are gone."""
    deadline = time.monotonic() + GRACE_SEC
    while _has_members(pid) and time.monotonic() < deadline:
        time.sleep(0.002)  # they are not all our children: there is nothing to wait on


def _has_members(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    # What has ended counts as a member until its parent takes note, which may be never.
    stats = [_stat(process.name) for process in _processes()]
    return not stats or any(
        fields is not None and fields[0] not in "ZX" and int(fields[2]) == group for fields in stats
    )


def _processes() -> list[Path]:
    """The folder of each process, where the system shows them so: on Linux."""
    return list(Path("/proc").glob("[0-9]*")) if sys.platform == "linux" else []


def _stat(pid: int | str) -> list[str] | None:
    """The fields of proc(5) from the third, the state, on; None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123 - for every job
            text = file.read().decode(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()  # the name before them may hold anything


def _started_at(pid: int) -> str | None:
    """When a process was started, in the system's own words; None if there is none."""
    if sys.platform == "linux":
        fields = _stat(pid)
        return None if fields is None or fields[0] in "ZX" else fields[19]
    else:  # noqa: RET505 - type checkers look at one system at a time
        found = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return found.stdout.strip() or None
