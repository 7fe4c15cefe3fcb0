"""Objects whose writer is stopped: stands for a process that is killed between two writes."""

from dendro_sync.remotes.bucket.store_objects import StoreObjects


class Stopped(Exception):
    """Nothing more is written."""


class StoppingObjects(StoreObjects):
    """Stops after so many writes."""

    writes_left = 0

    def create(self, name: str, data: bytes) -> bool:
        """Write, if there are writes left."""
        self._write()
        return super().create(name, data)

    def replace(self, name: str, data: bytes) -> None:
        """Write, if there are writes left."""
        self._write()
        super().replace(name, data)

    def _write(self) -> None:
        if self.writes_left == 0:
            raise Stopped
        self.writes_left -= 1
