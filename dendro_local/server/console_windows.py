"""Parts of a console by the bytes at which they are, however long it is and while it grows.

Nothing is known of a console but its bytes: there is no index of its lines to be built or kept.
A part begins and ends where lines do, if that is not far away.
"""

import codecs
import os
from pathlib import Path
from typing import Literal

import msgspec

__all__ = ["Lines", "MOST_BYTES", "Match", "find_text", "lines_between"]

MOST_BYTES = 256 << 10
"""So much is read at once, and `REACH_BYTES` on either side of it."""

REACH_BYTES = 64 << 10
"""So far away the beginning or end of a line is looked for."""

PIECE_BYTES = 4 << 20
SEARCHED_BYTES = 128 << 20
"""So much is searched at once: some tenths of a second."""

Align = Literal["both", "begin", "end"]


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a console, each with the byte at which it begins, without their line feeds.

    ``size`` is that of the whole console, ``end`` the byte after the last of the lines.
    """

    start: int
    end: int
    size: int
    is_line_open: bool
    """Whether the last of the lines has no line feed."""
    lines: list[tuple[int, str]]


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """Where a text was found, or how far it was not."""

    at: int | None
    searched_to: int
    has_ended: bool
    size: int


def lines_between(
    path: Path, begin: int, end: int, *, align: Align = "both", is_final: bool = False
) -> Lines:
    """The lines of a console between two bytes; no more than about `MOST_BYTES` of them.

    Args:
        path: of the console. Where there is no file, nothing was printed.
        begin: a byte; a negative one counts from the end.
        end: the byte after the last.
        align: which of the two to move to where a line begins, outwards.
        is_final: whether nothing will follow, so that half a character at the end is one.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return Lines(start=0, end=0, size=0, is_line_open=False, lines=[])
    try:
        size = os.fstat(descriptor).st_size
        if begin < 0:
            begin = max(size + begin, 0)
        end = min(end, size, begin + MOST_BYTES)
        begin = min(begin, end)
        low = max(begin - REACH_BYTES, 0)
        piece = os.pread(descriptor, min(end + REACH_BYTES, size) - low, low)
    finally:
        os.close(descriptor)
    start = _start(piece, begin - low, low) if align != "end" else begin - low
    is_at_end = low + len(piece) >= size
    stop = _stop(piece, end - low, is_at_end=is_at_end) if align != "begin" else end - low
    shown = piece[start:stop]
    if not is_final or low + stop < size:
        shown = _whole_characters(shown)
    return Lines(
        start=low + start,
        end=low + start + len(shown),
        size=size,
        is_line_open=bool(shown) and not shown.endswith(b"\n"),
        lines=_lines(shown, low + start),
    )


def find_text(path: Path, text: str, begin: int, *, backwards: bool = False) -> Match:
    """Where a text is next in a console, whatever the case of ASCII letters.

    It searches some hundred MB at once and tells how far it came.

    Args:
        path: of the console.
        text: what to find; not empty.
        begin: the byte from which on to search, or before which with ``backwards``.
        backwards: search towards the beginning.
    """
    wanted = text.encode(errors="replace").lower()
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return Match(at=None, searched_to=0, has_ended=True, size=0)
    try:
        size = os.fstat(descriptor).st_size
        begin = min(max(begin, 0), size)
        if backwards:
            return _find_before(descriptor, wanted, begin, size)
        return _find_after(descriptor, wanted, begin, size)
    finally:
        os.close(descriptor)


def _find_after(descriptor: int, wanted: bytes, begin: int, size: int) -> Match:
    last = min(begin + SEARCHED_BYTES, size)
    while begin < last:
        # What follows is read too, so that a match across two pieces is found.
        piece = os.pread(descriptor, PIECE_BYTES + len(wanted) - 1, begin).lower()
        found = piece.find(wanted)
        if found >= 0:
            at = begin + found
            return Match(at=at, searched_to=at, has_ended=False, size=size)
        begin += PIECE_BYTES
    begin = min(begin, size)
    return Match(at=None, searched_to=begin, has_ended=begin >= size, size=size)


def _find_before(descriptor: int, wanted: bytes, end: int, size: int) -> Match:
    last = max(end - SEARCHED_BYTES, 0)
    while end > last:
        begin = max(end - PIECE_BYTES, 0)
        length = end - begin + len(wanted) - 1
        piece = os.pread(descriptor, length, begin).lower()
        found = piece.rfind(wanted, 0, length)
        if found >= 0:
            at = begin + found
            return Match(at=at, searched_to=at, has_ended=False, size=size)
        end = begin
    return Match(at=None, searched_to=end, has_ended=end == 0, size=size)


def _start(piece: bytes, begin: int, low: int) -> int:
    """Where the line begins in which a byte of a piece is."""
    found = piece.rfind(b"\n", 0, begin)
    if found >= 0 or low == 0:
        return found + 1
    while begin < len(piece) and _is_inside_character(piece[begin]):
        begin += 1
    return begin


def _stop(piece: bytes, end: int, *, is_at_end: bool) -> int:
    """Where the line ends that goes on at a byte of a piece; there, if none does."""
    if end == 0 or piece[end - 1 : end] == b"\n":
        return end
    found = piece.find(b"\n", end)
    if found >= 0:
        return found + 1
    return len(piece) if is_at_end else end


def _whole_characters(shown: bytes) -> bytes:
    """Without what is half a character at the end."""
    _, length = codecs.utf_8_decode(shown, "replace", False)
    return shown[:length]


def _is_inside_character(byte: int) -> bool:
    return byte & 0xC0 == 0x80


def _lines(shown: bytes, at: int) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    for line in shown.split(b"\n"):
        lines.append((at, line.decode(errors="replace")))
        at += len(line) + 1
    if not lines[-1][1]:
        lines.pop()  # after the last line feed
    return lines
