"""The stores of a run of benchmarks, all in one temporary folder."""

import sys
import tempfile
from pathlib import Path

from tests.benchmarks.default_store import using
from tests.benchmarks.large_store import fill

__all__ = ["Stores"]


class Stores:
    """Makes the stores that benchmarks ask for, and keeps the large ones for the next to ask.

    Args:
        folder: where to put them; it is removed at the end of the run.
        is_quick: whether sizes are to be small.
    """

    def __init__(self, folder: Path, *, is_quick: bool) -> None:
        self._folder = folder
        self._is_quick = is_quick
        self._filled: dict[int, Path] = {}

    def size(self, whole: int, *, quick: int) -> int:
        """How many jobs or calls there are to be in this run."""
        return quick if self._is_quick else whole

    def folder(self, prefix: str) -> Path:
        """A fresh empty folder."""
        return Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=self._folder))

    def filled(self, count: int) -> Path:
        """A store of so many jobs, nearly all of them completed (see `large_store`)."""
        if count not in self._filled:
            print(f"filling a store with {count:,} jobs", file=sys.stderr)
            folder = self.folder("filled")
            fill(folder, count)
            self._filled[count] = folder
        return self._filled[count]

    def close(self) -> None:
        """Let go of the stores that this process has open."""
        for folder in self._folder.iterdir():
            if (folder / "store.db").exists():
                with using(folder) as hub:
                    hub.close()
