"""Waking other processes: a datagram on a Unix socket for whoever waits for changes of the store.

A listener has a socket in the store's ``wake`` folder. Whoever commits a change sends one byte
to each of them. What it means they read in the store: a lost datagram costs time, never a job,
and whoever waits also looks by itself every few seconds. Where there are no Unix sockets, or the
path is too long for one, that look is all there is.

A process that runs many short jobs would be woken by each of its own steps if it heard of all. It
listens for work alone: by its name such a socket is told from the others.
"""

import contextlib
import os
import select
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from dendro_local.random_ids import random_token

if TYPE_CHECKING:
    import socket

__all__ = ["Listener", "wake_all"]

FOR_WORK = "work-"
"""The names of sockets begin so that are not told of a change which gives no work."""

MAX_SOCKET_PATH = 100
"""The system allows 108 bytes on Linux and 104 on macOS, the closing NUL among them."""

LONGEST_NAME = 26
"""More than what a socket is called, with the slash before it."""


class Listener:
    """Hears of changes of a store until it is closed.

    Args:
        folder: where its socket lies.
        for_work: whether only changes matter by which a job may have to be started or stopped.
    """

    def __init__(self, folder: Path, *, for_work: bool = False) -> None:
        import socket  # here and below, since a script that waits for nothing needs none

        self._socket: socket.socket | None = None
        self._file = folder / f"{FOR_WORK if for_work else ''}{os.getpid()}-{random_token(4)}"
        if not hasattr(socket, "AF_UNIX"):
            return
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listening.setblocking(False)
        try:
            with _short(folder) as name:
                if name is None:
                    listening.close()
                    return
                listening.bind(f"{name}/{self._file.name}")
        except OSError:
            listening.close()  # such as a file system without sockets: the slow look remains
            return
        self._socket = listening

    def wait(self, timeout_sec: float) -> bool:
        """Wait for a change, at most this long; whether there was one."""
        if self._socket is None:
            select.select([], [], [], min(timeout_sec, 0.5))
            return True
        waiting = select.poll()  # `select` takes no descriptor above 1023
        waiting.register(self._socket, select.POLLIN)
        if not waiting.poll(timeout_sec * 1000):
            return False
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(16)
        return True

    def wake(self) -> None:
        """Wake this listener from another thread."""
        listening = self._socket  # another thread may close it at any moment
        if listening is not None:
            with _short(self._file.parent) as name:
                _send(listening, f"{name}/{self._file.name}")

    def close(self) -> None:
        """Stop listening."""
        if self._socket is not None:
            self._file.unlink(missing_ok=True)
            self._socket.close()
            self._socket = None


def wake_all(folder: Path, *, gives_work: bool = True) -> None:
    """Tell the listeners of the store that something changed; for work alone only if it gives some.

    Raises nothing: what was committed is done, and whoever is not told will look.
    """
    try:
        names = os.listdir(folder)  # noqa: PTH208 - after every commit
        if not gives_work:
            names = [name for name in names if not name.startswith(FOR_WORK)]
        if not names:
            return
        import socket

        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, _short(folder) as short:
            sender.setblocking(False)
            for name in names:
                if not _send(sender, f"{short}/{name}"):
                    (folder / name).unlink(missing_ok=True)  # its process is gone
    except OSError:
        pass  # such as too many open files, or a listener of another user


def _send(sender: "socket.socket", address: str) -> bool:
    """Send one byte; False where nobody listens any more."""
    try:
        sender.sendto(b"!", address)
    except ConnectionRefusedError:
        return False
    except OSError:
        pass  # its queue is full: it will wake anyway; or it closed just now
    return True


@contextlib.contextmanager
def _short(folder: Path) -> Generator[str | None]:
    """A name of the folder that is short enough for a socket address, or None."""
    text = str(folder)
    if len(text) + LONGEST_NAME < MAX_SOCKET_PATH:
        yield text
    elif sys.platform == "linux":
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        yield None
