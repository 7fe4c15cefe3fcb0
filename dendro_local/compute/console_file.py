"""The file that takes what a job prints, kept even if the app removes it."""

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["ConsoleFile"]


class ConsoleFile:
    """A console file, held open while the job runs.

    Should the app remove its folder, what it printed is still to be had through the open file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stream = path.open("a+b", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stream.close()

    def restore(self) -> None:
        """Write down again what was printed, if the file is not there any more."""
        if self._is_there():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        again = self.path.with_name(f".{self.path.name}.again")
        self.stream.seek(0)
        with again.open("wb") as stream:
            shutil.copyfileobj(self.stream, stream)
        if self.path.is_dir():
            shutil.rmtree(self.path)  # whatever the app put there, it is not what it printed
        again.replace(self.path)

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(self.path.lstat(), os.fstat(self.stream.fileno()))
        except OSError:
            return False
