"""The feed of a bucket: what changed, in segments with the numbers 0, 1, 2 and so on.

A segment is written under the next number that is free, and only if it is free: of two who push
at once the slower takes the number after. There is never a gap, so the first number that is not
there is the end, and who has read up to it asks for it again to learn whether there is news: one
GET. `compact` writes several segments as one larger object and puts a pointer to that in the place
of each. Nothing else is ever changed, so a reader with any cursor, on any kind of server, finds
its way without a listing, and a copy that is a day old is still right.
"""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_sync.remotes.bucket.known_bucket import LastSegment, last_segment
from dendro_sync.remotes.bucket.layout import HINT, merged_range, segment_name
from dendro_sync.remotes.bucket.objects import Objects
from dendro_sync.remotes.bucket.segments import MOST_PACKED_BYTES, pointer_in

__all__ = ["Feed", "Piece"]

MOST_AHEAD = 8
"""How many segments are asked for at once, in a long row of them."""

HINT_EVERY = 64
"""The hint is written with each so manieth segment: to be wrong costs some requests."""

NEXT_NUMBERS = 4
"""So many numbers are tried one after the other before the end is searched."""

SENT_UNASKED_BYTES = 256 << 10
"""A larger segment is not sent before it was asked whether its number is free."""

OWN_BYTES = 4 << 20
"""So much of what was written is kept, and not read back."""

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
        """The first number that was not there when that was last looked at; None if never."""
        self._proven = 0
        """All numbers below this are there: a writer leaves no gap, behind which nobody looks."""
        self._is_exchanging = False
        self._own: dict[int, bytes] = {}
        """What was written last in an exchange, by number."""
        self._own_end: int | None = None
        """The number after that, which was not there then."""
        self.last: LastSegment | None = None
        """The last segment that was read or written; None if it is not known as it lies there."""

    def goes_to(self, last: LastSegment) -> None:
        """A segment is there, as one that was known before."""
        with self._lock:
            self._proven = max(self._proven, last.number + 1)
            self.last = last

    @contextlib.contextmanager
    def exchanging(self) -> Generator[None]:
        """A block in which what is written shows where the feed ends, and is not read back."""
        self._is_exchanging = True
        try:
            yield
        finally:
            with self._lock:
                self._is_exchanging = False
                self._own_end = None
                self._own.clear()

    def pieces(self, number: int) -> Iterator[Piece]:
        """The feed from a segment on, to its end."""
        in_a_row = 0
        while number != self._own_end:
            # One by one at first: mostly there is one more at the most.
            ahead = max(1, min(in_a_row, MOST_AHEAD))
            numbers = self._numbers(number, ahead)
            found = [self._segment(number)] if len(numbers) == 1 else self._segments(numbers)
            for raw in found:
                if raw is None:
                    self._reached(number)
                    return
                piece = self._piece(number, raw)
                self._passed(piece, raw)
                yield piece
                number = piece.last + 1
                in_a_row += 1
                if piece.is_merged or piece.fault:
                    # What else was asked for is in this one as well.
                    in_a_row = 0
                    break

    def append(self, packed: bytes) -> int:
        """Write the next segment, and give its number."""
        number = self.end()
        if len(packed) > SENT_UNASKED_BYTES:
            number = self._search(number)
        tried = 0
        while not self._objects.create(segment_name(number), packed):
            number += 1
            tried += 1
            if tried % NEXT_NUMBERS == 0:
                number = self._search(number)
        self._wrote(number, packed)
        if number % HINT_EVERY == 0:
            self._objects.replace(HINT, msgspec.json.encode(_Hint(number + 1)))
        return number

    def end(self) -> int:
        """A number that is not there, or was not there just now, and before which none is missing.

        Of a feed that was known before, where it went to then: a segment may be there by now.
        """
        end = self._end
        if end is not None and (end <= self._proven or self._is_there(end - 1)):
            return max(end, self._proven)
        if end is None and self._proven:
            return self._proven
        hint = self._hint()
        if hint and not self._is_there(hint - 1):
            hint = 0
        return self._search(hint)

    def has_more(self) -> bool:
        """Whether there is something behind what is known; one request."""
        end = self._end
        return end is None or self._is_there(end)

    def ends_before(self, number: int) -> bool:
        """Whether the number before one is not there, to which somebody once came."""
        return number > self._proven and not self._is_there(number - 1)

    def _is_there(self, number: int) -> bool:
        return self._objects.size(segment_name(number)) is not None

    def _reached(self, number: int) -> None:
        """A number is not there."""
        with self._lock:
            self._end = number if self._end is None else max(number, self._end)

    def _passed(self, piece: Piece, raw: bytes | InvalidRequest) -> None:
        """A piece is there."""
        with self._lock:
            if piece.last < self._proven:
                return
            self._proven = piece.last + 1
            self.last = None
            if isinstance(raw, bytes) and piece.last == piece.number:
                self.last = last_segment(piece.number, raw)

    def _wrote(self, number: int, packed: bytes) -> None:
        with self._lock:
            self._proven = self._end = number + 1
            self.last = last_segment(number, packed)
            if not self._is_exchanging:
                return
            self._own_end = number + 1
            if sum(map(len, self._own.values())) + len(packed) > OWN_BYTES:
                self._own.clear()
            if len(packed) <= OWN_BYTES:
                self._own[number] = packed

    def _search(self, number: int) -> int:
        """The first number from this on that is not there; those before it all are."""
        step = 1
        while self._is_there(number + step - 1):
            number += step
            step *= 2
        low, high = 0, step - 1
        while low < high:
            middle = (low + high) // 2
            if self._is_there(number + middle):
                low = middle + 1
            else:
                high = middle
        return number + low

    def _hint(self) -> int:
        try:
            raw = self._objects.get(HINT, 4096)
            return 0 if raw is None else max(0, msgspec.json.decode(raw, type=_Hint).next)
        except (InvalidRequest, msgspec.MsgspecError):
            return 0

    def _numbers(self, number: int, count: int) -> list[int]:
        """So many numbers from one on, but none of which it is known that they are not there."""
        if self._own_end is not None and number < self._own_end:
            count = min(count, self._own_end - number)
        return [number + more for more in range(count)]

    def _segments(self, numbers: Sequence[int]) -> Iterator[bytes | InvalidRequest | None]:
        return self.executor().map(self._segment, numbers)

    def _segment(self, number: int) -> bytes | InvalidRequest | None:
        own = self._own.get(number)
        return self._get(segment_name(number)) if own is None else own

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
