"""Replies made small for the way, for browsers that say they can unpack them."""

import gzip

from litestar.types import HTTPScope

from dendro_local.server.messages import header

__all__ = ["packed", "takes_gzip"]

QUICK = 5
BEST = 9


def takes_gzip(scope: HTTPScope) -> bool:
    """Whether whoever asks can unpack what is packed by gzip."""
    for each in (header(scope, b"accept-encoding") or "").lower().split(","):
        name, _, quality = each.strip().partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def packed(content: bytes, *, for_long: bool = False) -> bytes:
    """The content packed by gzip; what is kept for long may take its time."""
    return gzip.compress(content, BEST if for_long else QUICK, mtime=0)
