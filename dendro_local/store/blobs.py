"""Files by the SHA-256 of their bytes: whole or not there at all, and never changed.

A blob is read-only in ``blobs/ab/<digest>``. It gets that name only when every byte of it is on
the disk, and before any record that names it is committed.
"""

import errno
import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dendro_local.model import Digest
from dendro_local.random_ids import random_token
from dendro_local.store.on_disk import sync

__all__ = ["Blobs", "file_digest"]

CHUNK_BYTES = 1 << 20
AT_REST_NS = 2_000_000_000

WAITING = 8
"""So many threads wait for the disk at once, which writes down together what all wait for."""

OPEN_AT_ONCE = 16
"""So many files each of them has open."""


class Blobs:
    """The blobs of one store. Safe for use by many threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prefix = f"{folder}/"
        self._sizes: dict[str, tuple[int, int]] = {}

    def path(self, digest: Digest) -> Path:
        """Where the blob lies, or would lie."""
        return self._folder / digest[:2] / digest

    def has(self, digest: Digest) -> bool:
        """Whether the blob is there."""
        # At every cache hit: a path is slow to make, and so is what `stat` gives.
        return os.access(f"{self._prefix}{digest[:2]}/{digest}", os.F_OK)

    def total_bytes(self) -> int:
        """The size of all blobs together.

        A folder of blobs is only read again if one was added to it or removed since.
        """
        return sum(self._bytes_in(folder) for folder in self._folder.glob("??"))

    def adopt(self, file: Path) -> tuple[Digest, int]:
        """Take a file of this machine in, and give its digest and size in bytes.

        The file must not be open for writing any more. It becomes read-only and stays where it
        is as a second name of the blob, until its folder is removed: see `restore`.
        """
        digest, size = file_digest(file)
        self.restore(digest, file)
        return digest, size

    def restore(self, digest: Digest, file: Path) -> None:
        """Name an adopted file as a blob again, if somebody removed the blob just now."""
        if self.has(digest):
            return
        _write_through(file)
        self._name(digest, file)
        sync(self.path(digest).parent)

    def restore_all(self, files: Mapping[Digest, Path]) -> None:
        """As `restore`, for many small files in not much more time than for one."""
        lacking = {digest: file for digest, file in files.items() if not self.has(digest)}
        if not lacking:
            return
        from concurrent.futures import ThreadPoolExecutor  # only here

        paths = list(lacking.values())
        some = [paths[first : first + OPEN_AT_ONCE] for first in range(0, len(paths), OPEN_AT_ONCE)]
        with ThreadPoolExecutor(WAITING, thread_name_prefix="dendro-disk") as pool:
            for _ in pool.map(_write_all_through, some):
                pass
            for digest, file in lacking.items():
                self._name(digest, file)
            for _ in pool.map(sync, {self.path(digest).parent for digest in lacking}):
                pass

    def _name(self, digest: Digest, file: Path) -> None:
        """Name a file as a blob that is on the disk, unless there is one by now."""
        target = self.path(digest)
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            sync(self._folder)
        try:
            os.link(file, target)
        except FileExistsError:
            pass  # another process was faster, with the same bytes
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                raise
            # No hard links here: a copy that gets its name when it is whole.
            near = target.with_name(f".{digest}.{random_token(8)}.new")
            import shutil  # only here

            try:
                shutil.copyfile(file, near)
                _write_through(near)
                near.rename(target)
            finally:
                near.unlink(missing_ok=True)

    def remove(self, digest: Digest) -> None:
        """Remove the blob if it is there. The caller has made sure that no record needs it."""
        self.path(digest).unlink(missing_ok=True)

    def _bytes_in(self, folder: Path) -> int:
        changed_ns = folder.stat().st_mtime_ns
        known = self._sizes.get(folder.name)
        if known is not None and known[0] == changed_ns:
            return known[1]
        total = 0
        for blob in folder.iterdir():
            try:
                total += blob.stat().st_size
            except FileNotFoundError:
                continue  # removed this very moment
        # A folder that changed just now may change again at what counts as the same time.
        if time.time_ns() - changed_ns > AT_REST_NS:
            self._sizes[folder.name] = (changed_ns, total)
        return total


def _write_through(file: Path) -> None:
    """Make a file read-only, with every byte of it on the disk."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.fchmod(descriptor, 0o444)
    finally:
        os.close(descriptor)


def _write_all_through(files: Sequence[Path]) -> None:
    """As `_write_through`, for several files. The disk begins with all before one is waited for."""
    descriptors: list[int] = []
    try:
        for file in files:
            descriptors.append(os.open(file, os.O_RDONLY))
            if hasattr(os, "posix_fadvise"):
                # Of what is not written yet, this begins the writing.
                os.posix_fadvise(descriptors[-1], 0, 0, os.POSIX_FADV_DONTNEED)
        for descriptor in descriptors:
            os.fsync(descriptor)
            os.fchmod(descriptor, 0o444)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def file_digest(
    file: Path, on_progress: Callable[[int, int], None] | None = None
) -> tuple[Digest, int]:
    """SHA-256 and size in bytes of a file.

    Args:
        file: what to read.
        on_progress: called now and then with the bytes read so far and the file's size.
    """
    sha256 = hashlib.sha256()
    size = 0
    with file.open("rb", buffering=0) as stream:
        total = os.fstat(stream.fileno()).st_size
        buffer = bytearray(min(CHUNK_BYTES, total + 1))  # one more, to see the end in one go
        view = memoryview(buffer)
        while count := stream.readinto(buffer):
            sha256.update(view[:count])
            size += count
            if on_progress is not None:
                on_progress(size, total)
    return Digest(sha256.hexdigest()), size
