"""A file that an app hands over by HTTP, whole or in parts, written straight to the disk."""

import contextlib
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from dendro_local.contract import PlannedUpload, part_range
from dendro_local.errors import InvalidRequest
from dendro_local.random_ids import random_token
from dendro_local.store.piece_writer import PieceWriter

__all__ = ["Upload"]


class Upload:
    """A file that was announced and is on its way. Safe for use by many threads.

    All parts go into one file at their places, since the SDK cuts a file evenly: nothing has to
    be put together in the end, however large it is.

    Args:
        planned: what was announced.
        partial: where it grows; a name that begins with a dot is never taken for a whole file.
        destination: where it appears once it is whole.
    """

    def __init__(self, planned: PlannedUpload, partial: Path, destination: Path) -> None:
        self.planned = planned
        self.id = random_token(12)
        self.tokens = [random_token(16) for _ in range(planned.num_parts or 1)]
        """For each part, what its URL is known by."""
        self._partial = partial
        self._destination = destination
        self._lock = threading.Lock()
        self._being_written: set[str] = set()
        self._tags: dict[int, str] = {}
        partial.touch()

    def write(self, token: str, pieces: Iterable[bytes]) -> str:
        """Take in the part of this token.

        Returns:
            A tag of what was received, in quotation marks.

        Raises:
            InvalidRequest: it is not as long as announced, or arrives twice at once.
        """
        with self._lock:
            if token in self._being_written:
                raise InvalidRequest("This part is being uploaded already")
            self._being_written.add(token)
        number = self.tokens.index(token) + 1
        try:
            offset, size = part_range(self.planned.size, len(self.tokens), number)
            with contextlib.closing(PieceWriter(self._partial, size=size, offset=offset)) as writer:
                for piece in pieces:
                    writer.write(piece)
                writer.check_whole()
            with self._lock:
                tag = self._tags[number] = f'"{random_token(16)}"'
        finally:
            with self._lock:
                self._being_written.discard(token)
        return tag

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
