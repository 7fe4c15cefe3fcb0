"""Passes connections on, so that an app in a container without a network can ask its hub.

Inside the container, the app asks at the port at which the hub answers outside; what it says is
passed on to a socket that is mounted into the container, and from there to the hub:

    python relay.py SOCKET PORT COMMAND...

runs a command beside that, and ends as it does. Where the port is in use, the container shares the
network of the machine, and needs nobody to pass anything on. Python 3.7 and later will do.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

PIECE_BYTES = 65_536


def pass_on(listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
    """Pass each connection on to one that is made for it, until ``listener`` is closed.

    Args:
        listener: takes the connections.
        connect: makes one for each.
    """
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        try:
            far = connect()
        except OSError:
            near.close()
            continue
        threading.Thread(target=_carry, args=(near, far), daemon=True).start()


def _carry(near: socket.socket, far: socket.socket) -> None:
    """Copy what either side says to the other, until both have ended."""
    back = threading.Thread(target=_copy, args=(far, near), daemon=True)
    back.start()
    _copy(near, far)
    back.join()
    near.close()
    far.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy what comes from one side to the other, to its end."""
    try:
        while True:
            piece = source.recv(PIECE_BYTES)
            if not piece:
                break
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One of them is gone, and the other is of no more use.
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def run(socket_path: str, port: int, command: Sequence[str]) -> int:
    """Run a command that may ask at a port what is then passed on to a Unix socket.

    Returns:
        Its exit code; 128 and the signal's number if a signal ended it.
    """

    def connect() -> socket.socket:
        far = socket.socket(socket.AF_UNIX)
        far.connect(socket_path)
        return far

    listener = socket.socket()
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError:
        listener.close()  # the hub itself is there
    else:
        threading.Thread(target=pass_on, args=(listener, connect), daemon=True).start()
    child = subprocess.Popen(list(command))

    def forward(number: int, frame: Any) -> None:
        child.send_signal(number)

    # The first process of a container is not ended by signals that it does not take.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, forward)
    exit_code = child.wait()
    return exit_code if exit_code >= 0 else 128 - exit_code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
