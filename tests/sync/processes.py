"""Processes that exchange jobs, or serve them, and can be killed: each begins almost at once.

They are forked from one that has imported everything: ``python -m tests.sync.processes`` does, one
after another, what the lines of its standard input say, such as ``pull STORE``.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

from dendro_local.errors import DendroError
from dendro_local.local_hub import LocalHub
from dendro_local.server.serving import Server, ServerOptions
from dendro_sync import pull, push

__all__ = ["Process"]

GONE = "gone"


class Process:
    """What does one thing after another, and can be killed while it does. To be closed."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.sync.processes"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._pid: int | None = None

    def start(self, verb: str, folder: Path) -> str:
        """Have a new process do something with a store; what it says when it begins.

        Args:
            verb: ``push`` or ``pull``, with the remote ``r``; or ``serve``, which says on which
                port.
            folder: the store's.
        """
        assert self._parent.stdin is not None
        assert self._pid is None, "the last process has not ended"
        self._parent.stdin.write(f"{verb} {folder}\n".encode())
        self._pid = int(self._said())
        return self._said()

    def is_at_it(self) -> bool:
        """Whether it has said nothing more since it began."""
        assert self._parent.stdout is not None
        return not select.select([self._parent.stdout], [], [], 0)[0]

    def end(self) -> str:
        """Wait for its end; what it said at last."""
        self._pid = None
        last = ""
        while (line := self._said()) != GONE:
            last = line
        return last

    def kill(self) -> None:
        """End it, if it goes on, as a power cut does, but for the disk."""
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self.end()

    def close(self) -> None:
        """End all."""
        self.kill()
        self._parent.communicate()

    def _said(self) -> str:
        assert self._parent.stdout is not None
        line = self._parent.stdout.readline()
        assert line, "the process is not there any more"
        return line.decode().strip()


def _do(verb: str, folder: Path) -> None:
    # Whoever started all this may be gone without having ended it.
    threading.Thread(target=lambda: os.read(0, 1) or os._exit(1), daemon=True).start()
    _say(os.getpid())
    hub = LocalHub(folder)
    if verb == "serve":
        server = Server(hub, ServerOptions(port=0))
        server.run(lambda: _say(server.port))
        return
    _say("begins")
    try:
        (pull if verb == "pull" else push)(hub, "r")
        _say("ended")
    except DendroError as error:
        _say(f"{type(error).__name__}: {error}")


def _say(what: object) -> None:
    os.write(1, f"{what}\n".encode())


def _serve_lines() -> None:
    for line in sys.stdin:
        verb, _, folder = line.strip().partition(" ")
        pid = os.fork()
        if not pid:
            _do(verb, Path(folder))
            os._exit(0)
        os.waitpid(pid, 0)
        _say(GONE)


if __name__ == "__main__":
    _serve_lines()
