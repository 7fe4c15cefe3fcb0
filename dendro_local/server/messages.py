"""Requests and replies as ASGI has them, for routes that need nothing of a framework."""

import math
from collections.abc import Sequence

import msgspec
from litestar.types import HTTPScope, Receive, Send

from dendro_local.errors import DendroError, QuotaExceeded

__all__ = [
    "BodyTooLarge",
    "ClientGone",
    "Headers",
    "header",
    "read_body",
    "refuse",
    "retry_after",
    "send_reply",
]

Headers = Sequence[tuple[bytes, bytes]]


class BodyTooLarge(Exception):
    """A body has more bytes than are taken."""


class ClientGone(Exception):
    """Whoever asked does not wait for an answer any more."""


def header(scope: HTTPScope, name: bytes) -> str | None:
    """The value of a request's header, given in lower case; the last of several."""
    found = None
    for each, value in scope["headers"]:
        if each == name:
            found = value
    return None if found is None else found.decode("latin-1")


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """The whole body of a request.

    Raises:
        BodyTooLarge: it has more bytes than ``max_bytes``.
        ClientGone: it ended before its end.
    """
    pieces: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        piece = message["body"]
        length += len(piece)
        if length > max_bytes:
            raise BodyTooLarge
        pieces.append(piece)
        if not message["more_body"]:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def send_reply(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Answer with these bytes; their length is told."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})


def retry_after(error: DendroError) -> Headers:
    """The header that says when it may be worth to ask again; none where that is not known."""
    if not isinstance(error, QuotaExceeded) or error.retry_after_sec is None:
        return ()
    return ((b"retry-after", b"%d" % math.ceil(error.retry_after_sec)),)


async def refuse(
    scope: HTTPScope, send: Send, status: int, code: str, message: str, headers: Headers = ()
) -> None:
    """Answer that something cannot be done, in the form that errors of these routes have.

    It is ``{"error": MESSAGE}`` for the contract and for files, and ``{"error": {"code",
    "message"}}`` elsewhere.
    """
    is_plain = scope["path"].startswith(("/api/", "/f/", "/u/"))
    error = message if is_plain else {"code": code, "message": message}
    body = msgspec.json.encode({"error": error})
    await send_reply(send, status, body, [(b"content-type", b"application/json"), *headers])
