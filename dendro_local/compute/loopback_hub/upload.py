"""A file that an app hands over by HTTP, whole or in parts, written straight to the disk."""

import math
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from dendro_local.random_ids import random_token

__all__ = ["Upload", "UploadRefused"]


class UploadRefused(Exception):
    """What arrived is not what was announced."""


class Upload:
    """A file that was announced and is on its way. Safe for use by many threads.

    All parts go into one file at their places, since the SDK cuts a file evenly: nothing has to
    be put together in the end, however large it is.

    Args:
        partial: where it grows; a name that begins with a dot is never taken for a whole file.
        destination: where it appears once it is whole.
        size: in bytes, as announced.
        num_parts: in how many parts it comes.
    """

    def __init__(self, partial: Path, destination: Path, size: int, num_parts: int) -> None:
        self.id = random_token(12)
        self.tokens = [random_token(16) for _ in range(num_parts)]
        """For each part, what its URL is known by."""
        self._partial = partial
        self._destination = destination
        self._size = size
        self._part_bytes = math.ceil(size / num_parts)
        self._lock = threading.Lock()
        self._being_written: set[str] = set()
        self._tags: dict[int, str] = {}
        partial.touch()

    def write(self, token: str, pieces: Iterable[bytes]) -> str:
        """Take in the part of this token.

        Returns:
            A tag of what was received, in quotation marks.

        Raises:
            UploadRefused: it is not as long as announced, or arrives twice at once.
        """
        with self._lock:
            if token in self._being_written:
                raise UploadRefused("This part is being uploaded already")
            self._being_written.add(token)
        index = self.tokens.index(token)
        try:
            self._write_at(index * self._part_bytes, pieces)
            with self._lock:
                tag = self._tags[index + 1] = f'"{random_token(16)}"'
        finally:
            with self._lock:
                self._being_written.discard(token)
        return tag

    def _write_at(self, offset: int, pieces: Iterable[bytes]) -> None:
        expected = min(self._part_bytes, self._size - offset)
        received = 0
        with self._partial.open("r+b") as file:
            file.seek(offset)
            for piece in pieces:
                received += len(piece)
                if received > expected:
                    break  # the bytes that follow are another part's
                file.write(piece)
        if received != expected:
            more = "more" if received > expected else f"only {received}"
            raise UploadRefused(f"{expected} bytes were announced, and {more} arrived")

    def has(self, tags: Mapping[int, str]) -> bool:
        """Whether these are the tags of all parts, by their numbers from 1 on."""
        with self._lock:
            return tags == self._tags and len(tags) == len(self.tokens)

    def publish(self) -> None:
        """Let it appear where it belongs."""
        self._destination.parent.mkdir(parents=True, exist_ok=True)
        self._partial.replace(self._destination)

    def drop(self) -> None:
        """Give it up."""
        self._partial.unlink(missing_ok=True)
