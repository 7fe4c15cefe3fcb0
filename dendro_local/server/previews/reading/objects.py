"""Groups and arrays of a file as a tree, whatever the file's format."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from dendro_local.server.previews.reading.arrays import ArraySource, array_part
from dendro_local.server.previews.reading.question import CannotRead, Question
from dendro_local.v1 import Attribute, ObjectNode

__all__ = [
    "Child",
    "NoSuchObject",
    "ObjectFile",
    "Thing",
    "bounded_attributes",
    "object_node",
]

MOST_CHILDREN = 200
"""Of one group at once."""

MOST_NODES = 300
"""In one tree."""

MOST_DEPTH = 3
MOST_INLINE = 30
"""A group of more children is not looked into until it is asked for."""

MOST_ATTRIBUTES = 60
TELLING = ("neurodata_type",)
"""The attributes that are shown of a group or array which was not asked for itself."""


class NoSuchObject(LookupError):
    """A path leads nowhere."""


class Thing(Protocol):
    """A group or array of a file."""

    @property
    def is_array(self) -> bool:
        """Whether it is an array."""
        ...

    def described(self, name: str, path: str) -> ObjectNode:
        """What it is, without attributes, children and values."""
        ...

    def attributes(self, only: Sequence[str] | None) -> tuple[list[Attribute], int]:
        """Its attributes, or those of these names; and how many there are in all."""
        ...

    def children(self, first: int, most: int) -> tuple[Sequence["Child"], int]:
        """What is in a group, from a number on; and how much there is in all."""
        ...

    def source(self) -> ArraySource:
        """An array's values.

        Raises:
            CannotRead: they are elsewhere.
        """
        ...


class Child(NamedTuple):
    """Something in a group: what it is, or, if it cannot be opened, how it is shown."""

    name: str
    thing: Thing | None
    shown: ObjectNode | None = None


class ObjectFile(Protocol):
    """A file of groups and arrays."""

    def find(self, path: str) -> Thing:
        """The group or array at a path.

        Raises:
            NoSuchObject: there is none.
        """
        ...


def object_node(file: ObjectFile, question: Question) -> ObjectNode:
    """The group or array at a path: a group with what is in it, an array with some values.

    Raises:
        NoSuchObject: there is none.
        CannotRead: the file cannot be read so far.
    """
    path = question.path.strip("/")
    thing = file.find(path)
    found = thing.described(path.rpartition("/")[2], path)
    attributes, count = thing.attributes(None)
    found = replace(found, attributes=attributes, attributes_left_out=count - len(attributes))
    if not thing.is_array:
        return _Tree().with_children(thing, found, question.first, depth=0)
    try:
        return replace(found, values=array_part(thing.source(), question.first))
    except CannotRead as fault:
        return replace(found, note=str(fault))


class _Tree:
    """How many more nodes a tree may have."""

    def __init__(self) -> None:
        self._room = MOST_NODES

    def with_children(self, thing: Thing, found: ObjectNode, first: int, depth: int) -> ObjectNode:
        most = MOST_CHILDREN if depth == 0 else MOST_INLINE
        children, count = thing.children(first, most)
        if depth > 0 and (count > most or count > self._room):
            return replace(found, count=count)
        self._room -= len(children)
        return replace(
            found,
            children=[self._child(child, found.path, depth + 1) for child in children],
            count=count,
            previous=max(0, first - most) if first > 0 else None,
            next=first + most if first + most < count else None,
        )

    def _child(self, child: Child, parent: str, depth: int) -> ObjectNode:
        path = f"{parent}/{child.name}".lstrip("/")
        if child.thing is None:
            return child.shown or ObjectNode(name=child.name, path=path, kind="unknown")
        found = child.thing.described(child.name, path)
        if found.kind not in ("group", "array"):
            return found
        attributes, count = child.thing.attributes(TELLING)
        found = replace(found, attributes=attributes, attributes_left_out=count - len(attributes))
        if child.thing.is_array or depth > MOST_DEPTH:
            return found
        return self.with_children(child.thing, found, 0, depth)


def bounded_attributes(names: Sequence[str], only: Sequence[str] | None) -> Sequence[str]:
    """Those of an object's attributes that are shown."""
    if only is None:
        return names[:MOST_ATTRIBUTES]
    return [name for name in only if name in names]
