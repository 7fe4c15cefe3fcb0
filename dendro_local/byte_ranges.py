"""Which bytes of a file a ``Range`` header asks for (RFC 9110, 14)."""

import re
from typing import NamedTuple

__all__ = ["ByteRange", "NoSuchBytes", "byte_ranges"]

MAX_RANGES = 100
"""Readers of HDF5 ask for some tens at the most; thousands are an attack."""

_one_range = re.compile(r"(\d*)-(\d*)").fullmatch


class ByteRange(NamedTuple):
    """Bytes from ``first`` up to, not including, ``end``."""

    first: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return self.end - self.first


class NoSuchBytes(Exception):
    """None of the ranges begins inside the file."""


def byte_ranges(header: str | None, size: int) -> list[ByteRange] | None:
    """The ranges in a header, clipped to the file, in their order.

    None means the whole file: there is no header, it is none that is understood, as the RFC has
    it, or it asks for more than the whole file has.

    Args:
        header: such as ``bytes=0-1535``, ``bytes=-8`` (the last eight) or ``bytes=0-0,9-``.
        size: of the file in bytes.

    Raises:
        NoSuchBytes: all of them lie behind the file's end.
    """
    if header is None:
        return None
    unit, equals, text = header.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    found: list[ByteRange] = []
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or len(parts) > MAX_RANGES:
        return None
    for part in parts:
        asked = _asked(part, size)
        if asked is None:
            return None
        if asked.length > 0:
            found.append(asked)
    if not found:
        raise NoSuchBytes
    if len(found) > 1 and sum(each.length for each in found) > size:
        return None
    return found


def _asked(text: str, size: int) -> ByteRange | None:
    """One range, empty if it lies behind the end; None if the text is none."""
    match = _one_range(text)
    if match is None or not text.isascii() or len(text) > 40:
        return None
    first, last = match.groups()
    if not first:
        if not last:
            return None
        return ByteRange(max(size - int(last), 0), size)
    if not last:
        return ByteRange(min(int(first), size), size)
    if int(last) < int(first):
        return None
    return ByteRange(min(int(first), size), min(int(last) + 1, size))
