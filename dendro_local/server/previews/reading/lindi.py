"""LINDI files: groups and arrays in JSON, whose values are in it, beside it in a tar, or elsewhere.

The ``refs`` are a Zarr store of version 2: by the name of a chunk its bytes, as text, or ``[url,
offset, length]``, where ``./name`` is a member of the tar itself. In a tar, the first member says
where the index of all members is. What is elsewhere is never fetched.
"""

# pyright: basic
# What JSON holds is known when it is looked at.

import base64
import binascii
import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dendro_local.server.previews.reading.arrays import ArraySource
from dendro_local.server.previews.reading.objects import (
    Child,
    NoSuchObject,
    bounded_attributes,
)
from dendro_local.server.previews.reading.question import CannotRead
from dendro_local.server.previews.reading.words import value_text
from dendro_local.server.previews.reading.zarr import ArrayFormat, array_format, decoded
from dendro_local.v1 import Attribute, ObjectNode

__all__ = ["LindiFile"]

TAR_BLOCK_BYTES = 512
ENTRY_BYTES = 1024
MOST_JSON_BYTES = 96 << 20
"""Of a LINDI file's JSON, or of the index of its tar."""

_HIDDEN = ("_ARRAY_DIMENSIONS",)


class _Place(msgspec.Struct):
    d: int
    s: int


class _Entry(msgspec.Struct):
    index: _Place


class _Member(msgspec.Struct):
    n: str
    d: int
    s: int


class _Index(msgspec.Struct):
    files: list[_Member]


class _Lindi(msgspec.Struct):
    refs: dict[str, msgspec.Raw]
    templates: dict[str, str] | None = None


