"""Gives files their names where there are no hard links, such as on the exFAT of most USB disks.

A link gives a file its name unless there is a file of that name. Here a lock stands for that, which
all writers of such a folder take, since none of them can do without.
"""

import errno
import fcntl
from pathlib import Path

__all__ = ["LOCK", "is_for_want_of_links", "rename_locked"]

LOCK = ".lock#1"
"""Listings leave out what has such a name, as they do with files that are not whole yet."""

NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""How Linux and macOS say that there are none."""


def is_for_want_of_links(error: OSError) -> bool:
    """Whether a link may have failed for that reason."""
    return error.errno in NO_LINKS


def rename_locked(folder: Path, written: Path, file: Path) -> bool:
    """Give a file below a folder its name unless there is one; whether there was none.

    Raises:
        OSError: it cannot be renamed.
    """
    with (folder / LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if file.exists():
            return False
        written.replace(file)
    return True
