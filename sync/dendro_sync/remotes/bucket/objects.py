"""What a bucket is laid out over: named objects, whole or not there."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Protocol

import msgspec

__all__ = ["FoundObject", "NewObject", "Objects"]

NewObject = tuple[str, bytes]
"""The name of an object that is to be written, and its bytes."""


class FoundObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object of a listing."""

    name: str
    size: int
    changed_sec: float
    """When it was written, in seconds since the Unix epoch."""


class Objects(Protocol):
    """Named objects. Safe for use by many threads.

    An object appears whole or not at all, and what is there outlasts a power cut. All methods raise
    errors of `dendro_local.errors`.
    """

    @property
    def url(self) -> str:
        """Where they are, with nothing secret in it."""
        ...

    @property
    def folder(self) -> Path | None:
        """Where they are on this machine, if they are."""
        ...

    @property
    def requests(self) -> int:
        """How many requests were made so far."""
        ...

    @property
    def is_writable(self) -> bool:
        """Whether there may be written at all."""
        ...

    @property
    def is_listable(self) -> bool:
        """Whether it can be asked which objects there are."""
        ...

    @property
    def can_abort(self) -> bool:
        """Whether an upload whose pieces end with an error leaves all as it was."""
        ...

    @property
    def concurrency(self) -> int:
        """How many requests are best made at once."""
        ...

    def get(self, name: str, most_bytes: int) -> bytes | None:
        """The bytes of an object; None if it is not there.

        Raises:
            InvalidRequest: it has more bytes.
        """
        ...

    def size(self, name: str) -> int | None:
        """The size in bytes of an object; None if it is not there."""
        ...

    def stream(self, name: str, start: int, stop: int) -> Iterator[bytes] | None:
        """The bytes of an object from one on, perhaps up to another; None if it is not there.

        Raises:
            NotSupported: it can only be read from its beginning.
        """
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Write an object unless there is one of this name; whether there was none."""
        ...

    def create_all(self, objects: Sequence[NewObject], executor: Executor) -> list[bool]:
        """As `create` for each of the objects, in any order or at once.

        Args:
            objects: which.
            executor: gives threads for requests that are made at once.
        """
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Write an object, instead of the one of this name if there is one."""
        ...

    def upload(self, name: str, pieces: Iterator[bytes], part_bytes: int) -> None:
        """Write an object that has these bytes, in parts of a size that are sent at once.

        If the pieces end with an error, there is no object, and the error is raised. See
        `can_abort`.
        """
        ...

    def found(self, prefix: str, after: str | None = None) -> Iterator[Sequence[FoundObject]]:
        """The objects below a folder, sorted by name, from after a name on."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...
