"""Digests of files of this machine, remembered until the file changes.

A file counts as unchanged while its size, modification time and inode are what they were.
"""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from dendro_local.errors import InputUnavailable
from dendro_local.model import Digest
from dendro_local.store.blobs import file_digest
from dendro_local.store.connection import Connections

__all__ = ["LocalFileTable"]

FRESH_NS = 2_000_000_000
"""A file as young as this may change again within the resolution of its times."""


class LocalFileTable:
    """The digests that a store remembers of files outside it."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def digest(
        self, file: Path, on_progress: Callable[[int, int], None] | None = None
    ) -> tuple[Digest, int]:
        """SHA-256 and size in bytes of a file, read only if it is not known yet.

        Raises:
            InputUnavailable: the file is not there, is no file, or changes while it is read.
        """
        before = _status(file)
        known = self._known(file, before)
        if known is not None:
            return known, before.st_size
        try:
            digest, size = file_digest(file, on_progress)
        except OSError as error:
            raise InputUnavailable(f"{file} cannot be read: {error.strerror}.") from error
        if _identity(_status(file)) != _identity(before):
            raise InputUnavailable(
                f"{file} changed while it was read. Submit again when it is complete."
            )
        # What was written this moment may be written again without its times moving.
        if time.time_ns() - before.st_mtime_ns > FRESH_NS:
            self._remember(file, before, digest)
        return digest, size

    def paths(self, digest: Digest) -> list[Path]:
        """Where a file of this digest was seen; it may have changed since."""
        rows = self._connections.get().execute(
            "select path from local_files where digest = ?", (digest,)
        )
        return [Path(row[0]) for row in rows]

    def _known(self, file: Path, status: os.stat_result) -> Digest | None:
        row = (
            self._connections.get()
            .execute(
                "select digest from local_files "
                "where path = ? and size = ? and mtime_ns = ? and inode = ?",
                (str(file), *_identity(status)),
            )
            .fetchone()
        )
        return None if row is None else row[0]

    def _remember(self, file: Path, status: os.stat_result, digest: Digest) -> None:
        with self._connections.transaction() as connection:
            connection.execute(
                "insert or replace into local_files (path, size, mtime_ns, inode, digest) "
                "values (?, ?, ?, ?, ?)",
                (str(file), *_identity(status), digest),
            )


def _status(file: Path) -> os.stat_result:
    try:
        status = file.stat()
    except FileNotFoundError as error:
        raise InputUnavailable(f"There is no file {file}. Check the path.") from error
    except OSError as error:
        raise InputUnavailable(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # a path with a NUL in it
        raise InputUnavailable(f"There is no file {str(file)!r}: {error}.") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise InputUnavailable(f"{file} is {kind}; an input is a file.")
    return status


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino
