"""Calling a container engine's program."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from dendro_local.errors import ContainerFailed

__all__ = ["Answer", "call", "call_and_tell", "check_installed", "words_of"]

TIMEOUT_SEC = 60.0
"""How long an engine may take for an answer that needs no network."""

LOOK_SEC = 0.2
"""How often to look whether a long call is still wanted."""

SHOWN_LINES = 5


class Answer(NamedTuple):
    """How a call ended, and what was printed."""

    exit_code: int
    stdout: bytes
    stderr: bytes


def check_installed(program: str) -> None:
    """Refuse to go on without a program.

    Raises:
        ContainerFailed: it is not there.
    """
    if shutil.which(program) is None:
        raise ContainerFailed(
            f"{program} is not installed: there is no such program on the PATH. Install it, or "
            "choose another way to run apps with --container or CONTAINER_METHOD."
        )


def call(command: Sequence[str]) -> Answer:
    """Call a program and wait for its end.

    Raises:
        ContainerFailed: it cannot be called, or does not end.
    """
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_SEC,
            check=False,
            start_new_session=True,  # Ctrl-C is for us; whatever is to be cleared away still is
        )
    except subprocess.TimeoutExpired as error:
        raise ContainerFailed(
            f"`{' '.join(command[:3])}` did not answer within {TIMEOUT_SEC:.0f} s. Check whether "
            f"{command[0]} works."
        ) from error
    except OSError as error:
        raise ContainerFailed(f"{command[0]} cannot be called: {error.strerror}.") from error
    return Answer(ended.returncode, ended.stdout, ended.stderr)


def call_and_tell(
    command: Sequence[str],
    tell: Callable[[str], None],
    should_stop: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str] | None:
    """Call a program that takes long, such as one that fetches something.

    Args:
        command: the program with its arguments.
        tell: is told each line that it prints.
        should_stop: asked now and then.
        environment: other than that of this process.

    Returns:
        Its exit code and the end of what it printed; None if it was stopped.

    Raises:
        ContainerFailed: it cannot be called.
    """
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ContainerFailed(f"{command[0]} cannot be called: {error.strerror}.") from error
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None  # noqa: S101 - for type checkers
        with process.stdout:
            for raw in process.stdout:
                line = raw.decode(errors="replace").rpartition("\r")[2].strip()
                if line:
                    lines.append(line)
                    tell(line)

    reader = threading.Thread(target=read, name="dendro-engine-output", daemon=True)
    reader.start()
    try:
        exit_code = _wait(process, should_stop)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join(timeout=1.0)  # whoever has left its group may hold its output for ever
    return None if exit_code is None else (exit_code, words_of("\n".join(lines)))


def _wait(process: subprocess.Popen[bytes], should_stop: Callable[[], bool]) -> int | None:
    while True:
        try:
            return process.wait(timeout=LOOK_SEC)
        except subprocess.TimeoutExpired:
            if should_stop():
                return None


def words_of(printed: str) -> str:
    """The end of what an engine printed, in one line, for a message."""
    lines = [line.strip() for line in printed.strip().splitlines() if line.strip()]
    return " ".join(lines[-SHOWN_LINES:]) or "it did not say why."
