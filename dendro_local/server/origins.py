"""Which web pages of other sites may ask this hub: what stands before every route (CORS).

Browsers let a page of another site read an answer only if the answer names that site. A page that
is not known may not ask for changes at all.
"""

import re
from collections.abc import Collection

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from dendro_local.server.messages import header, refuse, send_reply

__all__ = ["KNOWN_ORIGINS", "OriginGuard"]

KNOWN_ORIGINS = ("https://neurosift.app", "https://figurl.github.io")
"""Sites whose pages the contract serves."""

_is_development = re.compile(r"http://(localhost|127\.0\.0\.1)(:\d+)?").fullmatch

_CONTRACT = (
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type"),
)
_FILES = (
    (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Range, If-Range"),
    (
        b"access-control-expose-headers",
        b"Accept-Ranges, Content-Length, Content-Range, Content-Type, ETag",
    ),
)
_OURS = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Last-Event-ID, Range"),
    (b"access-control-expose-headers", b"Content-Length, Content-Range, ETag"),
)
MAX_AGE = (b"access-control-max-age", b"600")


class OriginGuard:
    """Answers preflights, says who may read answers, and refuses changes by unknown pages.

    Args:
        app: what stands behind it.
        origins: other sites whose pages may ask, such as ``https://lab.example.org``.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins) | frozenset(KNOWN_ORIGINS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or let a request through."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        origin = header(scope, b"origin")
        allowing = list(_policy(scope["path"]))
        allowing.append((b"vary", b"Origin"))
        if origin is not None and self._is_allowed(origin, scope):
            allowing.append((b"access-control-allow-origin", origin.encode("latin-1")))
        elif origin is not None and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            message = "Pages of this origin may not change anything here"
            await refuse(scope, send, 403, "origin_not_allowed", message, allowing)
            return
        if scope["method"] == "OPTIONS":
            if header(scope, b"access-control-request-private-network") == "true":
                # A page of the internet asks a machine of a private network, such as this one.
                allowing.append((b"access-control-allow-private-network", b"true"))
            await send_reply(send, 200, b"", [*allowing, MAX_AGE])
            return

        async def send_allowing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *allowing]
            await send(message)

        await self._app(scope, receive, send_allowing)

    def _is_allowed(self, origin: str, scope: HTTPScope) -> bool:
        if origin in self._origins or _is_development(origin):
            return True
        return origin.partition("://")[2] == header(scope, b"host")


def _policy(path: str) -> tuple[tuple[bytes, bytes], ...]:
    if path.startswith("/api/"):
        return _CONTRACT
    return _FILES if path.startswith("/f/") else _OURS
