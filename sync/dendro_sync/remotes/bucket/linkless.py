"""Creates files where there are no hard links, such as on the exFAT of most USB disks.

There obstore cannot create a file unless it is there. Here a lock stands for that, which all
writers of such a folder take, since none of them can do without.
"""

import fcntl
import os
import re
from pathlib import Path

__all__ = ["create_locked", "is_for_want_of_links"]

LOCK = ".lock#1"
"""Listings leave out what obstore calls files that are not whole yet."""

_no_links = re.compile(r"\(os error (1|38|45|95)\)")
"""EPERM, ENOSYS and ENOTSUP, as Linux and macOS say that there are none."""


def is_for_want_of_links(error: BaseException | None) -> bool:
    """Whether obstore may have failed for that reason."""
    return error is not None and _no_links.search(str(error)) is not None


def create_locked(folder: Path, name: str, data: bytes) -> bool:
    """Write a file below a folder unless there is one; whether there was none.

    Raises:
        OSError: it cannot be written.
    """
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if file.exists():
            return False
        near = file.with_name(f"{file.name}#{os.getpid()}")
        near.write_bytes(data)
        near.replace(file)
    return True
