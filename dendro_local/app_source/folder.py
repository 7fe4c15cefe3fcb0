"""The folder of an app: whether it changed, and the digest that names this state of its code."""

import hashlib
import os
from pathlib import Path

from dendro_local.errors import InvalidApp

__all__ = ["AppFolder"]

MAX_FILES = 2000
"""More than any app has: somebody named the wrong folder."""

_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "build", "dist"})

Times = dict[str, tuple[int, int, int]]


class AppFolder:
    """One state of an app's folder.

    Left out are hidden files, byte code and what tools generate: ``__pycache__``,
    ``node_modules``, ``build``, ``dist``.

    Raises:
        InvalidApp: there is no such folder, it has no ``main.py``, or is not an app's own.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            if not root.is_dir():
                raise InvalidApp(
                    f"There is no folder {root}. An app is a folder with a main.py; check the path."
                )
            if not (root / "main.py").is_file():
                raise InvalidApp(
                    f"The folder {root} has no main.py, so it is not an app's. Give the folder "
                    "that has it."
                )
            # Times first: what changes while the bytes are read is seen the next time.
            self._times = _times(root)
            self.digest = _digest(root, self._times)
        except OSError as error:
            raise InvalidApp(
                f"The app's folder {root} cannot be read: {error.strerror}: {error.filename}. "
                "Check its permissions."
            ) from error

    def python_files(self) -> list[Path]:
        """The files with Python code, ``main.py`` among them, in order of their names."""
        return [Path(path) for path in sorted(self._times) if path.endswith(".py")]

    def files(self) -> list[Path]:
        """The files that the digest is over, in order of their names."""
        return [Path(path) for path in sorted(self._times) if not Path(path).is_dir()]

    def folders(self) -> dict[str, int]:
        """The folders that hold its files, its own among them, each with its inode."""
        return {path: times[2] for path, times in self._times.items() if Path(path).is_dir()}

    def is_current(self) -> bool:
        """Whether nothing in the folder was added, removed or changed since this state."""
        try:
            for path, seen in self._times.items():
                if _identity(path) != seen:
                    return False
        except OSError:
            return False
        return True


def _times(root: Path) -> Times:
    """Size, modification time and inode of every file, and of every folder that has them."""
    times: Times = {}
    waiting = [os.fspath(root)]
    while waiting:
        folder = waiting.pop()
        times[folder] = _identity(folder)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    if entry.name not in _SKIPPED_FOLDERS:
                        waiting.append(entry.path)
                elif entry.is_file() and not entry.name.endswith(".pyc"):
                    times[entry.path] = _identity(entry.path)
        if len(times) > MAX_FILES:
            raise InvalidApp(
                f"The folder {root} holds more than {MAX_FILES} files. Give the app a folder of "
                "its own, with main.py and what it imports."
            )
    return times


def _identity(path: str) -> tuple[int, int, int]:
    # Of a folder only the inode counts together with its time: its size is the file system's.
    status = os.stat(path)  # noqa: PTH116 - in the path of every cache hit
    return status.st_mtime_ns, status.st_size, status.st_ino


def _digest(root: Path, times: Times) -> str:
    """SHA-256 over the files' names and bytes, in order of their names."""
    whole = hashlib.sha256()
    for path in sorted(times):
        file = Path(path)
        if file.is_dir():
            continue
        content = file.read_bytes()
        name = file.relative_to(root).as_posix().encode()
        whole.update(b"%d:%b%d:" % (len(name), name, len(content)))
        whole.update(content)
    return whole.hexdigest()
