"""Warm app hosts, as the compute client sees them: one process an app, one fork a job.

`dendro_local.sdk.host` has the other side, and what passes between the two.
"""

import contextlib
import os
import queue
import socket
import subprocess
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dendro_local.compute.app_process import (
    GRACE_SEC,
    process_facts,
    wait_for_group,
)
from dendro_local.compute.console_file import ConsoleFile

__all__ = ["AppHost", "HostUnusable", "HostedProcess"]

LOOK_SEC = 0.2
"""How often to look whether a job still waits for its app to be imported."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class HostUnusable(Exception):
    """The app cannot be hosted, or its host has died: its jobs are to be started cold."""


class AppHost:
    """A process that has imported an app and forks a child for each job.

    Args:
        command: starts the app's main file.
        environment: with which it is imported.
        cwd: a folder in which nothing is written.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
        ours, theirs = socket.socketpair()
        self._environment = {**environment, "PYTHONUNBUFFERED": "1"}
        with theirs:
            self._process = subprocess.Popen(
                command,
                env={**self._environment, "DENDRO_APP_HOST": str(theirs.fileno())},
                cwd=cwd,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._socket = ours
        self._lock = threading.Lock()
        self._is_ready = threading.Event()
        self._unusable: str | None = None
        self._jobs: dict[int, HostedProcess] = {}
        self._starters = weakref.WeakSet[Callable[..., HostedProcess]]()
        self._is_closed = False
        self._next_job = 1
        self.idle_since = time.monotonic()
        threading.Thread(target=self._listen, name="dendro-app-host", daemon=True).start()

    def start(self, folder: Path, environment: Mapping[str, str]) -> "HostedProcess":
        """Start a job's process: a child of the host, in the job's folder.

        Raises:
            HostUnusable: there is no host to do it.
        """
        with self._lock:
            self._check()
            number, self._next_job = self._next_job, self._next_job + 1
            hosted = self._jobs[number] = HostedProcess(ConsoleFile(folder / "console.txt"))
        message = {
            "job": number,
            "folder": str(folder),
            "environment": _difference(self._environment, environment),
        }
        try:
            self._socket.sendall(_encode(message) + b"\n")
        except OSError:
            pass  # the host has died, as is about to be told to all its jobs
        hosted.wait_for_start()
        return hosted

    def keep_for(self, starter: Callable[..., "HostedProcess"]) -> None:
        """Count as busy as long as somebody holds what is to start a job in it.

        By a weak reference, since a starter may never be called.
        """
        self._starters.add(starter)

    def wait_until_ready(self, is_wanted: Callable[[], bool]) -> None:
        """Wait until the app has been imported, as long as it is wanted.

        Raises:
            HostUnusable: it cannot be imported, or not be forked, or is not wanted any more.
        """
        while not self._is_ready.wait(LOOK_SEC):
            if not is_wanted():
                raise HostUnusable("importing the app takes too long")
        self._check()

    def _check(self) -> None:
        if self._unusable is not None:
            raise HostUnusable(self._unusable)

    @property
    def is_usable(self) -> bool:
        """Whether jobs may be started, as far as is known."""
        return self._unusable is None

    @property
    def is_busy(self) -> bool:
        """Whether a job runs in it, or is about to."""
        return bool(self._jobs) or len(self._starters) > 0

    def close(self) -> None:
        """End the host. Its jobs go on, and nobody learns of their end."""
        self._is_closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(timeout=GRACE_SEC)
        except subprocess.TimeoutExpired:
            self._process.kill()  # it is still importing
            self._process.wait()

    def _listen(self) -> None:
        """Take in what the host says, until it has no more to say."""
        with contextlib.suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                self._take(_decode(line))
        self._socket.close()
        exit_code = self._process.wait()
        with self._lock:
            self._unusable = self._unusable or f"the app's host ended with exit code {exit_code}"
            left, self._jobs = self._jobs, {}
        self._is_ready.set()
        for hosted in left.values():
            if not (self._is_closed and hosted.pid):
                hosted.lose(self._unusable)

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            if not message["ready"]:
                self._unusable = str(message["why"])
            self._is_ready.set()
            return
        with self._lock:
            hosted = self._jobs[message["job"]]
            if "status" in message:
                del self._jobs[message["job"]]
                self.idle_since = time.monotonic()
        if "pid" in message:
            hosted.begin(message["pid"])
        else:
            hosted.end(message["status"])


def _difference(host: Mapping[str, str], job: Mapping[str, str]) -> dict[str, str | None]:
    """The variables in which a job's environment differs from its host's; None where it has none.

    To set them all would cost the job a third of its start.
    """
    changed: dict[str, str | None] = {
        name: value for name, value in job.items() if host.get(name) != value
    }
    return changed | dict.fromkeys(host.keys() - job.keys())


class HostedProcess:
    """A job's process that a host has forked. It has a session of its own."""

    is_contained = False

    def __init__(self, console: ConsoleFile) -> None:
        self.pid = 0
        self._console = console
        self._told: queue.SimpleQueue[int | str] = queue.SimpleQueue()
        self._end: int | str | None = None
        self._started = threading.Event()
        self._lock = threading.Lock()
        self._has_ended = False

    def facts(self) -> dict[str, Any]:
        """What tells this process from a later one with the same number."""
        return process_facts(self.pid)

    def ends_within(self, timeout_sec: float) -> bool:
        """Wait for the process to end, at most so long; whether it has."""
        if self._end is None:
            with contextlib.suppress(queue.Empty):
                self._end = self._told.get(timeout=timeout_sec)
        return self._end is not None

    def wait(self) -> int:
        """Wait for the process to end; what it left running has been ended too.

        Returns:
            Its exit code; minus the signal's number if a signal ended it.

        Raises:
            HostUnusable: its host died, so that nobody knows how it ended. It is ended too.
        """
        found = self._told.get() if self._end is None else self._end
        if self.pid != 0:
            wait_for_group(self.pid)  # only then is nobody left who might write to its files
        with self._console:
            self._console.restore()
        if isinstance(found, str):
            raise HostUnusable(found)
        return found

    def stop(self) -> None:
        """Ask the process group to end, and make it end if it does not. Returns at once."""
        if self._signal(15):
            timer = threading.Timer(GRACE_SEC, self._signal, (9,))
            timer.daemon = True
            try:
                timer.start()
            except RuntimeError:  # from Python 3.12 on, no thread starts while the process ends
                self._signal(9)

    # What the host says of it

    def wait_for_start(self) -> None:
        """Wait until it has been forked, or its host has died."""
        self._started.wait()

    def begin(self, pid: int) -> None:
        """It has been forked."""
        self.pid = pid
        self._started.set()

    def end(self, status: int) -> None:
        """It has ended."""
        with self._lock:
            self._has_ended = True
        self._told.put(status)

    def lose(self, why: str) -> None:
        """Its host has died."""
        self._signal(9)
        with self._lock:
            self._has_ended = True
        self._started.set()
        self._told.put(why)

    def _signal(self, number: int) -> bool:
        with self._lock:
            if self._has_ended or self.pid == 0:
                return False
            # One signal, not two: an app may do something when it is asked to end. The process
            # alone is asked where it has not come to make its group yet.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                try:
                    os.killpg(self.pid, number)
                except ProcessLookupError:
                    os.kill(self.pid, number)
            return True
