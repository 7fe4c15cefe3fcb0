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

from dendro_local.errors import NotSupported

__all__ = ["AppProcess", "end_leftover"]

GRACE_SEC = 1.5
"""How long an app may take to end after it was asked to."""


class AppProcess:
    """A process group of its own, with the app's process at its head."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], cwd: Path, console: Path
    ) -> None:
        """Start it. What it prints, on both channels, goes to the file ``console``."""
        if sys.platform == "win32":
            raise NotSupported("Running apps needs the process groups of Linux or macOS: use WSL.")
        with console.open("ab") as stream:
            self._process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._lock = threading.Lock()
        self._has_ended = False

    def facts(self) -> dict[str, Any]:
        """What tells this process from a later one with the same number."""
        return {"pid": self.pid, "startedAt": _started_at(self.pid)}

    def wait(self) -> int:
        """Wait for the app's process to end, then end what it left running.

        Returns:
            Its exit code; minus the signal's number if a signal ended it.
        """
        # Waiting without collecting it: until then its number cannot be given to another.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            self._has_ended = True
            _signal_group(self.pid, signal.SIGKILL)
            return self._process.wait()

    def stop(self) -> None:
        """Ask the group to end, and make it end if it does not. Returns at once."""
        if self._signal(signal.SIGTERM):
            timer = threading.Timer(GRACE_SEC, self._signal, (signal.SIGKILL,))
            timer.daemon = True
            timer.start()

    def _signal(self, number: int) -> bool:
        with self._lock:
            if self._has_ended:
                return False
            _signal_group(self.pid, number)
            return True


def end_leftover(facts: Mapping[str, Any]) -> None:
    """End the group of an app whose compute client died, if it still runs."""
    pid = facts.get("pid")
    if not isinstance(pid, int):
        return
    if facts.get("startedAt") != _started_at(pid):
        return  # it ended; the number may be another's by now
    _signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SEC
    while time.monotonic() < deadline and _started_at(pid) is not None:
        time.sleep(0.02)  # not our child: there is nothing to wait on
    _signal_group(pid, signal.SIGKILL)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _started_at(pid: int) -> str | None:
    """When a process was started, in the system's own words; None if there is none."""
    if Path("/proc/self/stat").exists():
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        # Field 22 of proc(5); the fields are counted after the name, which may hold anything.
        fields = text.rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    found = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None
