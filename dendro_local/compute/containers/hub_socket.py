"""The way from a container without a network to the hub that answers apps on a loopback port."""

import contextlib
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from dendro_local.sdk.relay import pass_on

__all__ = ["HubSocket"]

LONGEST = 60
"""Beyond this length, a folder's path is too long for a socket in it: systems allow 104 bytes."""


class HubSocket:
    """A Unix socket in a folder of its own, whose connections go to a port of this machine.

    Args:
        url: any address of the hub.
    """

    def __init__(self, url: str) -> None:
        self.port = urlsplit(url).port or 80
        place = tempfile.gettempdir()
        if len(place) > LONGEST:
            place = "/tmp"  # noqa: S108 - the folder that is made in it is ours alone
        folder = tempfile.mkdtemp(prefix="dendro-hub-", dir=place)
        self.file = Path(folder) / "socket"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.file))
        self._listener.listen(128)
        threading.Thread(
            target=pass_on,
            args=(self._listener, self._connect),
            name="dendro-hub-socket",
            daemon=True,
        ).start()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):  # macOS has it that a listener has no connection
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        shutil.rmtree(self.file.parent, ignore_errors=True)

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port))