class LindiFile:
    """A LINDI file.

    Args:
        descriptor: of the file.

    Raises:
        CannotRead: it is none, or is too large.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.members: dict[str, _Member] = {}
        try:
            content = self._json()
            described = msgspec.json.decode(content, type=_Lindi)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
            raise CannotRead(f"The file is no LINDI file: {fault}") from fault
        self.refs: Mapping[str, msgspec.Raw] = described.refs
        self._templates = {
            "{{" + name + "}}": url for name, url in (described.templates or {}).items()
        }
        self.below: dict[str, list[str]] = {"": []}
        """By the path of a group, the names of what is in it."""
        for key in described.refs:
            path, _, last = key.rpartition("/")
            if path and last in (".zgroup", ".zarray"):
                parent, _, name = path.rpartition("/")
                self.below.setdefault(parent, []).append(name)
        for names in self.below.values():
            names.sort()

    def _json(self) -> bytes:
        size = os.fstat(self._descriptor).st_size
        if self.read(0, TAR_BLOCK_BYTES)[257:262] != b"ustar":
            return self._bounded(0, size)
        entry = msgspec.json.decode(self.read(TAR_BLOCK_BYTES, ENTRY_BYTES), type=_Entry)
        index = self._bounded(entry.index.d, entry.index.s)
        self.members = {
            member.n: member for member in msgspec.json.decode(index, type=_Index).files
        }
        if "lindi.json" not in self.members:
            raise CannotRead("The tar has no lindi.json, so it is no LINDI file.")
        member = self.members["lindi.json"]
        return self._bounded(member.d, member.s)

    def _bounded(self, offset: int, length: int) -> bytes:
        if length > MOST_JSON_BYTES:
            raise CannotRead(f"The JSON of this LINDI file has {length} bytes, which is too much.")
        return self.read(offset, length)

    def read(self, offset: int, length: int) -> bytes:
        """So many bytes of the file, or what there is of them."""
        size = os.fstat(self._descriptor).st_size
        if offset < 0 or length < 0 or offset > size:
            raise CannotRead("It refers to bytes that the file does not have.")
        return os.pread(self._descriptor, min(length, size - offset), offset)

    def find(self, path: str) -> "LindiThing":
        """The group or array at a path."""
        if path and f"{path}/.zarray" not in self.refs and f"{path}/.zgroup" not in self.refs:
            raise NoSuchObject
        return LindiThing(self, path)

    def json_at(self, key: str) -> Any:
        """What is under a key, which is JSON, or JSON in a string; None if nothing is."""
        raw = self.refs.get(key)
        if raw is None:
            return None
        try:
            found = msgspec.json.decode(raw)
            return msgspec.json.decode(found) if isinstance(found, str) else found
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
            raise CannotRead(f"{key} of this LINDI file is no JSON.") from fault

    def chunk(self, key: str) -> bytes | None:
        """The bytes of a chunk as they are packed; None if there is none.

        Raises:
            CannotRead: they are elsewhere, or the reference is none.
        """
        raw = self.refs.get(key)
        found = None if raw is None else msgspec.json.decode(raw)
        if found is None:
            return None
        if isinstance(found, str):
            if not found.startswith("base64:"):
                return found.encode()
            try:
                return base64.b64decode(found.removeprefix("base64:"))
            except binascii.Error as fault:
                raise CannotRead(f"{key} is no base64.") from fault
        try:
            url, offset, length = msgspec.convert(found, tuple[str, int, int])
        except msgspec.ValidationError as fault:
            raise CannotRead(f"{key} is no reference to bytes.") from fault
        url = self._templates.get(url, url)
        if not url.startswith("./"):
            raise CannotRead(f"Its values are elsewhere: {url}")
        member = self.members.get(url[2:])
        if member is None:
            raise CannotRead(f"{key} is to be in {url}, which is not in the file.")
        return self.read(member.d + offset, length)


class LindiThing:
    """A group or array of a LINDI file."""

    def __init__(self, file: LindiFile, path: str) -> None:
        self._file = file
        self._path = path
        self._prefix = f"{path}/" if path else ""
        self.is_array = f"{self._prefix}.zarray" in file.refs

    def described(self, name: str, path: str) -> ObjectNode:
        """What it is."""
        if not self.is_array:
            return self._described_group(name, path)
        try:
            attributes = self._attributes()
            found = self._format()
        except CannotRead as fault:
            return ObjectNode(name=name, path=path, kind="array", note=str(fault))
        is_scalar = bool(attributes.get("_SCALAR"))
        link = attributes.get("_EXTERNAL_ARRAY_LINK")
        return ObjectNode(
            name=name,
            path=path,
            kind="array",
            shape=[] if is_scalar else list(found.shape),
            dtype=found.type_text,
            chunks=None if is_scalar else list(found.chunks),
            compression=found.compression_text,
            target=f"{link.get('url')} : {link.get('name')}" if isinstance(link, dict) else None,
        )

    def _described_group(self, name: str, path: str) -> ObjectNode:
        try:
            link = self._attributes().get("_SOFT_LINK")
        except CannotRead:
            link = None
        if isinstance(link, dict):
            target = str(link.get("path"))[:1000]
            return ObjectNode(name=name, path=path, kind="link", target=target)
        return ObjectNode(name=name, path=path, kind="group")

    def attributes(self, only: Sequence[str] | None) -> tuple[list[Attribute], int]:
        """Its attributes as text."""
        try:
            found = self._attributes()
        except CannotRead as fault:
            return [Attribute(name=".zattrs", value=str(fault), type="")], 1
        names = [name for name in found if name not in _HIDDEN]
        shown = [
            Attribute(
                name=name[:1000],
                value=value_text(found[name], named=_named),
                type=_kind(found[name]),
            )
            for name in bounded_attributes(names, only)
        ]
        return shown, len(names)

    def children(self, first: int, most: int) -> tuple[Sequence[Child], int]:
        """What is in a group, by name."""
        names = self._file.below.get(self._path, [])
        shown = [
            Child(name, LindiThing(self._file, self._prefix + name))
            for name in names[first : first + most]
        ]
        return shown, len(names)

    def source(self) -> ArraySource:
        """The values of an array."""
        attributes = self._attributes()
        link = attributes.get("_EXTERNAL_ARRAY_LINK")
        if isinstance(link, dict):
            raise CannotRead(f"Its values are elsewhere: {link.get('url')}")
        return _Values(self._file, self._prefix, self._format(), attributes)

    def _format(self) -> ArrayFormat:
        return array_format(self._file.json_at(f"{self._prefix}.zarray"))

    def _attributes(self) -> dict[str, Any]:
        found = self._file.json_at(f"{self._prefix}.zattrs")
        return found if isinstance(found, dict) else {}


class _Values:
    """The values of an array of a LINDI file."""

    def __init__(
        self, file: LindiFile, prefix: str, form: ArrayFormat, attributes: Mapping[str, Any]
    ) -> None:
        self._file = file
        self._prefix = prefix
        self._form = form
        self._is_scalar = bool(attributes.get("_SCALAR"))
        fields = attributes.get("_COMPOUND_DTYPE")
        self._fields = _names(fields)
        self.shape: tuple[int, ...] = () if self._is_scalar else form.shape
        self.dtype = form.dtype
        self.chunks: tuple[int, ...] | None = None if self._is_scalar else form.chunks

    def read(self, selection: tuple[slice, ...]) -> NDArray[Any]:
        """Part of it, from the chunks that it lies in."""
        form = self._form
        wanted = tuple(slice(0, size) for size in form.shape) if self._is_scalar else selection
        found = np.full([part.stop - part.start for part in wanted], form.fill, dtype=form.dtype)
        numbers = [
            range(part.start // chunk, -(-part.stop // chunk))
            for part, chunk in zip(wanted, form.chunks, strict=True)
        ]
        for place in itertools.product(*numbers):
            name = form.separator.join(map(str, place)) or "0"
            packed = self._file.chunk(f"{self._prefix}{name}")
            if packed is not None:
                self._put(found, decoded(packed, form), place, wanted)
        if form.dtype.kind == "O":
            for index, value in np.ndenumerate(found):
                found[index] = self._text(value)
        return found.reshape(()) if self._is_scalar else found

    def _put(
        self,
        found: NDArray[Any],
        chunk: NDArray[Any],
        place: tuple[int, ...],
        wanted: tuple[slice, ...],
    ) -> None:
        into: list[slice] = []
        out_of: list[slice] = []
        for number, length, part in zip(place, self._form.chunks, wanted, strict=True):
            begin = max(part.start, number * length)
            end = min(part.stop, (number + 1) * length)
            into.append(slice(begin - part.start, end - part.start))
            out_of.append(slice(begin - number * length, end - number * length))
        found[tuple(into)] = chunk[tuple(out_of)]

    def _text(self, value: Any) -> str:
        if self._fields is not None and isinstance(value, list):
            value = dict(zip(self._fields, value, strict=False))
        return value_text(value, named=_named)


def _names(fields: Any) -> list[str] | None:
    """The names in a list of names and types; None if it is none."""
    try:
        return [name for name, _ in msgspec.convert(fields, list[tuple[str, Any]])]
    except msgspec.ValidationError:
        return None


def _named(value: object) -> str | None:
    """What a reference to another object is shown as."""
    if not isinstance(value, dict):
        return None
    reference = value.get("_REFERENCE")
    return f"→ {reference.get('path')}" if isinstance(reference, dict) else None


def _kind(value: object) -> str:
    """What kind of value of JSON it is."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "list"
    return "null" if value is None else "object"
