"""Objects in a folder of this machine, as plain files that outlast a power cut.

A file is written beside its place under a name that no object has, brought to the disk, and gets
its name only then; and whoever is told that it is there may rely on it, since the folder is brought
to the disk too. So whatever names an object, such as a record its blobs, comes after it on the disk
as well.
"""

import contextlib
import errno
import itertools
import os
import re
import secrets
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path

from dendro_local.errors import (
    DendroError,
    DiskFull,
    HubUnreachable,
    InvalidRequest,
    NotAllowed,
    OutputNotFound,
)
from dendro_sync.remotes.bucket.linkless import is_for_want_of_links, rename_locked
from dendro_sync.remotes.bucket.objects import FoundObject, NewObject
from dendro_sync.remotes.bucket.to_disk import to_disk

__all__ = ["FolderObjects"]

READ_BYTES = 4 << 20
LISTED_AT_ONCE = 1000

FULL = (errno.ENOSPC, errno.EDQUOT)
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)

_is_unfinished = re.compile(r".*#\d+").fullmatch


class FolderObjects:
    """The objects in a folder, which is made by the first write. Safe for use by many threads.

    Args:
        folder: an absolute path.
    """

    is_writable = True
    is_listable = True
    can_abort = True
    # A disk of this machine is not faster for being asked by many threads.
    concurrency = 4

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = folder.as_uri()
        self._requests = 0
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        """How many objects were asked for or written so far; each part of an upload is one."""
        return self._requests

    def get(self, name: str, most_bytes: int) -> bytes | None:
        """The bytes of an object; None if it is not there."""
        self._count()
        with _told(self.url):
            try:
                with (self.folder / name).open("rb", buffering=0) as stream:
                    size = os.fstat(stream.fileno()).st_size
                    if size <= most_bytes:
                        return stream.read()
            except ABSENT:
                return None
        raise InvalidRequest(
            f"{name} in {self.url} has {size} bytes, and at most {most_bytes} are read. It is "
            "damaged, or not written by dendro-local."
        )

    def size(self, name: str) -> int | None:
        """The size in bytes of an object; None if it is not there."""
        self._count()
        with _told(self.url):
            try:
                return (self.folder / name).stat().st_size
            except ABSENT:
                return None

    def stream(self, name: str, start: int, stop: int) -> Iterator[bytes] | None:
        """The bytes of an object from one on, up to another; None if it is not there."""
        size = self.size(name)
        return None if size is None else self._pieces(name, start, min(stop, size))

    def create(self, name: str, data: bytes) -> bool:
        """Write an object unless there is one of this name; whether there was none."""
        return self._created([(name, data)])[0]

    def create_all(self, objects: Sequence[NewObject], executor: Executor) -> list[bool]:
        """Write objects, waiting once for the disk for all of them."""
        return self._created(objects)

    def replace(self, name: str, data: bytes) -> None:
        """Write an object, instead of the one of this name if there is one."""
        self.upload(name, iter([data]), len(data))

    def upload(self, name: str, pieces: Iterator[bytes], part_bytes: int) -> None:
        """Write an object that has these bytes."""
        file = self.folder / name
        beside = _beside(file)
        try:
            with _told(self.url):
                folders = _with_folder(file)
                stream = beside.open("xb", buffering=0)
            with stream:
                # What goes wrong with the pieces is no fault of the folder.
                for piece in pieces:
                    self._count()
                    with _told(self.url):
                        _write(stream.fileno(), piece)
            with _told(self.url):
                to_disk([beside])
                beside.replace(file)
                to_disk(folders)
        finally:
            beside.unlink(missing_ok=True)

    def found(self, prefix: str, after: str | None = None) -> Iterator[Sequence[FoundObject]]:
        """The objects below a folder, sorted by name, from after a name on."""
        self._count()
        objects = self._found(self.folder / prefix, f"{prefix}/" if prefix else "", after or "")
        while page := list(itertools.islice(objects, LISTED_AT_ONCE)):
            yield page

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects."""
        with _told(self.url):
            for name in names:
                self._count()
                (self.folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is open."""

    def _created(self, objects: Sequence[NewObject]) -> list[bool]:
        with _told(self.url):
            written: list[Path | None] = []
            folders: set[Path] = set()
            try:
                for name, data in objects:
                    self._count()
                    written.append(self._written(self.folder / name, data, folders))
                to_disk([each for each in written if each is not None])
                are_new = [
                    each is not None and self._named(each, self.folder / name)
                    for each, (name, _) in zip(written, objects, strict=True)
                ]
                to_disk(folders)
            finally:
                for each in written:
                    if each is not None:
                        each.unlink(missing_ok=True)
            return are_new

    def _written(self, file: Path, data: bytes, folders: set[Path]) -> Path | None:
        """What is to be a file, beside its place; None if there is such a file."""
        if file.exists():
            return None
        folders |= _with_folder(file)
        beside = _beside(file)
        with beside.open("xb", buffering=0) as stream:
            _write(stream.fileno(), data)
        return beside

    def _named(self, beside: Path, file: Path) -> bool:
        """Give a file its name unless there is one of it; whether there was none."""
        try:
            file.hardlink_to(beside)
        except FileExistsError:
            return False
        except OSError as error:
            if not is_for_want_of_links(error):
                raise
            return rename_locked(self.folder, beside, file)
        beside.unlink()
        return True

    def _pieces(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        with _told(self.url):
            try:
                stream = (self.folder / name).open("rb", buffering=0)
            except ABSENT as error:
                raise OutputNotFound(f"{name} was just removed from {self.url}.") from error
            with stream:
                while start < stop:
                    piece = os.pread(stream.fileno(), min(READ_BYTES, stop - start), start)
                    if not piece:
                        return
                    yield piece
                    start += len(piece)

    def _found(self, folder: Path, below: str, after: str) -> Iterator[FoundObject]:
        with _told(self.url):
            try:
                with os.scandir(folder) as entries:
                    # As the names of objects are sorted: a folder as if it ended in a slash.
                    listed = sorted(
                        (f"{each.name}/" if each.is_dir() else each.name, each) for each in entries
                    )
            except ABSENT:
                return
        for name, entry in listed:
            path = f"{below}{name}"
            if name.endswith("/"):
                if path > after or after.startswith(path):
                    yield from self._found(Path(entry.path), path, after)
            elif path > after and _is_unfinished(name) is None:
                with contextlib.suppress(FileNotFoundError):
                    seen = entry.stat()
                    yield FoundObject(name=path, size=seen.st_size, changed_sec=seen.st_mtime)

    def _count(self) -> None:
        with self._lock:
            self._requests += 1


def _beside(file: Path) -> Path:
    # A number after that sign tells what was never finished from objects.
    return file.with_name(f"{file.name}#{secrets.randbits(60)}")


def _with_folder(file: Path) -> set[Path]:
    """Make the folder of a file if it is not there; the folders that have something new in them."""
    missing: list[Path] = []
    folder = file.parent
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
    return {file.parent, *(each.parent for each in missing)}


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


@contextlib.contextmanager
def _told(url: str) -> Generator[None]:
    """A block in which what the disk refuses becomes an error of ours."""
    try:
        yield
    except OSError as error:
        raise _fault(url, error) from error


def _fault(url: str, error: OSError) -> DendroError:
    if error.errno in FULL:
        return DiskFull(f"There is no room left at {url}.")
    if error.errno in NOT_ALLOWED:
        return NotAllowed(f"The folder {url} may not be written or read: {error.strerror}.")
    return HubUnreachable(
        f"The folder {url} cannot be used: {error}. Check whether its disk is connected."
    )
