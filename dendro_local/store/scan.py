"""The files of a store as the disk has them, whatever the records say."""

import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dendro_local.model import Digest, JobId
from dendro_local.store.locks import is_held

__all__ = [
    "BlobFile",
    "RunFolder",
    "blob_files",
    "dead_locks",
    "dead_sockets",
    "half_written",
    "output_links",
    "run_folders",
]

_is_digest = re.compile("[0-9a-f]{64}").fullmatch


class BlobFile(NamedTuple):
    """A file among the blobs; ``digest`` is None if it is no blob by its place and name.

    ``changed_at`` is when it got its name, its rights or its bytes, whichever was last.
    """

    path: Path
    digest: Digest | None
    size: int
    mode: int
    changed_at: float


class RunFolder(NamedTuple):
    """The working folder of an attempt at a job; of no job if its name is none."""

    path: Path
    job_id: JobId
    attempt: int
    changed_at: float


def blob_files(folder: Path) -> Iterator[BlobFile]:
    """Every file in the folder of the blobs, and whatever else is there."""
    for shelf in _entries(folder):
        if not shelf.is_dir(follow_symlinks=False):
            yield _blob_file(shelf, None)
            continue
        for entry in _entries(Path(shelf.path)):
            is_blob = (
                entry.is_file(follow_symlinks=False)
                and _is_digest(entry.name) is not None
                and entry.name.startswith(shelf.name)
                and len(shelf.name) == 2
            )
            try:
                yield _blob_file(entry, Digest(entry.name) if is_blob else None)
            except FileNotFoundError:
                continue  # removed this very moment


def run_folders(folder: Path) -> Iterator[RunFolder]:
    """The working folders of jobs, and whatever other folders are beside them."""
    for entry in _entries(folder):
        if not entry.is_dir(follow_symlinks=False):
            continue
        job_id, _, attempt = entry.name.rpartition(".")
        is_attempt = attempt.isascii() and attempt.isdigit()
        try:
            changed_at = entry.stat(follow_symlinks=False).st_ctime
        except FileNotFoundError:
            continue  # its job ended this very moment
        yield RunFolder(
            Path(entry.path), JobId(job_id), int(attempt) if is_attempt else 0, changed_at
        )


def output_links(folder: Path) -> Iterator[tuple[JobId, list[Path]]]:
    """The jobs whose outputs were read under their own names, with the links that lead nowhere."""
    for entry in _entries(folder):
        if not entry.is_dir(follow_symlinks=False):
            continue
        links = [path for path in Path(entry.path).rglob("*") if path.is_symlink()]
        yield JobId(entry.name), [path for path in links if not path.exists()]


def half_written(folder: Path) -> Iterator[tuple[Path, float]]:
    """Files that were to get another name when they were whole, and when they were made."""
    for file in folder.rglob(".*.new"):
        try:
            yield file, file.lstat().st_ctime
        except FileNotFoundError:
            continue  # it has its name now


def dead_locks(folder: Path) -> Iterator[Path]:
    """Locks of compute clients that are not alive."""
    for file in folder.glob("*.lock"):
        if not is_held(file) and file.exists():
            yield file


def dead_sockets(folder: Path) -> Iterator[Path]:
    """Sockets of processes that have ended."""
    if not hasattr(socket, "AF_UNIX"):
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        for entry in _entries(folder):
            # Through the descriptor, since a long path is no address of a socket.
            near = f"/proc/self/fd/{descriptor}/{entry.name}"
            if _nobody_listens(near if sys.platform == "linux" else entry.path):
                yield Path(entry.path)
    finally:
        os.close(descriptor)


def _nobody_listens(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(address)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False  # it closed just now, or cannot be asked
    return False


def _blob_file(entry: "os.DirEntry[str]", digest: Digest | None) -> BlobFile:
    status = entry.stat(follow_symlinks=False)
    return BlobFile(Path(entry.path), digest, status.st_size, status.st_mode, status.st_ctime)


def _entries(folder: Path) -> "list[os.DirEntry[str]]":
    """What is in a folder, by name; nothing if it is gone."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
