"""Knowing a bucket again by one request, which also shows that its feed goes as far as it did.

Of a bucket that was exchanged with, its header and how the last known segment of its feed ends are
kept. A segment is never changed until it is merged, and no two end alike, since each ends with a
signature, or with what it says, and a checksum. So if that end is still there, the bucket is the
one that it was, and it has all that it had; otherwise the header is read. Where there is none then,
the bucket is away, such as on a disk that is not mounted: no new one is made in its place.
"""

from typing import Protocol

import msgspec

from dendro_local.errors import DendroError, HubUnreachable, NotAuthenticated
from dendro_sync.remotes.bucket.layout import segment_name
from dendro_sync.remotes.bucket.objects import Objects

__all__ = ["BucketHeader", "KnownBucket", "LastSegment", "Memory", "last_segment"]

END_BYTES = 48


class BucketHeader(msgspec.Struct, frozen=True, kw_only=True):
    """Which bucket it is, and how to read it."""

    format: str
    version: int
    storeId: str
    """Random; cursors and caches are of one of these."""
    createdSec: float
    """In seconds since the Unix epoch."""


class LastSegment(msgspec.Struct, frozen=True, kw_only=True):
    """The segment of the feed with the highest number that is known."""

    number: int
    size: int
    """In bytes, as it lies there."""
    end: bytes
    """Its last bytes."""


class Memory(Protocol):
    """Keeps a text about one remote, from one process to the next. It may be lost without harm."""

    def recall(self) -> str:
        """The text that was kept last; empty if there is none."""
        ...

    def keep(self, text: str) -> None:
        """Keep a text instead of the one before."""
        ...


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    header: BucketHeader
    last: LastSegment | None


def last_segment(number: int, packed: bytes) -> LastSegment:
    """A segment by its number and its bytes."""
    return LastSegment(number=number, size=len(packed), end=packed[-END_BYTES:])


class KnownBucket:
    """What is kept of one bucket.

    Args:
        objects: where the bucket is.
        memory: where it is kept; None if nothing is.
    """

    def __init__(self, objects: Objects, memory: Memory | None) -> None:
        self._objects = objects
        self._memory = memory
        self._kept = ""

    def again(self) -> tuple[BucketHeader, LastSegment] | None:
        """The bucket, if it is the one that was known; one request, or none if none was."""
        kept = self._recalled()
        if kept is None or kept.last is None or not self._is_there(kept.last):
            return None
        return kept.header, kept.last

    def was_there(self) -> bool:
        """Whether a bucket was seen at this place before. No request."""
        return self._recalled() is not None

    def saw(self, header: BucketHeader) -> None:
        """Know that there is a bucket, if nothing is kept of it."""
        kept = self._recalled()
        if kept is None or kept.header != header:
            self.keep(header, None)

    def keep(self, header: BucketHeader, last: LastSegment | None) -> None:
        """Know a bucket again by a segment; None if it has none by which that can be done."""
        if self._memory is None:
            return
        kept = _text(self._objects.url, header, last)
        if kept != self._kept:
            self._memory.keep(kept)
            self._kept = kept

    def _recalled(self) -> _Kept | None:
        """What is kept of a bucket at this place."""
        self._kept = "" if self._memory is None else self._memory.recall()
        try:
            kept = msgspec.json.decode(self._kept, type=_Kept) if self._kept else None
        except msgspec.MsgspecError:
            return None  # of another version
        return kept if kept is not None and kept.url == self._objects.url else None

    def _is_there(self, last: LastSegment) -> bool:
        start = last.size - len(last.end)
        found = b""
        try:
            for piece in (
                self._objects.stream(segment_name(last.number), start, last.size + 1) or ()
            ):
                found += piece
                if len(found) > len(last.end):
                    break
        except (HubUnreachable, NotAuthenticated):
            raise
        except DendroError:
            return False  # such as of a server that knows no ranges
        return found == last.end


def _text(url: str, header: BucketHeader, last: LastSegment | None) -> str:
    return msgspec.json.encode(_Kept(url=url, header=header, last=last)).decode()
