"""Writing arrays as a LINDI file (``.lindi.tar``) that Neurosift reads by ranges of bytes.

The layout is lindi's (see `lindi_input`). It is written in one go and without a trace of time or
chance, so that equal results are equal files, from which no job is run twice. Chunks are packed
with gzip, which every reader of such files knows.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import tarfile
from collections.abc import Mapping, Sequence
from io import BufferedReader, BytesIO, RawIOBase
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lindi_input import ByteSource

TAR_BLOCK_BYTES = 512
ENTRY_BYTES = 1024
GZIP_LEVEL = 5
INLINE_BYTES = 1000
"""A smaller chunk is text in the JSON, as lindi has it."""

CHUNK_BYTES = 4 * 1024 * 1024

Reference = Mapping[str, Mapping[str, str | None]]
"""To another object of the file, as LINDI has it."""

AttributeValue = str | int | float | Reference | Sequence[str] | Sequence[int] | Sequence[float]
Attributes = Mapping[str, AttributeValue]


class FilePart(NamedTuple):
    """Some bytes of a file, which are read only when they are written elsewhere."""

    source: ByteSource
    offset: int
    size: int


Members = dict[str, "bytes | FilePart"]
"""What is in a tar, by name."""


class LindiArray(NamedTuple):
    """One array of a LINDI file.

    Attributes:
        data: of numbers, or of text.
        attributes: by name.
        chunks: its chunks' shape; None for some rows of about 4 MB.
    """

    data: NDArray[Any]
    attributes: Attributes = MappingProxyType({})
    chunks: tuple[int, ...] | None = None


def write_lindi_tar(path: str, arrays: Mapping[str, LindiArray], attributes: Attributes) -> None:
    """Write a LINDI file.

    Args:
        path: where to.
        arrays: by name; a slash in it makes groups.
        attributes: those of the file itself.
    """
    refs: dict[str, Any] = {".zgroup": {"zarr_format": 2}, ".zattrs": dict(attributes)}
    members: Members = {}
    for name, array in arrays.items():
        parts = name.split("/")
        for depth in range(1, len(parts)):
            refs["/".join(parts[:depth]) + "/.zgroup"] = {"zarr_format": 2}
        add_array(name, array, refs, members)
    lindi_json = json.dumps({"refs": refs}, allow_nan=False).encode()
    write_tar(path, {"lindi.json": lindi_json, **members})


def add_array(name: str, array: LindiArray, refs: dict[str, Any], members: Members) -> None:
    """Add an array to the ``refs`` of a LINDI file, and what is large of it to the tar."""
    data = np.ascontiguousarray(array.data)
    chunks = array.chunks or _row_chunks(data)
    refs[f"{name}/.zarray"] = {
        "chunks": list(chunks),
        "compressor": {"id": "gzip", "level": GZIP_LEVEL},
        "dtype": data.dtype.str,
        "fill_value": {"S": None, "U": ""}.get(data.dtype.kind, 0),
        "filters": None,
        "order": "C",
        "shape": list(data.shape),
        "zarr_format": 2,
    }
    refs[f"{name}/.zattrs"] = dict(array.attributes)
    counts = [-(-size // chunk) for size, chunk in zip(data.shape, chunks, strict=True)]
    for place in itertools.product(*map(range, counts)):
        key = f"{name}/{'.'.join(map(str, place))}"
        packed = gzip.compress(_chunk(data, chunks, place), GZIP_LEVEL, mtime=0)
        if len(packed) < INLINE_BYTES:
            refs[key] = "base64:" + base64.b64encode(packed).decode()
        else:
            members[f"blobs/{key}"] = packed
            refs[key] = [f"./blobs/{key}", 0, len(packed)]


def _row_chunks(data: NDArray[Any]) -> tuple[int, ...]:
    row_bytes = max(1, data.nbytes // max(1, data.shape[0]))
    rows = min(max(1, CHUNK_BYTES // row_bytes), max(1, data.shape[0]))
    return (rows, *(max(1, size) for size in data.shape[1:]))


def _chunk(data: NDArray[Any], chunks: tuple[int, ...], place: tuple[int, ...]) -> bytes:
    """One chunk; those at the far ends are filled up with zeros to the shape of the others."""
    starts = [number * size for number, size in zip(place, chunks, strict=True)]
    part = data[
        tuple(slice(start, start + size) for start, size in zip(starts, chunks, strict=True))
    ]
    if part.shape != chunks:
        whole = np.zeros(chunks, dtype=data.dtype)
        whole[tuple(map(slice, part.shape))] = part
        part = whole
    return part.tobytes()


def write_tar(path: str, members: Mapping[str, bytes | FilePart]) -> None:
    """Write a tar that begins with where its index is, and the index."""
    sizes = {
        name: content.size if isinstance(content, FilePart) else len(content)
        for name, content in members.items()
    }
    index = b""
    while True:  # the places of members depend on the size of the index, which names them
        padded = -(-len(index) // TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES
        places = _places({".tar_entry.json": ENTRY_BYTES, ".tar_index.json": padded, **sizes})
        wanted = json.dumps({"files": places}).encode()
        if len(wanted) <= padded:
            index = wanted.ljust(padded)
            break
        index = wanted
    entry = json.dumps({"index": places[1]}).encode().ljust(ENTRY_BYTES)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in (
            (".tar_entry.json", entry),
            (".tar_index.json", index),
            *members.items(),
        ):
            member = tarfile.TarInfo(name)
            if isinstance(content, FilePart):
                member.size = content.size
                tar.addfile(member, BufferedReader(_PartReader(content), CHUNK_BYTES))
            else:
                member.size = len(content)
                tar.addfile(member, BytesIO(content))


class _PartReader(RawIOBase):
    """Reads a part of a file from its beginning to its end."""

    def __init__(self, part: FilePart) -> None:
        super().__init__()
        self._part = part
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        source, offset, size = self._part
        length = min(len(buffer), size - self._done)
        found = source.read_range(offset + self._done, length) if length > 0 else b""
        buffer[: len(found)] = found
        self._done += len(found)
        return len(found)


def _places(sizes: Mapping[str, int]) -> list[dict[str, Any]]:
    """Where each member's header (``o``) and data (``d``) begin, and how long the data is."""
    places: list[dict[str, Any]] = []
    offset = 0
    for name, size in sizes.items():
        data = offset + TAR_BLOCK_BYTES
        places.append({"n": name, "o": offset, "d": data, "s": size})
        offset = data + -(-size // TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES
    return places
