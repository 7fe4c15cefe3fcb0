"""The lock under which one environment is built or removed.

It is a lock of the system's on a file, held by this process and by the tools that it starts:
should this process be killed, nobody takes the environment for free while such a tool still
writes to it.
"""

import contextlib
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path

__all__ = ["build_lock", "is_locked"]

WAIT_SEC = 0.1


@contextlib.contextmanager
def build_lock(file: Path, may_wait: Callable[[], bool]) -> Generator[int | None]:
    """Hold the lock for the block.

    Args:
        file: its file, which is made, and removed at the end.
        may_wait: asked again and again while another holds the lock.

    Yields:
        The descriptor for tools to inherit; None if the lock was not had.
    """
    descriptor = _try_lock(file)
    while descriptor is None and may_wait():
        time.sleep(WAIT_SEC)  # nothing tells of another process's end
        descriptor = _try_lock(file)
    if descriptor is None:
        yield None
        return
    try:
        yield descriptor
    finally:
        # While it is held: whoever has the file open sees that it is not the lock any more.
        file.unlink(missing_ok=True)
        os.close(descriptor)


def is_locked(file: Path) -> bool:
    """Whether anybody holds the lock."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(file: Path) -> int | None:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _lock(descriptor):
            os.close(descriptor)
            return None
        if _is_file_of(file, descriptor):
            return descriptor
        os.close(descriptor)  # its last holder removed it


def _lock(descriptor: int) -> bool:
    import fcntl  # only there on Unix

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_file_of(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
