"""Bodies as they are: what was packed for the way is refused, before anybody unpacks it.

A few kilobytes that are packed can be gigabytes, and no client of a hub packs what it sends.
"""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from dendro_local.server.messages import header, refuse

__all__ = ["EncodingGuard"]


class EncodingGuard:
    """Refuses requests whose body is compressed or otherwise encoded."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == ScopeType.HTTP:
            encoding = header(scope, b"content-encoding")
            if encoding is not None and encoding.strip().lower() not in ("", "identity"):
                message = "Bodies are taken as they are: send it without a Content-Encoding"
                await refuse(scope, send, 415, "unsupported_encoding", message)
                return
        await self._app(scope, receive, send)
