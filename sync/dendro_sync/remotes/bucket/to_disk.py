"""Bringing files to the disk, so that a power cut takes nothing back of what was told to be there.

One `fsync` waits for the disk; many, one after the other, wait as many times. Linux brings all of a
file system to the disk at once, which is much faster where many files were written. Only of disks
of this machine does it wait for all of that: of others each file is brought there by itself.
"""

import ctypes
import errno
import functools
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path

__all__ = ["to_disk"]

MANY = 24
"""From so many on, all of the file system at once is faster."""

WHOLE = frozenset({"btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "vfat", "xfs"})
"""File systems of Linux itself, on disks of this machine."""

NOT_FOR_FOLDERS = (errno.EINVAL, errno.ENOTSUP)
"""How file systems say that this cannot be done with a folder."""

MOUNTS = Path("/proc/self/mountinfo")


def to_disk(paths: Collection[Path]) -> None:
    """Have the bytes of files, and what is in folders, on the disk; all of one file system.

    Raises:
        OSError: that failed.
    """
    if len(paths) >= MANY and _brings_all(next(iter(paths))):
        return
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network file systems bring folders to the disk by themselves alone.
            if error.errno not in NOT_FOR_FOLDERS or not path.is_dir():
                raise
        finally:
            os.close(descriptor)


def _brings_all(path: Path) -> bool:
    """Bring all of a file system to the disk; whether that could be done."""
    whole = _syncfs()
    if whole is None or not _is_whole(path.stat().st_dev):
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if whole(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)
    return True


@functools.cache
def _syncfs() -> Callable[[int], int] | None:
    """The function of the C library, where there is one."""
    if sys.platform != "linux":
        return None
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    return found


@functools.cache
def _is_whole(device: int) -> bool:
    """Whether a device has a file system of which all is brought to the disk at once."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    # See proc_pid_mountinfo(5): the device is the third field, the kind of file system the first
    # after a dash.
    kinds = {
        rest.split()[0]
        for before, dash, rest in (line.partition(" - ") for line in mounts)
        if dash and before.split()[2] == number
    }
    return bool(kinds) and kinds <= WHOLE
