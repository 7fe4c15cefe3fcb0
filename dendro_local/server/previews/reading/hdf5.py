"""Files in HDF5, read without following anything that leads out of them."""

# pyright: basic, reportAttributeAccessIssue=false
# h5py has no types.

from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
from h5py import h5, h5a, h5d, h5f, h5g, h5l, h5o, h5r, h5z
from numpy.typing import NDArray

from dendro_local.server.previews.reading.arrays import ArraySource
from dendro_local.server.previews.reading.objects import (
    Child,
    NoSuchObject,
    bounded_attributes,
)
from dendro_local.server.previews.reading.question import CannotRead
from dendro_local.server.previews.reading.words import value_text
from dendro_local.v1 import Attribute, ObjectNode

__all__ = ["FAULTS", "Hdf5File"]

FAULTS = (OSError, RuntimeError, ValueError, TypeError, LookupError, MemoryError, ArithmeticError)
"""What h5py raises where a file is not as it should be."""

MOST_ATTRIBUTE_BYTES = 1 << 20

_FILTERS = {
    h5z.FILTER_DEFLATE: "gzip",
    h5z.FILTER_SHUFFLE: "shuffle",
    h5z.FILTER_FLETCHER32: "fletcher32",
    h5z.FILTER_SZIP: "szip",
    h5z.FILTER_NBIT: "nbit",
    h5z.FILTER_SCALEOFFSET: "scaleoffset",
    h5z.FILTER_LZF: "lzf",
}


class Hdf5File:
    """A file in HDF5.

    Args:
        path: where it can be opened.

    Raises:
        CannotRead: it is none, or is damaged.
    """

    def __init__(self, path: str) -> None:
        try:
            self._file = h5f.open(path.encode(), h5f.ACC_RDONLY)
        except FAULTS as fault:
            raise CannotRead(f"The file is no HDF5, or is damaged: {fault}") from fault

    def find(self, path: str) -> "Hdf5Thing":
        """The group or array at a path, by hard links alone: the others may lead anywhere."""
        found = h5g.open(self._file, b"/")
        for part in path.split("/") if path else ():
            name = part.encode()
            if not isinstance(found, h5g.GroupID) or name not in found:
                raise NoSuchObject
            if found.links.get_info(name).type != h5l.TYPE_HARD:
                raise NoSuchObject
            found = h5o.open(found, name)
        return Hdf5Thing(self._file, found)


class Hdf5Thing:
    """A group, array or type of a file in HDF5."""

    def __init__(self, file: h5f.FileID, found: Any) -> None:
        self._file = file
        self._id = found
        self.is_array = isinstance(found, h5d.DatasetID)

    def described(self, name: str, path: str) -> ObjectNode:
        """What it is."""
        if isinstance(self._id, h5g.GroupID):
            return ObjectNode(name=name, path=path, kind="group")
        if not self.is_array:
            return ObjectNode(name=name, path=path, kind="type")
        try:
            layout = self._id.get_create_plist()
            is_chunked = layout.get_layout() == h5d.CHUNKED
            return ObjectNode(
                name=name,
                path=path,
                kind="array",
                shape=list(self._id.shape or ()),
                dtype=_type_text(self._id.dtype),
                chunks=list(layout.get_chunk()) if is_chunked else None,
                compression=_compression(layout) if is_chunked else None,
            )
        except FAULTS as fault:
            return ObjectNode(name=name, path=path, kind="array", note=_words(fault))

    def attributes(self, only: Sequence[str] | None) -> tuple[list[Attribute], int]:
        """Its attributes as text."""
        try:
            names = [
                h5a.open(self._id, index=index).name.decode("utf-8", "replace")
                for index in range(min(h5a.get_num_attrs(self._id), 1000))
            ]
        except FAULTS:
            return [], 0
        return [self._attribute(name) for name in bounded_attributes(names, only)], len(names)

    def _attribute(self, name: str) -> Attribute:
        try:
            attribute = h5a.open(self._id, name.encode())
            number = attribute.get_space().get_simple_extent_npoints()
            dtype = attribute.dtype
            if number * dtype.itemsize > MOST_ATTRIBUTE_BYTES:
                return Attribute(name=name, value="(large)", type=_type_text(dtype))
            # As a value of h5py: text as text, references as such.
            value = h5py.AttributeManager(self._holder())[name]
            text = value_text(value, named=self._named)
            return Attribute(name=name, value=text, type=_type_text(dtype))
        except FAULTS as fault:
            return Attribute(name=name, value=_words(fault), type="")

    def _holder(self) -> Any:
        if self.is_array:
            return h5py.Dataset(self._id)
        return (
            h5py.Group(self._id) if isinstance(self._id, h5g.GroupID) else h5py.Datatype(self._id)
        )

    def _named(self, value: object) -> str | None:
        """What a reference to another object is shown as."""
        if isinstance(value, h5py.Empty):
            return "(empty)"
        if not isinstance(value, h5r.Reference):
            return None
        try:
            name: bytes | None = h5r.get_name(value, self._file)
        except FAULTS:
            name = None
        return "→ (nothing)" if name is None else f"→ {name.decode('utf-8', 'replace')}"

    def children(self, first: int, most: int) -> tuple[Sequence[Child], int]:
        """What is in a group, by name."""
        names: list[bytes] = []

        def take(name: bytes) -> bool | None:
            names.append(name)
            return True if len(names) >= most else None  # anything but None ends it

        try:
            count = self._id.get_num_objs()
            if first < count:
                self._id.links.iterate(take, idx_type=h5.INDEX_NAME, order=h5.ITER_INC, idx=first)
        except FAULTS as fault:
            raise CannotRead(f"This group is damaged: {fault}") from fault
        return [self._child(name) for name in names], count

    def _child(self, raw: bytes) -> Child:
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "backslashreplace")
            return _unopened(text, note="Its name is not in UTF-8.")
        try:
            kind = self._id.links.get_info(raw).type
            if kind == h5l.TYPE_HARD:
                return Child(name, Hdf5Thing(self._file, h5o.open(self._id, raw)))
            target = self._id.links.get_val(raw)
        except FAULTS as fault:
            return _unopened(name, note=_words(fault))
        parts = target if isinstance(target, tuple) else (target,)
        text = " : ".join(part.decode("utf-8", "replace") for part in parts)
        note = None if kind == h5l.TYPE_SOFT else "It is in another file."
        shown = ObjectNode(name=name, path="", kind="link", target=text, note=note)
        return Child(name, None, shown)

    def source(self) -> ArraySource:
        """The values of an array."""
        layout = self._id.get_create_plist()
        if layout.get_layout() == h5d.VIRTUAL or layout.get_external_count() > 0:
            raise CannotRead("Its values are in other files.")
        return _Values(self._id, self._named)


