"""What a reader is asked, and what it answers."""

from typing import Literal

import msgspec

from dendro_local.v1 import JsonNode, ObjectNode

__all__ = ["CannotRead", "Question", "Reply"]


class Question(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Which part of a file is wanted.

    ``path`` is of a JSON value (RFC 6901), or of a group or array. ``first`` is the number of the
    first child or row. ``at`` is the byte where a JSON value begins, if that is known.
    """

    format: Literal["json", "hdf5", "lindi"]
    path: str = ""
    first: int = 0
    at: int | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One of these: what was asked for, or why it cannot be read, or that there is no such part."""

    json: JsonNode | None = None
    object: ObjectNode | None = None
    fault: str | None = None
    is_absent: bool = False


class CannotRead(Exception):
    """A file, or something in it, cannot be read; says why, in words for people."""
