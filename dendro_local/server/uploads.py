"""``/u/TOKEN``: files of running jobs, and parts of them, as they are put there.

Bytes are taken from the network while those before are hashed and written in a thread, so that the
one does not wait for the other, and only a few megabytes are held at a time.
"""

import asyncio
import contextlib
import logging

import msgspec
from litestar.types import HTTPScope, Receive, Send

from dendro_local.errors import DendroError, InvalidRequest
from dendro_local.local_hub import IncomingFile
from dendro_local.server.messages import ClientGone, header, send_reply
from dendro_local.server.site import Site
from dendro_local.server.words import words_for_others

__all__ = ["UploadRoutes"]

logger = logging.getLogger(__name__)

PIECE_BYTES = 1 << 20

MOST_UNREAD_BYTES = 16 << 20
"""So much of a refused file is taken and dropped: most clients send all before they listen."""

_JSON = (b"content-type", b"application/json; charset=utf-8")


class UploadRoutes:
    """Answers ``PUT /u/TOKEN``: exactly 200, with a tag, once the file is kept."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "OPTIONS":
            await send_reply(send, 200, b"", ())
            return
        if scope["method"] != "PUT":
            await self._refuse(send, 405, "Method not allowed")
            return
        body = _Body(receive)
        try:
            tag = await self._take(scope, body)
        except ClientGone:
            return
        except DendroError as error:
            with contextlib.suppress(ClientGone):
                await body.drop_rest()
                message = words_for_others(error, self._site.hub)
                await self._refuse(send, error.http_status, message)
            return
        except Exception:
            logger.exception("an upload could not be taken")
            await self._refuse(send, 500, "Internal server error")
            return
        await send_reply(send, 200, b"", [(b"etag", f'"{tag}"'.encode())])

    async def _take(self, scope: HTTPScope, body: "_Body") -> str:
        """Take in the whole body; gives the tag of what was kept."""
        in_thread = self._site.in_thread
        token = scope["path"].strip("/").rpartition("/")[2]
        incoming = await in_thread(self._site.hub.begin_upload, token)
        try:
            length = header(scope, b"content-length")
            if length is not None and length != str(incoming.size):
                raise InvalidRequest(
                    f"{incoming.size} bytes were announced, and {length} are to come"
                )
            await self._write(incoming, body)
        except BaseException:
            # Not in a thread that one who cancels this would not wait for.
            incoming.abandon()
            raise
        return await in_thread(incoming.finish)

    async def _write(self, incoming: IncomingFile, body: "_Body") -> None:
        writing: asyncio.Future[None] | None = None
        try:
            while piece := await body.next_piece(PIECE_BYTES):
                if body.received > incoming.size:
                    raise InvalidRequest(f"{incoming.size} bytes were announced, and more arrived")
                if writing is not None:
                    await writing
                writing = asyncio.ensure_future(self._site.in_thread(incoming.write, piece))
        finally:
            if writing is not None:
                await asyncio.shield(writing)

    async def _refuse(self, send: Send, status: int, message: str) -> None:
        body = msgspec.json.encode({"error": message})
        await send_reply(send, status, body, (_JSON, (b"connection", b"close")))


class _Body:
    """The body of a request, in pieces of some size."""

    def __init__(self, receive: Receive) -> None:
        self.received = 0
        self._receive = receive
        self._is_whole = False

    async def next_piece(self, size: int) -> bytes:
        """The next bytes, about as many as ``size``; none at the end.

        Raises:
            ClientGone: it broke off.
        """
        pieces: list[bytes] = []
        length = 0
        while length < size and not self._is_whole:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ClientGone
            self._is_whole = not message["more_body"]
            pieces.append(message["body"])
            length += len(pieces[-1])
        self.received += length
        return b"".join(pieces)

    async def drop_rest(self) -> None:
        """Read on to the end, unless that is far."""
        dropped = 0
        while dropped < MOST_UNREAD_BYTES and not self._is_whole:
            dropped += len(await self.next_piece(PIECE_BYTES))
