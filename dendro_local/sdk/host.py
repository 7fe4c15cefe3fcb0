"""The warm host: the app, imported once, which forks a fresh child for each job.

Starting Python and importing an app takes from 20 ms to many seconds; a fork takes some. Each
child begins with exactly what the host had after its imports, since the host itself never runs a
job, so that no job can see what an earlier one left. What a processor names as its
``warm_imports``, the host imports once it has run that processor, while no job runs.

The compute client starts the app's main file with ``DENDRO_APP_HOST`` set to the number of a
socket that the process inherits. Both sides write JSON objects, one a line:

    host    -> client  {"ready": true}                    imported; jobs may come
                       {"ready": false, "why": "..."}     this app cannot be forked (any more)
    client  -> host    {"job": 1, "folder": "/...", "environment": {"JOB_ID": "...", "X": null}}
    host    -> client  {"job": 1, "pid": 4711}            its child has been started
                       {"job": 1, "status": 0}            and has ended; minus a signal's number

``environment`` has the variables in which the job's differ from the host's; null means that there
is none.

The host ends when the client closes the socket. Children that still run then go on: each is a
session of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import sys

from dendro_local.sdk.job_folder import CONSOLE_NAME, HOST_VARIABLE, WORK_NAME, JobFolder
from dendro_local.sdk.run_job import run_job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from dendro_local.sdk.processor import Processor


class AppHost:
    """The host's side of the conversation.

    Args:
        processors: those of the app, by name.
        connection: the socket to the compute client.
    """

    def __init__(self, processors: Mapping[str, Processor], connection: socket.socket) -> None:
        self._processors = processors
        self._connection = connection
        self._jobs: dict[int, int] = {}
        self._to_import: list[str] = []
        self._received = b""
        # A signal must wake `poll`, and no signal may be lost between two of them.
        self._ended_reader, self._ended_writer = os.pipe()
        os.set_blocking(self._ended_reader, False)
        os.set_blocking(self._ended_writer, False)

    def serve(self) -> None:
        """Run jobs until the client closes the socket."""
        reason = _why_not_forkable()
        if reason is not None:
            self._send({"ready": False, "why": reason})
            return
        signal.set_wakeup_fd(self._ended_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _do_nothing)
        _keep_shared()
        self._send({"ready": True})
        waiting = select.poll()  # `select` takes no descriptor above 1023, and this may be one
        waiting.register(self._connection, select.POLLIN)
        waiting.register(self._ended_reader, select.POLLIN)
        while True:
            has_time = bool(self._to_import) and not self._jobs
            readable = {descriptor for descriptor, _ in waiting.poll(0 if has_time else None)}
            if has_time and not readable and not self._import_next():
                return
            if self._ended_reader in readable:
                self._report_ended()
            if self._connection.fileno() in readable and not self._receive():
                return

    def _receive(self) -> bool:
        """Start the jobs that have come; whether more may come."""
        try:
            received = self._connection.recv(1 << 16)
        except ConnectionError:
            return False
        self._received += received
        *lines, self._received = self._received.split(b"\n")
        for line in lines:
            self._start(json.loads(line))
        return bool(received)

    def _start(self, message: dict[str, Any]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        # What is done before the fork is cheaper: each page that a child writes to is copied.
        folder = _read(message["folder"])
        pid = os.fork()
        if pid == 0:
            self._be_the_job(folder, message["environment"])
        self._jobs[pid] = message["job"]
        self._send({"job": message["job"], "pid": pid})
        if not isinstance(folder, str):
            processor = self._processors.get(folder.definition["processorName"])
            names = () if processor is None else processor.warm_imports
            known = {*sys.modules, *self._to_import}
            self._to_import.extend(name for name in names if name not in known)

    def _import_next(self) -> bool:
        """Import one of the modules that the jobs needed so far; whether the host can go on."""
        import contextlib
        import importlib

        with contextlib.suppress(Exception):  # if it matters, the job that needs it says so
            importlib.import_module(self._to_import.pop(0))
        reason = _why_not_forkable()
        if reason is not None:
            self._send({"ready": False, "why": reason})
            return False
        if not self._to_import:
            _keep_shared()
        return True

    def _be_the_job(self, folder: str | JobFolder, environment: Mapping[str, str | None]) -> None:
        """What the child does; it does not return."""
        exit_code = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(self._ended_reader)
            os.close(self._ended_writer)
            self._connection.close()
            _enter(folder if isinstance(folder, str) else folder.path, environment)
            exit_code = 0 if run_job(self._processors, folder) else 1
            _end_as_a_process_does()
        except BaseException:  # noqa: BLE001 - there is nobody above who could be told
            _print_traceback()
        finally:
            os._exit(exit_code)

    def _report_ended(self) -> None:
        try:
            os.read(self._ended_reader, 1 << 12)
        except BlockingIOError:
            pass
        for pid in list(self._jobs):
            # Not collected until its group is gone: till then no other process has its number.
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            try:
                os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass  # it left nobody behind
            _, status = os.waitpid(pid, 0)
            self._send({"job": self._jobs.pop(pid), "status": os.waitstatus_to_exitcode(status)})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except ConnectionError:
            pass  # the client is gone; the next read says so


def serve(processors: Mapping[str, Processor], descriptor: int) -> None:
    """Be the host of an app, over the socket with this number, until the client closes it."""
    with socket.socket(fileno=descriptor) as connection:
        os.set_inheritable(descriptor, False)
        os.environ.pop(HOST_VARIABLE, None)  # no job is to take itself for the host
        AppHost(processors, connection).serve()


def _do_nothing(_number: int, _frame: object) -> None:
    """Receives a signal that is only to wake `poll`, by the descriptor that it writes to."""


def _why_not_forkable() -> str | None:
    """Why a child of this process would not have all of the app; None if it would."""
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate()[1:])
        return f"importing the app starts threads ({names}), which a fork does not take along"
    return None


def _keep_shared() -> None:
    """Let children share the host's memory: a collection in one would touch, so copy, all of it."""
    import gc

    gc.collect()
    gc.freeze()


def _read(folder: str) -> str | JobFolder:
    """What the job's folder says; the folder itself if that cannot be read, as the job will say."""
    try:
        return JobFolder(folder)
    except Exception:  # noqa: BLE001 - whatever it is, it is the job's fault and not the host's
        return folder


def _enter(folder: str, environment: Mapping[str, str | None]) -> None:
    """Become the process that a cold start would have made for the job."""
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    os.chdir(os.path.join(folder, WORK_NAME))
    console = os.open(
        os.path.join(folder, CONSOLE_NAME), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
    )
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(console, 1)
    os.dup2(console, 2)
    os.close(nothing)
    os.close(console)
    for name in ("random", "numpy.random"):
        # Seeded by the system when the host imported them, they would draw alike in each job.
        module = sys.modules.get(name)
        if module is not None:
            module.seed()
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        setattr(tempfile, "tempdir", None)  # noqa: B010 - it remembers the TMPDIR of the host


def _end_as_a_process_does() -> None:
    """Wait for threads and call what was registered for the end, as Python does at its own."""
    threading = sys.modules.get("threading")
    if threading is not None:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage] - `os._exit` leaves them out
    sys.stdout.flush()
    sys.stderr.flush()


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()
    sys.stderr.flush()
