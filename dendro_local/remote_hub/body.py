"""The body of a reply, read into memory that the caller has.

The HTTP client hands a body on in pieces of 64 KiB at most, each copied several times on its way.
Of a large one the rest is therefore read from the connection itself, once the client has handed on
what it had read with the head; the client then closes the connection instead of using it again.
"""

import socket
import ssl

import httpx

__all__ = ["Body"]

LARGE_BYTES = 1 << 20
"""Of less, reading from the connection itself would cost more, since a new one is needed then."""


class Body:
    """What a reply that is being streamed has for a body.

    Args:
        reply: nothing of its body has been read.
    """

    def __init__(self, reply: httpx.Response) -> None:
        self._reply = reply
        self._pieces = reply.iter_raw()
        self._pending = memoryview(b"")
        self._connection: socket.socket | None = None
        self._left = _length_of(reply)
        self._is_begun = False

    def readinto(self, room: memoryview) -> int:
        """Read some bytes into memory, as many as there are now; how many, 0 at the end.

        Raises:
            httpx.HTTPError: the connection broke, or nothing comes.
        """
        if self._connection is None and not self._pending:
            if self._is_begun and self._left >= LARGE_BYTES:
                self._connection = _connection_of(self._reply)
            if self._connection is None:
                self._is_begun = True
                self._pending = memoryview(next(self._pieces, b""))
        if self._connection is not None:
            count = self._receive(self._connection, room)
        else:
            count = min(len(self._pending), len(room))
            room[:count] = self._pending[:count]
            self._pending = self._pending[count:]
        self._left -= count
        return count

    def _receive(self, connection: socket.socket, room: memoryview) -> int:
        if not self._left:
            return 0
        try:
            count = connection.recv_into(room[: self._left])
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error), request=self._reply.request) from error
        except OSError as error:
            raise httpx.ReadError(str(error), request=self._reply.request) from error
        if not count:
            raise httpx.RemoteProtocolError(
                f"the connection broke {self._left:,} bytes before the end",
                request=self._reply.request,
            )
        return count


def _length_of(reply: httpx.Response) -> int:
    """How many bytes the body has; 0 if that is not known before its end."""
    length = reply.headers.get("content-length", "")
    if "transfer-encoding" in reply.headers or not (length.isascii() and length.isdigit()):
        return 0
    return int(length)


def _connection_of(reply: httpx.Response) -> socket.socket | None:
    """The connection over which a body comes just as it is; None if there is none such."""
    stream = reply.extensions.get("network_stream")
    found = None if stream is None else stream.get_extra_info("socket")
    if not isinstance(found, socket.socket) or reply.http_version != "HTTP/1.1":
        return None
    if reply.url.scheme == "https":
        host = reply.url.raw_host.decode("ascii")
        if not isinstance(found, ssl.SSLSocket) or found.server_hostname != host:
            return None  # it is that to a proxy, and has another within
    found.settimeout(reply.request.extensions["timeout"]["read"])
    return found