class _Values:
    """The values of an array of a file in HDF5."""

    def __init__(self, found: h5d.DatasetID, named: Any) -> None:
        self._id = found
        self._named = named
        if found.shape is None:
            raise CannotRead("It has no values.")
        self.shape: tuple[int, ...] = found.shape
        self.dtype: np.dtype[Any] = found.dtype
        layout = found.get_create_plist()
        is_chunked = layout.get_layout() == h5d.CHUNKED
        self.chunks: tuple[int, ...] | None = layout.get_chunk() if is_chunked else None

    def read(self, selection: tuple[slice, ...]) -> NDArray[Any]:
        """Part of it."""
        try:
            found = np.asarray(h5py.Dataset(self._id)[selection], dtype=self.dtype)
        except FAULTS as fault:
            raise CannotRead(f"Its values cannot be read: {fault}") from fault
        if found.dtype.kind != "O":
            return found
        shown = np.empty(found.shape, dtype=object)
        for place, value in np.ndenumerate(found):
            shown[place] = value_text(value, named=self._named)
        return shown


def _type_text(dtype: np.dtype[Any]) -> str:
    """What an array is of, as people call it."""
    text = h5py.check_string_dtype(dtype)
    if text is not None:
        return "text" if text.length is None else f"text of {text.length} bytes"
    reference = h5py.check_ref_dtype(dtype)
    if reference is not None:
        return "reference" if reference is h5py.Reference else "region reference"
    lists = h5py.check_vlen_dtype(dtype)
    if lists is not None:
        return f"lists of {_type_text(lists)}"
    names = h5py.check_enum_dtype(dtype)
    if names is not None:
        return "boolean" if dtype.kind == "b" else f"{dtype.name} enumeration"
    if dtype.names is not None:
        return f"compound of {', '.join(dtype.names[:20])}"
    return f"{dtype.name}{', big-endian' if dtype.byteorder == '>' else ''}"


def _compression(layout: Any) -> str | None:
    found: list[str] = []
    for index in range(layout.get_nfilters()):
        code, _, options, name = layout.get_filter(index)
        shown = _FILTERS.get(code) or name.decode("utf-8", "replace") or f"filter {code}"
        found.append(f"{shown} {options[0]}" if shown == "gzip" and options else shown)
    return ", ".join(found) or None


def _unopened(name: str, note: str) -> Child:
    return Child(name, None, ObjectNode(name=name, path="", kind="unknown", note=note))


def _words(fault: BaseException) -> str:
    return f"It cannot be read: {str(fault)[:200]}"
