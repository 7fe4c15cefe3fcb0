"""``/f/...``: outputs, logs and other files of jobs, and inputs by their digest.

Also ``/v1/sync/blobs/DIGEST``: every file that a job has, for other stores.
"""

import asyncio
import os
from collections.abc import Sequence

import msgspec
from litestar.types import HTTPScope, Receive, Send

from dendro_local.byte_ranges import ByteRange
from dendro_local.errors import NotFound
from dendro_local.file_urls import parse_blob_url, stable_url
from dendro_local.local_hub import OutputAwaited, ServedFile
from dendro_local.server.files.replies import FileFacts, FileReply, file_reply
from dendro_local.server.messages import send_reply
from dendro_local.server.site import Site

__all__ = ["FileRoutes"]

PIECE_BYTES = 1 << 20
AT_ONCE_BYTES = 128 << 10
"""So much is read on the event loop: a thread costs more than the reading does."""

BLOBS = b"/v1/sync/blobs/"

_JSON = (b"content-type", b"application/json; charset=utf-8")


class FileRoutes:
    """Answers ``/f/...``. Raw ASGI, since a file is sent in pieces as fast as they are taken."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] not in ("GET", "HEAD"):
            await self._refuse(send, 405, "Method not allowed")
            return
        try:
            file = await self._file(scope)
            descriptor = os.open(file.path, os.O_RDONLY)
        except (NotFound, OSError) as error:
            message = str(error) if isinstance(error, NotFound) else "File not found"
            await self._refuse(send, 404, message)
            return
        try:
            reply = file_reply(_facts(file, descriptor), _headers(scope))
            await self._send(scope, receive, send, descriptor, reply)
        finally:
            os.close(descriptor)

    async def _file(self, scope: HTTPScope) -> ServedFile:
        if scope["raw_path"].startswith(BLOBS):
            digest = scope["raw_path"].removeprefix(BLOBS).decode("latin-1")
            return await self._site.in_thread(self._site.hub.served_blob, digest)
        url = _stable_url(scope)
        if parse_blob_url(url) is None:
            try:
                return self._site.hub.served_file(url, fetch=False)
            except OutputAwaited:
                return await self._site.in_thread(self._site.hub.served_file, url)
        # A file outside of the store is read whole if it may have changed.
        return await self._site.in_thread(self._site.hub.served_file, url)

    async def _refuse(self, send: Send, status: int, message: str) -> None:
        await send_reply(send, status, msgspec.json.encode({"error": message}), (_JSON,))

    async def _send(
        self, scope: HTTPScope, receive: Receive, send: Send, descriptor: int, reply: FileReply
    ) -> None:
        headers = list(reply.headers)
        if reply.status != 304:
            headers.append((b"content-length", b"%d" % reply.length))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        pieces = reply.pieces if scope["method"] == "GET" else ()
        if reply.length <= AT_ONCE_BYTES:
            body = b"".join(
                piece if isinstance(piece, bytes) else _read(descriptor, piece.first, piece.length)
                for piece in pieces
            )
            await send({"type": "http.response.body", "body": body, "more_body": False})
            return
        gone = asyncio.ensure_future(_is_gone(receive))
        try:
            await self._send_pieces(send, descriptor, pieces, gone)
        finally:
            gone.cancel()

    async def _send_pieces(
        self,
        send: Send,
        descriptor: int,
        pieces: Sequence[bytes | ByteRange],
        gone: "asyncio.Future[None]",
    ) -> None:
        for piece in pieces:
            if isinstance(piece, bytes):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                continue
            first = piece.first
            while first < piece.end:
                if gone.done():
                    return  # the server would take the rest and throw it away
                length = min(PIECE_BYTES, piece.end - first)
                read = await self._site.in_thread(_read, descriptor, first, length)
                await send({"type": "http.response.body", "body": read, "more_body": True})
                first += length
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _is_gone(receive: Receive) -> None:
    """Wait until whoever asks has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _stable_url(scope: HTTPScope) -> str:
    # The path as it was sent: a name may hold an encoded slash, which is none.
    return stable_url(scope["raw_path"].decode("latin-1"), [""])


def _headers(scope: HTTPScope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _facts(file: ServedFile, descriptor: int) -> FileFacts:
    status = os.fstat(descriptor)
    return FileFacts(
        name=file.name, digest=file.digest, size=status.st_size, modified_at=status.st_mtime
    )


def _read(descriptor: int, first: int, length: int) -> bytes:
    """So many bytes from a place on.

    Raises:
        OSError: the file has become shorter; what was announced cannot be sent any more.
    """
    read = os.pread(descriptor, length, first)
    while len(read) < length:
        more = os.pread(descriptor, length - len(read), first + len(read))
        if not more:
            raise OSError("the file became shorter while it was sent")
        read += more
    return read
