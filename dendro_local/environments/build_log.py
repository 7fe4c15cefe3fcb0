"""The tools that build an environment, run one after the other, with all they print in a file."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

__all__ = ["BuildLog", "BuildStopped", "ToolEnd"]

POLL_SEC = 0.1
GRACE_SEC = 1.5
"""How long a tool may take to end after it was asked to."""

KEPT_LINES = 15


class BuildStopped(Exception):
    """The build was stopped by the one who asked for it."""


class ToolEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a tool ended."""

    exit_code: int
    output: str
    """What it printed."""

    @property
    def last_lines(self) -> str:
        """The end of what it printed."""
        return "\n".join(self.output.strip().splitlines()[-KEPT_LINES:])


class BuildLog:
    """The log of one build. It replaces that of the build before."""

    def __init__(
        self, file: Path, tell: Callable[[str], None], should_stop: Callable[[], bool]
    ) -> None:
        """Begin it.

        Args:
            file: where it is kept.
            tell: hears each line.
            should_stop: asked again and again while a tool runs.
        """
        self.file = file
        self._tell = tell
        self._should_stop = should_stop
        self._written = file.open("wb", buffering=0)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._written.close()

    def write(self, line: str) -> None:
        """Add a line of our own."""
        self._written.write(f"{line}\n".encode())
        self._tell(line)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        environ: Mapping[str, str],
        folder: Path,
        inherited: int,
    ) -> ToolEnd:
        """Run a tool to its end, in a process group of its own.

        Args:
            command: what to run.
            environ: its environment variables.
            folder: where to run it.
            inherited: a descriptor that it and what it starts keep open.

        Raises:
            BuildStopped: it was to stop, and has ended.
            OSError: it could not be started.
        """
        self.write("$ " + " ".join(map(str, command)))
        with self.file.open("rb") as printed:
            printed.seek(0, os.SEEK_END)
            # The tool writes to the file itself: whatever becomes of this process, it can go on
            # and nothing of what it says is lost.
            process = subprocess.Popen(
                command,
                env=dict(environ),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=self._written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[inherited],
            )
            reader = _Lines(printed.read, self._tell)
            try:
                while _is_running(process):
                    reader.read()
                    if self._should_stop():
                        raise BuildStopped
            except BaseException:
                _end_group(process)
                raise
            reader.read()
        return ToolEnd(exit_code=process.returncode, output=reader.text())


class _Lines:
    """Lines of a file that grows, each told when it is whole."""

    def __init__(self, more: Callable[[], bytes], tell: Callable[[str], None]) -> None:
        self._more = more
        self._tell = tell
        self._all = bytearray()
        self._told = 0

    def read(self) -> None:
        """Tell what has come since the last time."""
        self._all += self._more()
        while (end := self._all.find(b"\n", self._told)) >= 0:
            line = self._all[self._told : end].decode(errors="replace").rstrip()
            self._told = end + 1
            self._tell(line)

    def text(self) -> str:
        """All that has come."""
        return self._all.decode(errors="replace")


def _is_running(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(POLL_SEC)
    except subprocess.TimeoutExpired:
        return True
    return False


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Ask the group to end, and make it end if it does not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SEC)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # what it started may have stayed
