"""How an array of a Zarr store of version 2 lies in its chunks, and the values of one."""

# pyright: basic
# numcodecs has no types, and what JSON holds is known when it is looked at.

import math
import zlib
from typing import Any

import msgspec
import numpy as np
from numcodecs.registry import get_codec
from numpy.typing import NDArray

from dendro_local.server.previews.reading.question import CannotRead

__all__ = ["ArrayFormat", "array_format", "decoded"]

MOST_CHUNK_BYTES = 64 << 20

_CODECS = frozenset(
    {
        "blosc",
        "bz2",
        "delta",
        "gzip",
        "json2",
        "lz4",
        "lzma",
        "shuffle",
        "vlen-bytes",
        "vlen-utf8",
        "zlib",
        "zstd",
    }
)
"""Not all that numcodecs has: a pickle, for one, is a program that it would run."""

_FAULTS = (ValueError, TypeError, RuntimeError, OSError, EOFError, LookupError, ArithmeticError)


class ArrayFormat(msgspec.Struct, frozen=True, kw_only=True):
    """How an array lies in its chunks."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Any
    order: str
    separator: str
    codecs: list[dict[str, Any]]
    """Those by which its chunks were packed, last one first."""

    @property
    def type_text(self) -> str:
        """What it is of, as people call it."""
        if self.dtype.kind == "O":
            return "text or objects"
        if self.dtype.names is not None:
            return f"compound of {', '.join(self.dtype.names[:20])}"
        return f"{self.dtype.name}{', big-endian' if self.dtype.byteorder == '>' else ''}"

    @property
    def compression_text(self) -> str | None:
        """By what its chunks are packed."""
        found: list[str] = []
        for codec in self.codecs:
            detail = codec.get("cname") or codec.get("level")
            name = str(codec.get("id"))[:40]
            found.append(name if detail is None else f"{name} {str(detail)[:40]}")
        return ", ".join(found) or None


class _Described(msgspec.Struct):
    """What ``.zarray`` says."""

    shape: list[int]
    chunks: list[int]
    dtype: str | list[Any]
    fill_value: Any = None
    order: str = "C"
    compressor: dict[str, Any] | None = None
    filters: list[dict[str, Any]] | None = None
    dimension_separator: str = "."


def array_format(found: Any) -> ArrayFormat:
    """The format that ``.zarray`` describes.

    Raises:
        CannotRead: it describes none.
    """
    try:
        described = msgspec.convert(found, _Described)
        dtype = np.dtype(_fields(described.dtype))
    except (msgspec.ValidationError, *_FAULTS) as fault:
        raise CannotRead(f"This array is not described as Zarr has it: {fault}") from fault
    shape, chunks = tuple(described.shape), tuple(described.chunks)
    if len(shape) != len(chunks) or any(size < 0 for size in shape) or any(n < 1 for n in chunks):
        raise CannotRead("This array is not described as Zarr has it: in its shape or chunks.")
    compressor = [] if described.compressor is None else [described.compressor]
    return ArrayFormat(
        shape=shape,
        chunks=chunks,
        dtype=dtype,
        fill=_fill(described.fill_value, dtype),
        order="F" if described.order == "F" else "C",
        separator="/" if described.dimension_separator == "/" else ".",
        codecs=[*compressor, *reversed(described.filters or [])],
    )


def decoded(packed: bytes, form: ArrayFormat) -> NDArray[Any]:
    """The values of a chunk.

    Raises:
        CannotRead: it is packed otherwise than the array says, or as is not known here.
    """
    if math.prod(form.chunks) * form.dtype.itemsize > MOST_CHUNK_BYTES:
        raise CannotRead("Its chunks are too large to be unpacked for a preview.")
    found: Any = packed
    for codec in form.codecs:
        name = codec.get("id")
        if name not in _CODECS:
            raise CannotRead(f"It is packed by {str(name)[:40]!r}, which cannot be unpacked here.")
        try:
            found = get_codec(dict(codec)).decode(found)
        except (zlib.error, *_FAULTS) as fault:
            raise CannotRead(f"A chunk is damaged: {fault}") from fault
    try:
        return _shaped(found, form)
    except _FAULTS as fault:
        raise CannotRead(f"A chunk is not as long as the array says: {fault}") from fault


def _shaped(found: Any, form: ArrayFormat) -> NDArray[Any]:
    if form.dtype.kind == "O":
        if not isinstance(found, np.ndarray) or found.dtype.kind != "O":
            raise CannotRead("Its values are no text, and it is not said what they are.")
        return found.reshape(form.chunks, order="C" if form.order == "C" else "F")
    raw = found.tobytes() if isinstance(found, np.ndarray) else bytes(found)
    if not form.codecs:
        # The last chunk of an array that lies in one piece ends with the array.
        raw = raw.ljust(math.prod(form.chunks) * form.dtype.itemsize, b"\0")
    values: NDArray[Any] = np.frombuffer(raw, dtype=form.dtype)
    return values.reshape(form.chunks, order="C" if form.order == "C" else "F")


def _fields(found: Any) -> Any:
    """A type of numpy, from JSON: lists of fields are tuples there."""
    if isinstance(found, str):
        return found
    return [
        (str(name), _fields(kind), *(tuple(shape) for shape in more)) for name, kind, *more in found
    ]


def _fill(value: Any, dtype: np.dtype[Any]) -> Any:
    """What stands where no chunk is."""
    if dtype.kind == "O":
        return value if isinstance(value, str | int | float | None) else None
    if dtype.kind == "f":
        return float(value) if isinstance(value, str | int | float) else 0.0
    if dtype.kind in "biu" and isinstance(value, int):
        return value
    return np.zeros((), dtype)
