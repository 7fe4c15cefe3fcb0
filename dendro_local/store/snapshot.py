"""Copies of the records as they are at one moment, and of blobs, while others read and write."""

import contextlib
import errno
import os
import shutil
import sqlite3
from pathlib import Path

from dendro_local.model import Digest
from dendro_local.store.connection import Connections
from dendro_local.store.on_disk import sync

__all__ = ["copy_secret", "held_blobs_of", "link_or_copy", "write_snapshot"]


def write_snapshot(connections: Connections, file: Path) -> None:
    """Copy the database to ``file``, in place of what is there, with all of it on the disk.

    Raises:
        OSError: the file cannot be written.
    """
    file.unlink(missing_ok=True)
    try:
        with contextlib.closing(sqlite3.connect(file)) as copy:
            # All pages in one step: readers of a WAL database see one moment and stop no writer.
            connections.get().backup(copy)
    except sqlite3.Error as error:
        raise OSError(errno.EIO, str(error), str(file)) from error
    sync(file)


def held_blobs_of(file: Path) -> set[Digest]:
    """The blobs that some job of a database holds that is not open anywhere."""
    with contextlib.closing(sqlite3.connect(file)) as copy:
        rows = copy.execute("select distinct digest from job_blobs")
        return {Digest(row[0].hex()) for row in rows}


def link_or_copy(blob: Path, target: Path) -> bool:
    """Give a blob a second name, or where that is not possible make a copy; whether it is a link.

    A blob never changes, so that a link is as good as a copy while the disk is.

    Raises:
        FileNotFoundError: there is no such blob.
    """
    try:
        os.link(blob, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
    else:
        return True
    shutil.copyfile(blob, target)
    target.chmod(0o444)
    sync(target)
    return False


def copy_secret(source: Path, target: Path) -> None:
    """Copy a small file to a new one that only this user may read, at no moment anybody else."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(source.read_bytes())
        file.flush()
        os.fsync(file.fileno())
