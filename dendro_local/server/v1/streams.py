"""Replies that are sent piece by piece, and streams of events (Server-Sent Events)."""

from collections.abc import AsyncGenerator
from typing import Any

from litestar.response import Stream
from litestar.response.base import ASGIResponse

__all__ = ["HEARTBEAT_SEC", "Pieces", "event_stream"]

HEARTBEAT_SEC = 15.0
"""A stream is never silent for longer, so that either side notices a broken connection."""


class Pieces(Stream):
    """A reply whose body is sent as it is made, with its own media type."""

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> ASGIResponse:
        """The reply as it is sent."""
        # The framework would take that of the route, which can only have one.
        return super().to_asgi_response(*args, **{**kwargs, "media_type": self.media_type})


def event_stream(blocks: AsyncGenerator[bytes]) -> Pieces:
    """A reply that goes on as long as there are events."""
    return Pieces(
        blocks,
        media_type="text/event-stream",
        headers={
            "cache-control": "no-store",
            "x-accel-buffering": "no",  # nginx would hold events back
        },
    )
