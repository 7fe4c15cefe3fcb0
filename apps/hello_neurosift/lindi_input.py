"""Reading LINDI files: NWB files whose arrays lie elsewhere, named by URL and range of bytes.

A LINDI file is a JSON object (``.lindi.json``), or a tar that holds it as ``lindi.json`` beside
some of the arrays (``.lindi.tar``). Its ``refs`` are a Zarr store: by the name of a chunk its
bytes, as text, or ``[url, offset, length]``, where ``./name`` is a member of the tar itself. In a
tar, the first member says where the index of all members is.

lindi reads such files too; but a tar on the disk only if it may write to it, and a chunk on the
web only in a connection of its own.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import h5py

TAR_BLOCK_BYTES = 512
ENTRY_BYTES = 1024
"""The first member of a tar, of this size, says where the index is."""

_CHUNK_NAME = re.compile(r"\d+(\.\d+)*")


class ByteSource(Protocol):
    """A file of which any part can be read."""

    size: int

    def read_range(self, start: int, length: int) -> bytes:
        """The bytes from ``start`` on: ``length`` of them, or fewer at the end of the file."""
        ...


class LindiInput:
    """A LINDI file, opened for reading.

    Args:
        source: the file.
        open_url: opens another file that it refers to, by URL.

    Attributes:
        file: what reads like an ``h5py.File``.
        refs: what it is made of, as its JSON has it.
        templates: URLs by their abbreviations in ``refs``, braces included.
        members: offset and size of the members of the tar, if it is one.

    Raises:
        ValueError: it is no LINDI file.
    """

    def __init__(self, source: ByteSource, open_url: Callable[[str], ByteSource]) -> None:
        import lindi

        self.members: dict[str, tuple[int, int]] = {}
        if is_tar(source.read_range(0, TAR_BLOCK_BYTES)):
            self.members = _tar_members(source)
            if "lindi.json" not in self.members:
                raise ValueError("The tar has no lindi.json, so it is no LINDI file.")
            content = source.read_range(*self.members["lindi.json"])
        else:
            content = source.read_range(0, source.size)
        described = json.loads(content)
        if not isinstance(described, dict) or not isinstance(described.get("refs"), dict):
            raise ValueError("The JSON has no 'refs', so it is no LINDI file.")
        self.refs: dict[str, Any] = described["refs"]
        self.templates: dict[str, str] = {
            "{{" + name + "}}": url for name, url in (described.get("templates") or {}).items()
        }
        chunks = _Chunks(self.refs, self.templates, source, self.members, open_url)
        self.file: h5py.File = lindi.LindiH5pyFile.from_zarr_store(chunks, mode="r")

    def link(self, path: str) -> tuple[str, str] | None:
        """URL and name of the HDF5 dataset that an array of too many chunks stands for."""
        value = self.refs.get(f"{path.strip('/')}/.zattrs")
        attributes = json.loads(value) if isinstance(value, str) else value or {}
        link = attributes.get("_EXTERNAL_ARRAY_LINK")
        if not isinstance(link, dict) or link.get("link_type") != "hdf5_dataset":
            return None
        return link["url"], link["name"]


def is_tar(start: bytes) -> bool:
    """Whether a file that starts so is a tar."""
    return start[257:262] == b"ustar"


class _Chunks(MutableMapping[str, bytes]):
    """The Zarr store that the ``refs`` of a LINDI file are. It cannot be changed."""

    def __init__(
        self,
        refs: dict[str, Any],
        templates: dict[str, str],
        source: ByteSource,
        members: dict[str, tuple[int, int]],
        open_url: Callable[[str], ByteSource],
    ) -> None:
        self._refs = refs
        self._templates = templates
        self._source = source
        self._members = members
        self._open_url = open_url

    def __getitem__(self, key: str) -> bytes:
        value = self._refs[key]
        if isinstance(value, str):
            if value.startswith("base64:"):
                return base64.b64decode(value.removeprefix("base64:"))
            return value.encode()
        if isinstance(value, list):
            return self._padded(key, self._read(key, *value))
        return json.dumps(value).encode()

    def _read(self, key: str, url: str, offset: int, length: int) -> bytes:
        url = self._templates.get(url, url)
        if url.startswith("./"):
            if url[2:] not in self._members:
                raise ValueError(f"{key} is to be in {url}, which is not in the LINDI file.")
            start, _ = self._members[url[2:]]
            return self._source.read_range(start + offset, length)
        if not url.startswith(("http://", "https://")):
            # What such a path names can change without the LINDI file, and with it the result.
            raise ValueError(
                f"{key} is to be in {url}, a file of some machine. A LINDI file that is an input "
                "can refer to files on the web only: give the NWB file itself."
            )
        return self._open_url(url).read_range(offset, length)

    def _padded(self, key: str, chunk: bytes) -> bytes:
        """The chunk; the last one of an array that lies in one piece is as long as the others."""
        folder, _, name = key.rpartition("/")
        if _CHUNK_NAME.fullmatch(name) is None:
            return chunk
        array = json.loads(self[f"{folder}/.zarray"])
        if array.get("compressor") or array.get("filters") or np.dtype(array["dtype"]).kind == "O":
            return chunk
        wanted = math.prod(array["chunks"]) * np.dtype(array["dtype"]).itemsize
        return chunk.ljust(wanted, b"\0")

    def __setitem__(self, key: str, value: bytes) -> None:
        raise PermissionError("An input cannot be written to.")

    def __delitem__(self, key: str) -> None:
        raise PermissionError("An input cannot be written to.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._refs)

    def __len__(self) -> int:
        return len(self._refs)


def _tar_members(source: ByteSource) -> dict[str, tuple[int, int]]:
    """Offset and size of every member's data, from the tar's own index."""
    entry = json.loads(source.read_range(TAR_BLOCK_BYTES, ENTRY_BYTES))
    index = json.loads(source.read_range(entry["index"]["d"], entry["index"]["s"]))
    return {member["n"]: (member["d"], member["s"]) for member in index["files"]}
