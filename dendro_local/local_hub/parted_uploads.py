"""Files that arrive in parts, from the first part to the whole.

All parts go into one file at their places, and each leaves an empty file beside it whose name has
its tag, so that a restart in between loses nothing. While the parts come in their order, as the
SDK sends them, the digest of the whole grows with them; else the file is read once at the end.
"""

import contextlib
import hashlib
import threading
from collections.abc import Generator, Mapping
from pathlib import Path

from dendro_local.contract.planned_upload import part_range
from dendro_local.errors import Conflict
from dendro_local.local_hub.upload_tickets import UploadTicket
from dendro_local.model import Digest
from dendro_local.random_ids import random_token
from dendro_local.store import file_digest
from dendro_local.store.piece_writer import Hasher, PieceWriter

__all__ = ["PartedUploads"]

MOST_DIGESTS = 1000
"""Of so many files at once a digest grows; of more, the file is read at the end."""


class _Begun:
    """A file in parts, as this process has seen it come."""

    __slots__ = ("being_written", "digest", "is_closed", "lock", "next_part")

    def __init__(self) -> None:
        self.next_part = 1
        self.digest: Hasher | None = hashlib.sha256()
        """Of the parts before the next; None if they did not come in order."""
        self.being_written: set[int] = set()
        self.is_closed = False
        """Whether it is put together, so that no part may come: the file is a blob from then on."""
        self.lock = threading.Lock()


class PartedUploads:
    """The parts that arrive. Safe for use by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: dict[Path, _Begun] = {}

    def open_part(self, folder: Path, ticket: UploadTicket) -> PieceWriter:
        """Begin to take in a part; to be ended by `end_part` or `drop_part`.

        Args:
            folder: of this file alone; it is made for the first part.
            ticket: what the part is.

        Raises:
            Conflict: the same part is just arriving, or the file is put together.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock:
            begun = self._begun_upload(folder)
            if begun.is_closed:
                raise Conflict("This upload is being finalized")
            if ticket.part in begun.being_written:
                raise Conflict(f"Part {ticket.part} is being uploaded already")
            begun.being_written.add(ticket.part)
            is_next = ticket.part == begun.next_part
            if ticket.part < begun.next_part:
                begun.digest = None  # other bytes come where some were
            digest = begun.digest.copy() if is_next and begun.digest is not None else None
        for marker in folder.glob(f"part.{ticket.part}.*"):
            marker.unlink(missing_ok=True)
        offset, size = part_range(ticket.size, ticket.num_parts, ticket.part)
        return PieceWriter(folder / "whole", size=size, offset=offset, digest=digest)

    def end_part(self, folder: Path, ticket: UploadTicket, writer: PieceWriter) -> str:
        """Note that a part is there; gives its tag.

        Raises:
            Conflict: the file was given up meanwhile.
        """
        tag = random_token(16)
        writer.sync()  # what has a tag is there, whatever happens
        try:
            (folder / f"part.{ticket.part}.{tag}").touch()
        except FileNotFoundError as error:
            raise Conflict("This upload was canceled") from error
        with self._lock:
            begun = self._begun_upload(folder)
            begun.being_written.discard(ticket.part)
            is_next = ticket.part == begun.next_part and begun.digest is not None
            if writer.digest is not None and is_next:
                begun.digest = writer.digest
                begun.next_part += 1
        return tag

    def drop_part(self, folder: Path, ticket: UploadTicket) -> None:
        """Note that a part has not come to its end."""
        with self._lock:
            self._begun_upload(folder).being_written.discard(ticket.part)

    @contextlib.contextmanager
    def alone(self, folder: Path) -> Generator[None]:
        """A block in which nobody else puts the same file together, and no part of it comes."""
        with self._lock:
            begun = self._begun_upload(folder)
        with begun.lock:
            begun.is_closed = True
            try:
                yield
            finally:
                begun.is_closed = False

    def whole(self, folder: Path, size: int, tags: Mapping[int, str]) -> tuple[Path, Digest] | None:
        """The file and its digest, if these are the tags of all its parts, by number from 1.

        Raises:
            OSError: it cannot be read.
        """
        markers = [marker.name.split(".") for marker in folder.glob("part.*.*")]
        there = {int(number): tag for _, number, tag in markers}
        file = folder / "whole"
        if not there or there != tags or sorted(tags) != list(range(1, len(tags) + 1)):
            return None
        if file.stat().st_size != size:
            return None
        with self._lock:
            begun = self._begun_upload(folder)
            if begun.being_written:
                return None
            digest = begun.digest if begun.next_part == len(tags) + 1 else None
        found = file_digest(file)[0] if digest is None else Digest(digest.hexdigest())
        return file, found

    def forget(self, folder: Path) -> None:
        """Remove what has come of a file."""
        import shutil  # only here

        with self._lock:
            self._begun.pop(folder, None)
        shutil.rmtree(folder, ignore_errors=True)

    def _begun_upload(self, folder: Path) -> _Begun:
        begun = self._begun.get(folder)
        if begun is None:
            if len(self._begun) >= MOST_DIGESTS:
                at_rest = [
                    each
                    for each, its in self._begun.items()
                    if not its.being_written and not its.is_closed
                ]
                for each in at_rest[:1]:
                    del self._begun[each]
            begun = self._begun[folder] = _Begun()
            if folder.exists() and any(folder.glob("part.*")):
                begun.digest = None  # another process had taken in some parts
        return begun
