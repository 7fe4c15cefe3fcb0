"""File locks that the system lets go of when their process ends, however it ends."""

import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path

from dendro_local.errors import NotSupported

__all__ = [
    "FileLock",
    "HeldLock",
    "check_system",
    "exclusive",
    "exclusive_at",
    "exclusive_new",
    "is_held",
]


class HeldLock:
    """An exclusive lock on a new file, held from the making of this object until `release`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        # Locked before it gets its name: nobody ever sees the file and finds it free.
        unnamed = file.with_name(f".{file.name}.new")
        self._descriptor = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _lock(self._descriptor, wait=True)
        unnamed.rename(file)

    def release(self) -> None:
        """Let go of the lock and remove its file."""
        self.file.unlink(missing_ok=True)
        os.close(self._descriptor)


class FileLock:
    """An exclusive lock on a file, which is made if need be and stays, held until `release`.

    Raises:
        BlockingIOError: another process holds it.
    """

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(self._descriptor, wait=False)
        except BaseException:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        """Let go of the lock."""
        os.close(self._descriptor)


@contextlib.contextmanager
def exclusive(file: Path) -> Generator[None]:
    """Hold the lock on ``file`` for the block, waiting for it as long as it takes."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def exclusive_at(path: Path) -> Generator[None]:
    """As `exclusive`, for a file that whoever holds the lock may remove."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor, wait=True)
            # Whoever had it before may have removed it, and another have made a new one.
            if _is_at(path, descriptor):
                yield
                return
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def exclusive_new(path: Path) -> Generator[int | None]:
    """As `exclusive_at`, for a file that was not there: its descriptor for writing.

    None if it is there, or another was faster to lock it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        yield None
        return
    try:
        try:
            _lock(descriptor, wait=False)
            is_ours = _is_at(path, descriptor)
        except BlockingIOError:
            is_ours = False
        yield descriptor if is_ours else None
    finally:
        os.close(descriptor)


def is_held(file: Path) -> bool:
    """Whether a living process holds the lock on ``file``."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that those who look at the same moment do not take each other for the holder.
        _lock(descriptor, wait=False, shared=True)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def check_system() -> None:
    """Refuse to go on where there are no such locks.

    Raises:
        NotSupported: this is Windows.
    """
    if sys.platform == "win32":
        raise NotSupported(
            "Stores need the file locks of Linux or macOS. On Windows, use dendro-local inside WSL."
        )


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _lock(descriptor: int, *, wait: bool, shared: bool = False) -> None:
    import fcntl  # only there on Unix

    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
