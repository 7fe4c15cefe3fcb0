"""The feed of a bucket: what changed, in segments with the numbers 0, 1, 2 and so on.

A segment is written under the next number that is free, and only if it is free: of two who push
at once the slower takes the number after. There is never a gap, so the first number that is not
there is the end, and who has read up to it asks for it again to learn whether there is news: one
GET. `compact` writes several segments as one larger object and puts a pointer to that in the place
of each. Nothing else is ever changed, so a reader with any cursor, on any kind of server, finds
its way without a listing, and a copy that is a day old is still right.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_sync.remotes.bucket.layout import HINT, merged_range, segment_name
from dendro_sync.remotes.bucket.objects import Objects
from dendro_sync.remotes.bucket.segments import MOST_PACKED_BYTES, pointer_in

__all__ = ["Feed", "Piece"]

MOST_AHEAD = 8
"""How many segments are asked for at once, in a long row of them."""

HINT_EVERY = 16
"""The hint is written with each so manieth segment: to be wrong costs some requests."""

NEXT_NUMBERS = 4
"""So many numbers are tried one after the other before the end is searched."""

POINTER_READS = 3


class _Hint(msgspec.Struct, frozen=True):
    """About where the feed ends. It may be too low, or missing, without harm."""

    next: int


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the feed, from one number to another."""

    number: int
    """From where on it is wanted."""
    first: int
    """Of the first segment in it."""
    last: int
    name: str
    """Of the object."""
    packed: bytes = b""
    fault: str = ""
    """Why it cannot be read, if it cannot."""

    @property
    def is_merged(self) -> bool:
        """Whether it is several segments in one object."""
        return self.name != segment_name(self.number)


class Feed:
    """The feed of one bucket. Safe for use by many threads.

    Args:
        objects: of the bucket.
        executor: gives threads for requests that are made at once.
    """

    def __init__(self, objects: Objects, executor: Callable[[], Executor]) -> None:
        self._objects = objects
        self.executor = executor
        self._lock = threading.Lock()
        self._end: int | None = None

    @property
    def known_end(self) -> int | None:
        """The first number that was not there when that was last looked at; None if never."""
        return self._end

    def pieces(self, number: int) -> Iterator[Piece]:
        """The feed from a segment on, to its end."""
        ahead = 1
        while True:
            names = [segment_name(number + more) for more in range(ahead)]
            found = [self._get(names[0])] if ahead == 1 else self._get_all(names)
            for raw in found:
                if raw is None:
                    self._reached(number)
                    return
                piece = self._piece(number, raw)
                yield piece
                number = piece.last + 1
                if piece.is_merged or piece.fault:
                    # What else was asked for is in this one as well.
                    ahead = 1
                    break
            else:
                ahead = min(2 * ahead, MOST_AHEAD)

    def append(self, packed: bytes) -> int:
        """Write the next segment, and give its number."""
        number = self.end()
        tried = 0
        while not self._objects.create(segment_name(number), packed):
            number += 1
            tried += 1
            if tried % NEXT_NUMBERS == 0:
                number = self._search(number)
        self._reached(number + 1)
        if number % HINT_EVERY == 0:
            self._objects.replace(HINT, msgspec.json.encode(_Hint(number + 1)))
        return number

    def end(self) -> int:
        """The first number that is not there, or was not there just now."""
        if self._end is None:
            hint = self._hint()
            # A number that is too high would leave a gap, behind which nobody looks.
            if hint and self._objects.size(segment_name(hint - 1)) is None:
                hint = 0
            self._reached(self._search(hint))
        assert self._end is not None  # noqa: S101 - for the type checker
        return self._end

    def has_more(self) -> bool:
        """Whether there is something behind what is known; one request."""
        end = self._end
        return end is None or self._objects.size(segment_name(end)) is not None

    def _reached(self, number: int) -> None:
        with self._lock:
            self._end = number if self._end is None else max(number, self._end)

    def _search(self, number: int) -> int:
        """The first number from this on that is not there; those before it all are."""
        step = 1
        while self._objects.size(segment_name(number + step - 1)) is not None:
            number += step
            step *= 2
        low, high = 0, step - 1
        while low < high:
            middle = (low + high) // 2
            if self._objects.size(segment_name(number + middle)) is None:
                high = middle
            else:
                low = middle + 1
        return number + low

    def _hint(self) -> int:
        try:
            raw = self._objects.get(HINT, 4096)
            return 0 if raw is None else max(0, msgspec.json.decode(raw, type=_Hint).next)
        except (InvalidRequest, msgspec.MsgspecError):
            return 0

    def _get_all(self, names: Sequence[str]) -> Iterator[bytes | InvalidRequest | None]:
        return self.executor().map(self._get, names)

    def _get(self, name: str) -> bytes | InvalidRequest | None:
        try:
            return self._objects.get(name, MOST_PACKED_BYTES)
        except InvalidRequest as error:
            return error

    def _piece(self, number: int, found: bytes | InvalidRequest) -> Piece:
        """The segment, or what it was merged into."""
        own = segment_name(number)
        for _ in range(POINTER_READS):
            if isinstance(found, InvalidRequest):
                return _unreadable(number, number, own, str(found))
            try:
                name = pointer_in(found)
            except InvalidRequest as error:
                return _unreadable(number, number, own, str(error))
            if name is None:
                return Piece(number=number, first=number, last=number, name=own, packed=found)
            first, last, _digest = merged_range(name)
            if not first <= number <= last:
                return _unreadable(number, number, own, f"It points to {name}.")
            merged = self._get(name)
            if isinstance(merged, InvalidRequest):
                return _unreadable(number, last, name, str(merged))
            if merged is not None:
                return Piece(number=number, first=first, last=last, name=name, packed=merged)
            # Merged once more, and the object removed, since the pointer was read.
            found = self._get(own) or InvalidRequest("It was just removed.")
        return _unreadable(number, number, own, "What it points to is not there.")


def _unreadable(number: int, last: int, name: str, fault: str) -> Piece:
    return Piece(number=number, first=number, last=last, name=name, fault=fault)
