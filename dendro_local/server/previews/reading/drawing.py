"""Numbers as lines and pictures of a size for the screen."""

import base64
import math
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dendro_local.v1 import Image, Line

__all__ = ["image_of", "lines_of"]

MOST_STEPS = 600
"""Of a line."""

MOST_ACROSS = 640
MOST_DOWN = 320

Floats = NDArray[np.float64]

# Viridis at nine of its places, between which the colours are blended (matplotlib, CC0).
_ANCHORS = np.array(
    [
        (68, 1, 84),
        (71, 44, 122),
        (59, 81, 139),
        (44, 113, 142),
        (33, 144, 141),
        (39, 173, 129),
        (92, 200, 99),
        (170, 220, 50),
        (253, 231, 37),
    ],
    dtype=np.float64,
)
_PLACES = np.linspace(0, len(_ANCHORS) - 1, 256)
_COLOURS: NDArray[np.uint8] = np.stack(
    [np.interp(_PLACES, np.arange(len(_ANCHORS)), _ANCHORS[:, channel]) for channel in range(3)],
    axis=1,
).astype(np.uint8)


def lines_of(data: NDArray[Any]) -> list[Line]:
    """A line for each column: the least and greatest number of each step that the rows fall into.

    Args:
        data: shape (n_rows, n_columns), of numbers.
    """
    values = _finite(data)
    starts = _starts(len(values), MOST_STEPS)
    low = np.fmin.reduceat(values, starts, axis=0)
    high = np.fmax.reduceat(values, starts, axis=0)
    return [
        Line(name=str(column), low=_or_none(low[:, column]), high=_or_none(high[:, column]))
        for column in range(values.shape[1])
    ]


def image_of(data: NDArray[Any], axes: tuple[int, int]) -> Image:
    """A picture, with the longer axis from left to right, each of its dots the mean of a block.

    Args:
        data: shape (n_rows, n_columns), of numbers; or (n_rows, n_columns, 3 or 4) of bytes, which
            are colours, and are not turned.
        axes: which axes of the whole array these are.
    """
    down, across = axes
    if data.ndim == 3:
        picture = data[:: _stride(len(data), MOST_DOWN), :: _stride(data.shape[1], MOST_ACROSS)]
        return _image(np.ascontiguousarray(picture), None, None, across, down)
    if data.shape[0] > 2 * data.shape[1]:
        data, down, across = data.T, across, down
    means = _means(_finite(data), MOST_DOWN, MOST_ACROSS)
    is_number = np.isfinite(means)
    low = float(means[is_number].min()) if is_number.any() else None
    high = float(means[is_number].max()) if is_number.any() else None
    span = (high or 0.0) - (low or 0.0)
    scaled = np.zeros_like(means) if not span > 0 else (means - (low or 0.0)) / span
    places = np.where(is_number, np.nan_to_num(scaled) * 255, 0).astype(np.uint8)
    alpha = np.where(is_number, 255, 0).astype(np.uint8)
    picture = np.concatenate([_COLOURS[places], alpha[:, :, None]], axis=2)
    return _image(picture, low, high, across, down)


def _finite(data: NDArray[Any]) -> Floats:
    """As 64-bit floating-point numbers, of which those that are not finite are NaN."""
    values = data.astype(np.float64)
    values[~np.isfinite(values)] = np.nan
    return values


def _starts(length: int, most: int) -> NDArray[np.intp]:
    steps = min(length, most)
    return (np.arange(steps) * length // steps).astype(np.intp)


def _stride(length: int, most: int) -> int:
    return max(1, math.ceil(length / most))


def _means(values: Floats, most_down: int, most_across: int) -> Floats:
    """The means of blocks, without what is no number."""
    counts = np.isfinite(values).astype(np.float64)
    sums = np.nan_to_num(values)
    for axis, most in ((0, most_down), (1, most_across)):
        starts = _starts(values.shape[axis], most)
        sums = np.add.reduceat(sums, starts, axis=axis)
        counts = np.add.reduceat(counts, starts, axis=axis)
    found: Floats = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return found


def _or_none(values: Floats) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]


def _image(
    picture: NDArray[np.uint8], low: float | None, high: float | None, across: int, down: int
) -> Image:
    return Image(
        png=base64.b64encode(_png(picture)).decode(),
        width=picture.shape[1],
        height=picture.shape[0],
        low=low,
        high=high,
        across=across,
        down=down,
    )


def _png(picture: NDArray[np.uint8]) -> bytes:
    """A picture as PNG (RFC 2083): shape (height, width, 3) for RGB, 4 with alpha."""
    height, width, channels = picture.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each begins with its filter: none
    rows[:, 1:] = picture.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(rows.tobytes(), 6)),
            (b"IEND", b""),
        )
    )
