"""Finds the parts of a JSON value without reading it into memory: by its brackets and commas.

A piece of some MB is looked at at once, by numpy. What is no JSON is not noticed here, unless it
has no such structure: it is shown as it is.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Part", "parts"]

PIECE_BYTES = 4 << 20

QUOTE, BACKSLASH, COMMA, COLON = b'"\\,:'

Bytes = NDArray[np.uint8]


class Part(NamedTuple):
    """A child of an object or array, as bytes of the file: its key too, if it has one.

    ``colon`` is where its key ends, None in an array. ``end`` is None if the file ends before it.
    """

    begin: int
    colon: int | None
    end: int | None


_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"{[")] = 1
_STEPS[list(b"}]")] = -1

_IS_STRUCTURE = np.zeros(256, np.bool_)
_IS_STRUCTURE[list(b"{}[],:")] = True


def parts(descriptor: int, begin: int, end: int) -> Iterator[Part]:
    """The children of the object or array that begins at a byte.

    Args:
        descriptor: of the file.
        begin: where its opening bracket is.
        end: the byte before which it surely ends, such as the file's size.
    """
    place = begin + 1
    start, colon, depth = place, None, 1
    strings = _Strings()
    while place < end:
        piece = np.frombuffer(
            os.pread(descriptor, min(PIECE_BYTES, end - place), place), dtype=np.uint8
        )
        if not piece.size:
            break
        found = np.flatnonzero(_IS_STRUCTURE[piece] & ~strings.inside(piece))
        kinds = piece[found]
        depths = depth + np.cumsum(_STEPS[kinds], dtype=np.int64)
        is_ours = (depths == 1) & ((kinds == COMMA) | (kinds == COLON)) | (depths == 0)
        for index in np.flatnonzero(is_ours).tolist():
            at = place + int(found[index])
            if kinds[index] == COLON:
                colon = at if colon is None else colon
                continue
            is_end = bool(depths[index] == 0)
            if not is_end or not _is_blank(descriptor, start, at):
                yield Part(start, colon, at)
            if is_end:
                return
            start, colon = at + 1, None
        depth = int(depths[-1]) if depths.size else depth
        place += piece.size
    if not _is_blank(descriptor, start, min(end, start + 64)):
        yield Part(start, colon, None)


def _is_blank(descriptor: int, begin: int, end: int) -> bool:
    return not os.pread(descriptor, min(64, end - begin), begin).strip(b" \t\r\n")


class _Strings:
    """Which bytes of a file, piece by piece, are in strings."""

    def __init__(self) -> None:
        self._is_open = False
        self._is_escaped = False
        """Whether the next piece begins with a byte that is taken as it is."""

    def inside(self, piece: Bytes) -> NDArray[np.bool_]:
        """For each byte of the next piece, whether it is in a string; quotes may go either way."""
        quotes = piece == QUOTE
        self._remove_escaped(piece, quotes)
        is_open = np.logical_xor.accumulate(quotes)
        if self._is_open:
            np.logical_not(is_open, out=is_open)
        self._is_open = bool(is_open[-1])
        return is_open

    def _remove_escaped(self, piece: Bytes, quotes: NDArray[np.bool_]) -> None:
        if self._is_escaped:
            quotes[0] = False
        slashes = np.flatnonzero(piece == BACKSLASH)
        if self._is_escaped and slashes.size and slashes[0] == 0:
            slashes = slashes[1:]
        self._is_escaped = False
        if not slashes.size:
            return
        # Of a run of backslashes each second one is escaped, and an odd run escapes what follows.
        begins = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
        lengths = np.diff(begins, append=slashes.size)
        after = slashes[begins] + lengths
        escaped = after[lengths % 2 == 1]
        if escaped.size and escaped[-1] == piece.size:
            self._is_escaped = True
            escaped = escaped[:-1]
        quotes[escaped] = False
