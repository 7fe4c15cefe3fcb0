"""A file, or a part of one, that arrives piece by piece: exactly so many bytes, at their place."""

import os
from pathlib import Path
from typing import Protocol, Self

from dendro_local.errors import InvalidRequest

__all__ = ["Hasher", "PieceWriter"]


class Hasher(Protocol):
    """What `hashlib` makes: takes bytes in, and gives the digest of all so far."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        ...

    def copy(self) -> Self:
        """Another that has taken in the same."""
        ...

    def hexdigest(self) -> str:
        """The digest of all bytes so far, in hexadecimal."""
        ...


class PieceWriter:
    """Writes pieces into a file as they come. To be closed, whatever becomes of it.

    Args:
        file: is made if it is not there.
        size: how many bytes are to come.
        offset: where in the file they belong.
        digest: takes in every byte that is written.
    """

    def __init__(
        self, file: Path, *, size: int, offset: int = 0, digest: Hasher | None = None
    ) -> None:
        self.file = file
        self.digest = digest
        self.size = size
        self._offset = offset
        self._received = 0
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, piece: bytes) -> None:
        """Write the next piece.

        Raises:
            InvalidRequest: more bytes have come than were announced.
            OSError: the disk does not take it.
        """
        if self._received + len(piece) > self.size:
            # Not one byte of it: what follows in the file may be another part's.
            raise InvalidRequest(f"{self.size} bytes were announced, and more arrived")
        rest = memoryview(piece)
        while rest:
            written = os.pwrite(self._descriptor, rest, self._offset + self._received)
            self._received += written
            rest = rest[written:]
        if self.digest is not None:
            self.digest.update(piece)

    def check_whole(self) -> None:
        """Refuse what ended too early.

        Raises:
            InvalidRequest: fewer bytes have come than were announced.
        """
        if self._received < self.size:
            raise InvalidRequest(
                f"{self.size} bytes were announced, and only {self._received} arrived"
            )

    def sync(self) -> None:
        """Wait until what was written is on the disk."""
        os.fdatasync(self._descriptor) if hasattr(os, "fdatasync") else os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
