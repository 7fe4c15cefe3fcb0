"""Objects whose writer is stopped: stands for a process that is killed between two writes."""

from collections.abc import Sequence
from concurrent.futures import Executor

from dendro_sync.remotes.bucket.folder_objects import FolderObjects
from dendro_sync.remotes.bucket.objects import NewObject


class Stopped(Exception):
    """Nothing more is written."""


class StoppingObjects(FolderObjects):
    """Stops after so many writes."""

    writes_left = 0

    def create(self, name: str, data: bytes) -> bool:
        """Write, if there are writes left."""
        self._write()
        return super().create(name, data)

    def create_all(self, objects: Sequence[NewObject], executor: Executor) -> list[bool]:
        """Write one after the other, as long as there are writes left."""
        return [self.create(name, data) for name, data in objects]

    def replace(self, name: str, data: bytes) -> None:
        """Write, if there are writes left."""
        self._write()
        super().replace(name, data)

    def _write(self) -> None:
        if self.writes_left == 0:
            raise Stopped
        self.writes_left -= 1
