"""Reads a LINDI tar as a page in a browser does: by ranges of bytes, from its beginning on.

Written from the layout of such files, not with the code that writes them.
"""

import base64
import gzip
import itertools
import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ReadRange = Callable[[int, int], bytes]
"""The bytes from the first number to before the second."""

FORMATS = {"<u4": "I", "<i4": "i", "<f8": "d", "<f4": "f"}


@dataclass(frozen=True, kw_only=True)
class LindiArray:
    """One array with its attributes; ``values`` are all of them in a row."""

    shape: tuple[int, ...]
    dtype: str
    attributes: dict[str, Any]
    values: list[Any]

    def rows(self) -> list[list[Any]]:
        """The values of an array of two dimensions."""
        width = self.shape[1]
        return [self.values[start : start + width] for start in range(0, len(self.values), width)]

    def columns(self) -> list[list[Any]]:
        """The same by columns."""
        return [self.values[start :: self.shape[1]] for start in range(self.shape[1])]


class LindiTar:
    """An opened LINDI tar."""

    def __init__(self, read_range: ReadRange) -> None:
        self._read = read_range
        entry = json.loads(read_range(0, 1536)[512:])
        index = self._member(entry["index"])
        self._members = {member["n"]: member for member in json.loads(index)["files"]}
        self._refs: dict[str, Any] = json.loads(self._member(self._members["lindi.json"]))["refs"]

    @property
    def attributes(self) -> dict[str, Any]:
        """Those of the file itself."""
        found: dict[str, Any] = self._refs[".zattrs"]
        return found

    @property
    def names(self) -> list[str]:
        """The names of its arrays."""
        return sorted(
            key.removesuffix("/.zarray") for key in self._refs if key.endswith("/.zarray")
        )

    def array(self, name: str) -> LindiArray:
        """An array of one or two dimensions."""
        described = self._refs[f"{name}/.zarray"]
        assert described["compressor"]["id"] == "gzip"
        shape, chunks = tuple(described["shape"]), tuple(described["chunks"])
        form = FORMATS[described["dtype"]]
        values: list[Any] = [None] * math.prod(shape)
        counts = [-(-size // chunk) for size, chunk in zip(shape, chunks, strict=True)]
        for place in itertools.product(*map(range, counts)):
            raw = gzip.decompress(self._chunk(f"{name}/{'.'.join(map(str, place))}"))
            whole = struct.unpack(f"<{math.prod(chunks)}{form}", raw)
            for number, inner in enumerate(itertools.product(*map(range, chunks))):
                at = [p * c + i for p, c, i in zip(place, chunks, inner, strict=True)]
                if all(index < size for index, size in zip(at, shape, strict=True)):
                    flat = 0
                    for index, size in zip(at, shape, strict=True):
                        flat = flat * size + index
                    values[flat] = whole[number]
        return LindiArray(
            shape=shape,
            dtype=described["dtype"],
            attributes=self._refs.get(f"{name}/.zattrs", {}),
            values=values,
        )

    def place(self, key: str) -> tuple[str, int, int]:
        """Where a chunk that is not in the JSON itself lies: file, offset and length."""
        name, offset, length = self._refs[key]
        return name, offset, length

    def _member(self, place: dict[str, int]) -> bytes:
        return self._read(place["d"], place["d"] + place["s"])

    def _chunk(self, key: str) -> bytes:
        value = self._refs[key]
        if isinstance(value, str):
            return base64.b64decode(value.removeprefix("base64:"))
        name, offset, length = value
        start = self._members[name.removeprefix("./")]["d"] + offset
        return self._read(start, start + length)


def open_lindi_tar(path: Path) -> LindiTar:
    """A LINDI tar of this machine."""
    content = path.read_bytes()
    return LindiTar(lambda start, end: content[start:end])
