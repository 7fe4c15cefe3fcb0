"""Reads the objects in a zip archive, which anybody may have made.

Every name must be one that a bucket has, once, and every object must lie in the archive as it is,
apart from the others: nothing is unpacked to a path, and nothing becomes more than the file has.
"""

import os
import struct
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path

from dendro_local.errors import InputUnavailable, InvalidRequest, NotAllowed
from dendro_local.reasons import reason_of
from dendro_sync.remotes.bucket.layout import HEADER, is_object_name
from dendro_sync.remotes.bucket.objects import FoundObject, NewObject

__all__ = ["ZipReader", "data_start"]

READ_BYTES = 4 << 20
LOCAL_HEADER = struct.Struct("<4s22xHH")
LOCAL_SIGNATURE = b"PK\x03\x04"
ENCRYPTED = 0x1


class ZipReader:
    """The objects in an archive. Safe for use by many threads.

    Args:
        file: the archive.

    Raises:
        InvalidRequest: it is no archive of a bucket, or a malicious one.
        InputUnavailable: it cannot be read.
    """

    folder: Path | None = None
    is_writable = False
    is_listable = True
    can_abort = False
    concurrency = 4

    def __init__(self, file: Path) -> None:
        self.url = file.absolute().as_uri()
        self._requests = 0
        try:
            with zipfile.ZipFile(file) as archive:
                self._infos = _checked(file, archive)
            self._descriptor = os.open(file, os.O_RDONLY)
        except OSError as error:
            raise InputUnavailable(
                f"The archive {file} cannot be read: {reason_of(error)}."
            ) from error
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
            raise InvalidRequest(
                f"{file} is no archive of dendro-local, or its end is missing: {error}. If it was "
                "copied or downloaded, do that again."
            ) from error

    @property
    def requests(self) -> int:
        """How many objects were asked for so far."""
        return self._requests

    def get(self, name: str, most_bytes: int) -> bytes | None:
        """The bytes of an object; None if it is not there."""
        size = self.size(name)
        if size is not None and size > most_bytes:
            raise InvalidRequest(
                f"{name} in {self.url} has {size} bytes, and at most {most_bytes} are read."
            )
        pieces = self.stream(name, 0, most_bytes)
        return None if pieces is None else b"".join(pieces)

    def size(self, name: str) -> int | None:
        """The size in bytes of an object; None if it is not there."""
        self._requests += 1
        info = self._infos.get(name)
        return None if info is None else info.file_size

    def stream(self, name: str, start: int, stop: int) -> Iterator[bytes] | None:
        """The bytes of an object from one on, up to another; None if it is not there."""
        info = self._infos.get(name)
        if info is None:
            return None
        return self._pieces(info, start, min(stop, info.file_size))

    def found(self, prefix: str, after: str | None = None) -> Iterator[Sequence[FoundObject]]:
        """The objects below a folder, sorted by name, from after a name on."""
        below = f"{prefix}/" if prefix else ""
        names = sorted(
            name for name in self._infos if name.startswith(below) and name > (after or "")
        )
        if names:
            yield [
                FoundObject(name=name, size=self._infos[name].file_size, changed_sec=0.0)
                for name in names
            ]

    def create(self, name: str, data: bytes) -> bool:
        """Refused."""
        raise self._not_allowed()

    def create_all(self, objects: Sequence[NewObject], executor: Executor) -> list[bool]:
        """Refused."""
        raise self._not_allowed()

    def replace(self, name: str, data: bytes) -> None:
        """Refused."""
        raise self._not_allowed()

    def upload(self, name: str, pieces: Iterator[bytes], part_bytes: int) -> None:
        """Refused."""
        raise self._not_allowed()

    def remove(self, names: Iterable[str]) -> None:
        """Refused."""
        raise self._not_allowed()

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _pieces(self, info: zipfile.ZipInfo, start: int, stop: int) -> Iterator[bytes]:
        at = data_start(self._descriptor, info)
        while start < stop:
            piece = os.pread(self._descriptor, min(READ_BYTES, stop - start), at + start)
            if not piece:
                raise InvalidRequest(f"The archive {self.url} ends within {info.filename}.")
            yield piece
            start += len(piece)

    def _not_allowed(self) -> NotAllowed:
        return NotAllowed(f"The archive {self.url} is whole, and can only be read.")


def data_start(descriptor: int, info: zipfile.ZipInfo) -> int:
    """Where in the file the bytes of an object begin.

    Raises:
        InvalidRequest: no object begins there.
    """
    raw = os.pread(descriptor, LOCAL_HEADER.size, info.header_offset)
    if len(raw) == LOCAL_HEADER.size:
        signature, name_bytes, extra_bytes = LOCAL_HEADER.unpack(raw)
        if signature == LOCAL_SIGNATURE:
            return info.header_offset + LOCAL_HEADER.size + int(name_bytes) + int(extra_bytes)
    raise InvalidRequest(f"The archive is damaged where {info.filename} should begin.")


def _checked(file: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    infos: dict[str, zipfile.ZipInfo] = {}
    if HEADER not in archive.namelist():
        raise InvalidRequest(
            f"{file} is no archive of dendro-local: there is no {HEADER} in it. `dendro-local "
            "import` takes what `dendro-local export` wrote."
        )
    for info in archive.infolist():
        name = info.filename
        if not is_object_name(name):
            raise InvalidRequest(
                f"{file} is no archive of dendro-local: it has {name[:200]!r} in it."
            )
        if name in infos:
            raise InvalidRequest(f"The archive {file} has {name} in it more than once.")
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & ENCRYPTED:
            raise InvalidRequest(
                f"{name} in the archive {file} is compressed or encrypted, which no object is in "
                "an archive of dendro-local."
            )
        if info.file_size != info.compress_size:
            raise InvalidRequest(f"The archive {file} says two sizes of {name}.")
        infos[name] = info
    _check_apart(file, infos)
    return infos


def _check_apart(file: Path, infos: dict[str, zipfile.ZipInfo]) -> None:
    """That no byte belongs to two objects, by which a small file could be a large bucket."""
    end = 0
    for info in sorted(infos.values(), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise InvalidRequest(f"In the archive {file}, {info.filename} begins in another.")
        end = info.header_offset + LOCAL_HEADER.size + len(info.filename) + info.file_size
    if end > file.stat().st_size:
        raise InvalidRequest(f"The archive {file} is not whole. Have it sent once more.")
