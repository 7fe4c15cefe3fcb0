"""Some values of an array, as text and as drawings, however large it is."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dendro_local.server.previews.reading.drawing import image_of, lines_of
from dendro_local.server.previews.reading.question import CannotRead
from dendro_local.server.previews.reading.words import cell_text
from dendro_local.v1 import ArrayPart, Image, Line

__all__ = ["ArraySource", "array_part"]

MOST_VALUES = 4 << 20
"""Read at once."""

MOST_BYTES = 64 << 20
"""Unpacked at once."""

MOST_CHUNKS = 5000
MOST_ROWS_OF_TEXT = 20
MOST_COLUMNS_OF_TEXT = 20
MOST_LINES = 8
"""With more columns, an array is drawn as an image."""

MOST_AXES = 4


class ArraySource(Protocol):
    """An array of a file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] | None
    """How much of it is read at once at least; None if any part can be."""

    def read(self, selection: tuple[slice, ...]) -> NDArray[Any]:
        """Part of it, with all of its axes.

        Raises:
            CannotRead: says why.
        """
        ...


def array_part(source: ArraySource, first: int) -> ArrayPart:
    """Some values of an array.

    Args:
        source: the array.
        first: an index of its first axis.

    Raises:
        CannotRead: says why.
    """
    shape = source.shape
    if math.prod(shape) == 0:
        return ArrayPart(note="It is empty.")
    if not shape:
        value = source.read(()).reshape(1)
        return ArrayPart(columns=_columns(value), rows=_rows(value))
    if len(shape) > MOST_AXES:
        return ArrayPart(note=f"Arrays of more than {MOST_AXES} axes are not shown.")
    first = min(max(0, first), shape[0] - 1)
    wanted = _bounded(source, first)
    data = source.read(tuple(wanted))
    end = wanted[0].stop
    step = end - first
    lines, image = _drawn(data)
    return ArrayPart(
        first=first,
        end=end,
        previous=max(0, first - step) if first > 0 else None,
        next=end if end < shape[0] else None,
        columns=_columns(data),
        rows=_rows(data[0] if data.ndim > 2 else data),
        lines=lines,
        image=image,
        note=_left_out(shape, wanted),
    )


def _bounded(source: ArraySource, first: int) -> list[slice]:
    """What is read: not too many values, and not too many chunks."""
    shape = source.shape
    is_text = source.dtype.kind not in "biuf"
    most = MOST_ROWS_OF_TEXT * MOST_COLUMNS_OF_TEXT if is_text else MOST_VALUES
    sizes = [shape[0] - first, *shape[1:]]
    if len(shape) > 2 and not _is_colour(shape, source.dtype):
        sizes[0] = 1  # one image at a time
    if math.prod(sizes) > most:
        others = math.prod(sizes) // max(sizes[0], 1)
        rows = min(sizes[0], 1024 if not is_text else MOST_ROWS_OF_TEXT)
        if others * rows > most:
            for axis in range(len(sizes) - 1, 0, -1):
                rest = math.prod(sizes[1:]) // sizes[axis]
                sizes[axis] = max(1, min(sizes[axis], most // (rows * rest)))
        sizes[0] = max(1, min(sizes[0], most // math.prod(sizes[1:])))
    while sizes[0] > 1 and _is_too_much(source, first, sizes):
        sizes[0] //= 2
    if _is_too_much(source, first, sizes):
        raise CannotRead(
            "Its values are packed in pieces that are too large, or too many, to be unpacked "
            "for a preview."
        )
    return [slice(first, first + sizes[0]), *(slice(0, size) for size in sizes[1:])]


def _is_too_much(source: ArraySource, first: int, sizes: Sequence[int]) -> bool:
    if source.chunks is None:
        return math.prod(sizes) * source.dtype.itemsize > MOST_BYTES
    starts = [first, *([0] * (len(sizes) - 1))]
    chunks = math.prod(
        (start + size - 1) // chunk - start // chunk + 1
        for start, size, chunk in zip(starts, sizes, source.chunks, strict=True)
    )
    chunk_bytes = math.prod(source.chunks) * source.dtype.itemsize
    return chunks > MOST_CHUNKS or (chunks * chunk_bytes > MOST_BYTES)


def _left_out(shape: tuple[int, ...], wanted: Sequence[slice]) -> str | None:
    cut = [
        f"{part.stop} of {size} along axis {axis}"
        for axis, (size, part) in enumerate(zip(shape, wanted, strict=True))
        if axis > 0 and part.stop < size
    ]
    return f"Only the first values are shown: {', '.join(cut)}." if cut else None


def _drawn(data: NDArray[Any]) -> tuple[list[Line], Image | None]:
    if data.dtype.kind not in "biuf":
        return [], None
    if data.ndim <= 2:
        columns = data.reshape(len(data), -1)
        if columns.shape[1] <= MOST_LINES:
            return (lines_of(columns), None) if len(columns) > 1 else ([], None)
        return [], image_of(columns, axes=(0, 1))
    if _is_colour(data.shape, data.dtype):
        return [], image_of(data, axes=(0, 1))
    if data.ndim == 3 or _is_colour(data.shape[1:], data.dtype):
        return [], image_of(data[0], axes=(1, 2))
    return [], image_of(data[0, 0], axes=(2, 3))


def _is_colour(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Whether it is one picture in red, green and blue."""
    return len(shape) == 3 and shape[2] in (3, 4) and dtype == np.uint8


def _columns(data: NDArray[Any]) -> list[str]:
    names = data.dtype.names
    return [] if names is None else list(names[:MOST_COLUMNS_OF_TEXT])


def _rows(data: NDArray[Any]) -> list[list[str]]:
    """The first values as text: rows of columns, or of the fields of a compound type."""
    names = data.dtype.names
    if data.ndim > 2:
        data = data[0]
    if names is not None:
        flat = data.reshape(-1)[:MOST_ROWS_OF_TEXT]
        return [[cell_text(row[name]) for name in names[:MOST_COLUMNS_OF_TEXT]] for row in flat]
    table = data.reshape(len(data), -1)[:MOST_ROWS_OF_TEXT, :MOST_COLUMNS_OF_TEXT]
    return [[cell_text(value) for value in row] for row in table]
