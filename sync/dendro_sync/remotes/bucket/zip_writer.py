"""Writes objects into a new zip archive, one after the other."""

import os
import threading
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path

from dendro_local.errors import DendroError, DiskFull, NotSupported, StoreError
from dendro_local.reasons import reason_of
from dendro_sync.remotes.bucket.objects import FoundObject, NewObject
from dendro_sync.remotes.bucket.zip_reader import data_start

__all__ = ["ZipWriter"]

NO_TIME = (1980, 1, 1, 0, 0, 0)
"""Archives of the same objects differ in no time."""

FULL = (28, 122)


class ZipWriter:
    """The objects of an archive that is being made. Safe for use by many threads.

    Args:
        file: where it is made.
        url: where it will be, for messages.

    Raises:
        StoreError: it cannot be made there.
    """

    folder: Path | None = None
    is_writable = True
    is_listable = True
    can_abort = False
    concurrency = 2

    def __init__(self, file: Path, *, url: str) -> None:
        self.url = url
        self._requests = 0
        self._lock = threading.Lock()
        self._infos: dict[str, zipfile.ZipInfo] = {}
        # What may still be replaced is written last: a name is in an archive once.
        self._last: dict[str, bytes] = {}
        self._is_broken = False
        try:
            self._stream = file.open("x+b")
            self._archive = zipfile.ZipFile(self._stream, "w")
        except OSError as error:
            raise self._failed(error) from error

    @property
    def requests(self) -> int:
        """How many objects were asked for or written so far."""
        return self._requests

    def get(self, name: str, most_bytes: int) -> bytes | None:
        """The bytes of an object; None if it is not there."""
        with self._lock:
            self._requests += 1
            if name in self._last:
                return self._last[name]
            info = self._infos.get(name)
            if info is None:
                return None
            self._stream.flush()
            descriptor = self._stream.fileno()
            size = min(info.file_size, most_bytes)
            return os.pread(descriptor, size, data_start(descriptor, info))

    def size(self, name: str) -> int | None:
        """The size in bytes of an object; None if it is not there."""
        with self._lock:
            self._requests += 1
            if name in self._last:
                return len(self._last[name])
            info = self._infos.get(name)
            return None if info is None else info.file_size

    def stream(self, name: str, start: int, stop: int) -> Iterator[bytes] | None:
        """The bytes of an object from one on, up to another; None if it is not there."""
        data = self.get(name, stop)
        return None if data is None else iter([data[start:]])

    def create(self, name: str, data: bytes) -> bool:
        """Write an object unless there is one of this name; whether there was none."""
        with self._lock:
            self._requests += 1
            if name in self._infos or name in self._last:
                return False
            self._write(name, iter([data]), len(data))
            return True

    def create_all(self, objects: Sequence[NewObject], executor: Executor) -> list[bool]:
        """Write objects, one after the other."""
        return [self.create(name, data) for name, data in objects]

    def replace(self, name: str, data: bytes) -> None:
        """Write an object at the end, instead of the one of this name if that is not written."""
        with self._lock:
            self._requests += 1
            if name in self._infos:
                raise NotSupported(f"{name} is in the archive {self.url} already.")
            self._last[name] = data

    def upload(self, name: str, pieces: Iterator[bytes], part_bytes: int) -> None:
        """Write an object that has these bytes."""
        with self._lock:
            self._requests += 1
            if name not in self._infos:
                self._write(name, pieces, None)

    def found(self, prefix: str, after: str | None = None) -> Iterator[Sequence[FoundObject]]:
        """The objects below a folder, sorted by name, from after a name on."""
        below = f"{prefix}/" if prefix else ""
        with self._lock:
            names = {*self._infos, *self._last}
        chosen = sorted(name for name in names if name.startswith(below) and name > (after or ""))
        if chosen:
            yield [
                FoundObject(name=name, size=self.size(name) or 0, changed_sec=0.0)
                for name in chosen
            ]

    def remove(self, names: Iterable[str]) -> None:
        """Refused."""
        raise NotSupported(f"Nothing can be taken out of the archive {self.url}.")

    def finish(self) -> None:
        """Write the end of the archive, through to the disk.

        Raises:
            StoreError: it is not whole.
        """
        with self._lock:
            if self._is_broken:
                raise StoreError(f"The archive {self.url} could not be written whole.")
            for name in sorted(self._last):
                self._write(name, iter([self._last[name]]), len(self._last[name]))
            self._last.clear()
            try:
                self._archive.close()
                self._stream.flush()
                os.fsync(self._stream.fileno())
            except OSError as error:
                raise self._failed(error) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._is_broken = True
            if not self._stream.closed:
                # Its end would be written, which nobody reads any more.
                self._archive.fp = None
                self._stream.close()

    def _write(self, name: str, pieces: Iterator[bytes], size: int | None) -> None:
        info = zipfile.ZipInfo(name, NO_TIME)
        info.external_attr = 0o644 << 16
        # Of what is streamed the size is not known before: room for any is left.
        is_large = size is None or size >= 1 << 31
        if self._is_broken:
            raise StoreError(f"The archive {self.url} could not be written whole.")
        self._is_broken = True
        try:
            with self._archive.open(info, "w", force_zip64=is_large) as target:
                for piece in pieces:
                    target.write(piece)
        except OSError as error:
            raise self._failed(error) from error
        self._infos[name] = info
        self._is_broken = False

    def _failed(self, error: OSError) -> DendroError:
        if error.errno in FULL:
            return DiskFull(f"There is no room left for the archive {self.url}.")
        return StoreError(f"The archive {self.url} cannot be written: {reason_of(error)}.")
