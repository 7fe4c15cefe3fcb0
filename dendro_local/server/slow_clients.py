"""A connection that does not wait for ever: what uvicorn's own leaves open.

Whoever opens a connection and sends its request a byte at a time, or takes its answer so slowly
that it never ends, holds memory and a descriptor of the server; some thousands of them are an
attack that costs nothing. uvicorn limits none of this, and neither the size of a request's head.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["LimitedProtocol", "end_slow_clients"]

logger = logging.getLogger(__name__)

HEAD_SEC = 15.0
"""How long the head of a request may take."""

SILENCE_SEC = 60.0
"""How long a body may pause, and an answer wait to be taken."""

MAX_HEAD_BYTES = 64 << 10
SWEEP_SEC = 0.5

_TOO_LARGE = b"\r\n".join(
    (
        b"HTTP/1.1 431 Request Header Fields Too Large",
        b"content-length: 0",
        b"connection: close",
        b"",
        b"",
    )
)


_TLS = b"\x16\x03"
"""The beginning of a TLS handshake, and of no request."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection of a client."""

    _has_told_of_tls: ClassVar[bool] = False
    transport: asyncio.Transport
    _is_in_head = True
    _has_asked = False
    _is_refused = False
    _head_bytes = 0
    _head_began = 0.0
    _heard = 0.0
    _unsent = 0
    _unsent_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        self.access_log = False  # whoever listens: addresses hold signatures and one-time tokens
        self.logger = logger  # whose lines have a time
        self._heard = self._head_began = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """More of a request has come."""
        if self._is_refused:
            return  # not hung up on before it has read why
        self._heard = self.loop.time()
        if self._is_in_head:
            if not self._has_asked and not self._head_bytes and data.startswith(_TLS):
                self._refuse_tls()
                return
            if not self._head_bytes:
                self._head_began = self._heard
            self._head_bytes += len(data)
        super().data_received(data)
        # Asked after it was parsed: a body that came with its head does not count as head.
        if self._is_in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_head()

    def on_headers_complete(self) -> None:
        """The head of a request has come to its end."""
        size = len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers)
        if size > MAX_HEAD_BYTES:
            self._refuse_head()
            return
        self._is_in_head = False
        self._has_asked = True
        self._head_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """More of a body has come."""
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has come to its end."""
        if self._is_refused:
            return
        self._is_in_head = True
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # which uvicorn forgets if there was an error

    def end_if_slow(self, now: float) -> None:
        """Hang up on a client that takes too long, by the clock of the event loop."""
        if self.transport.is_closing():
            return
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent or not unsent:
            self._unsent, self._unsent_since = unsent, now
        is_slow = now - self._unsent_since > SILENCE_SEC
        if self._is_in_head:
            is_waited_for = self._head_bytes > 0 or not self._has_asked
            is_slow = is_slow or (is_waited_for and now - self._head_began > HEAD_SEC)
        elif self.cycle.more_body and not self.flow.read_paused:
            is_slow = is_slow or now - self._heard > SILENCE_SEC
        if is_slow:
            self.transport.abort()

    def _refuse_tls(self) -> None:
        """Hang up on who speaks https, and tell of the first one."""
        self._is_refused = True
        if not LimitedProtocol._has_told_of_tls:
            LimitedProtocol._has_told_of_tls = True
            logger.warning(
                "Somebody asked by https, which is not spoken here: the address begins with "
                "http://. This is told once."
            )
        # Answered as it is, so that whoever asks is told what is spoken here.
        self.send_400_response("This is spoken to by http, not by https.")

    def _refuse_head(self) -> None:
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        self.transport.write(_TOO_LARGE)
        # Closed before all was taken that comes, the system would tell the client of that alone.
        self.transport.write_eof()


async def end_slow_clients(connections: Iterable[Any]) -> None:
    """Hang up on slow clients until this is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_SEC)
        now = loop.time()
        for connection in list(connections):
            connection.end_if_slow(now)
