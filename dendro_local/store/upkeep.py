"""What only maintenance asks of a store, beside what every process asks: see `Store.upkeep`."""

import contextlib
from collections.abc import Generator
from pathlib import Path

from dendro_local.store.blob_holders import BlobHolders
from dendro_local.store.connection import Connections
from dendro_local.store.folder import StoreFolder
from dendro_local.store.integrity import Integrity
from dendro_local.store.locks import exclusive
from dendro_local.store.pins import PinTable
from dendro_local.store.prune_search import PruneSearch
from dendro_local.store.snapshot import write_snapshot

__all__ = ["Upkeep"]


class Upkeep:
    """Pins, which job holds which blob, and questions about the store as a whole."""

    def __init__(self, connections: Connections, folder: StoreFolder) -> None:
        self._connections = connections
        self._folder = folder
        self.pins = PinTable(connections)
        self.holders = BlobHolders(connections)
        self.search = PruneSearch(connections)
        self.integrity = Integrity(connections)
        self.damaged = folder.root / "damaged"

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """A block that no two processes are in at once, so that two prunings do not mix."""
        with exclusive(self._folder.root / "maintenance.lock"):
            yield

    def write_snapshot(self, file: Path) -> None:
        """Copy the records as they are at one moment to a new database file."""
        write_snapshot(self._connections, file)
