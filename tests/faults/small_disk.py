"""A small disk that a script can fill and empty again.

Where the system allows it, it is a file system of the script's own: a tmpfs in a mount namespace,
which is gone when the script ends. Elsewhere it is a limit on the size of files: the system
refuses to write then too, only with another error.
"""

import contextlib
import os
import resource
import subprocess
import sys
from pathlib import Path

KIND_VARIABLE = "SMALL_DISK_KIND"
FOLDER_VARIABLE = "SMALL_DISK_FOLDER"
SIZE_BYTES = 8 << 20
ROOT = Path(__file__).parents[2]

_NAMESPACES = (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"])
_MOUNT = 'mount -t tmpfs -o size=8m small "$1" && shift && exec "$@"'


class FileSystem:
    """A file system of `SIZE_BYTES`."""

    is_limit = False
    error = "DiskFull"
    system_error = "No space left on device"

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def fill(self, *, but_bytes: int = 0) -> None:
        """Leave no room, or just so many bytes."""
        with self._filler.open("ab", buffering=0) as stream:
            for piece in (1 << 16, 1 << 12):
                with contextlib.suppress(OSError):
                    while stream.write(bytes(piece)):
                        pass
            stream.truncate(stream.tell() - but_bytes)

    fill_from_app = fill

    def empty(self) -> None:
        """Make room again."""
        self._filler.unlink()


class SizeLimit:
    """A limit of `SIZE_BYTES` on every file, which `fill` makes 0."""

    is_limit = True
    error = "StoreError"
    system_error = "File too large"

    def __init__(self) -> None:
        self.limit(0, SIZE_BYTES)

    def fill(self) -> None:
        """Let this process write to no file."""
        self.limit(0, 0)

    def fill_from_app(self, *, but_bytes: int = 0) -> None:
        """Let the process that started this one write to no file."""
        self.limit(os.getppid(), 0)

    def empty(self) -> None:
        """Let it write again."""
        self.limit(0, SIZE_BYTES)

    def limit(self, pid: int, size_bytes: int) -> None:
        """Let a process, 0 being this one, write to files up to this size."""
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        if pid == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
        else:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, hard))


def small_disk() -> FileSystem | SizeLimit:
    """The small disk on which this script, or the app that it runs, is."""
    if os.environ[KIND_VARIABLE] == "limit":
        return SizeLimit()
    return FileSystem(Path(os.environ[FOLDER_VARIABLE]))


def run_on_small_disk(script: str, folder: Path) -> None:
    """Run a script whose default store is on a small disk; it must come to its end."""
    folder.mkdir()
    command = [sys.executable, "-W", "error", "-c", _HEADER + script]
    launcher = _launcher(folder)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DENDRO_LOCAL_DIR": str(folder / "store"),
        FOLDER_VARIABLE: str(folder),
        KIND_VARIABLE: "file system" if launcher else "limit",
    }
    if launcher:
        command = [*launcher, "sh", "-c", _MOUNT, "sh", str(folder), *command]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr + ended.stdout


_HEADER = """
import os
from pathlib import Path
from dendro_local.errors import DiskFull, StoreError
from tests.faults.asking import *
from tests.faults.small_disk import small_disk

store = Path(os.environ["DENDRO_LOCAL_DIR"])
disk = small_disk()
full = StoreError if disk.is_limit else DiskFull
"""


def _launcher(folder: Path) -> list[str]:
    """How to start a program in a mount namespace of its own; empty where that cannot be done."""
    for namespace in _NAMESPACES:
        try:
            tried = subprocess.run(
                [*namespace, "sh", "-c", _MOUNT, "sh", str(folder), "true"],
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            return []
        if tried.returncode == 0:
            return namespace
    return []
