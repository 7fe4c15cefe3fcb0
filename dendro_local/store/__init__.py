"""The store: jobs, services and blobs in one folder. The only place that speaks SQL.

It keeps and finds; what may happen is decided above it.
"""

import contextlib
import functools
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from dendro_local.store.blobs import Blobs, file_digest
from dendro_local.store.compute_clients import ComputeClientRun, ComputeClientTable, LiveRun
from dendro_local.store.connection import Connections, translated
from dendro_local.store.folder import StoreFolder
from dendro_local.store.job_rows import JobFiles, StoredFile, StoredJob
from dendro_local.store.job_search import JobQuery, find_jobs
from dendro_local.store.jobs import JobTable
from dendro_local.store.local_files import LocalFileTable
from dendro_local.store.locks import check_system
from dendro_local.store.services import RegisteredApp, ServiceTable
from dendro_local.store.version import SCHEMA_VERSION
from dendro_local.store.wake import Listener, wake_all

if TYPE_CHECKING:
    from dendro_local.store.upkeep import Upkeep

__all__ = [
    "ComputeClientRun",
    "JobFiles",
    "JobQuery",
    "Listener",
    "LiveRun",
    "RegisteredApp",
    "SCHEMA_VERSION",
    "Store",
    "StoredFile",
    "StoredJob",
    "file_digest",
]


class Store:
    """One store. Safe for use by many threads, and by many processes at once."""

    def __init__(self, root: Path) -> None:
        """Open the store in a folder, making or upgrading it where needed.

        Raises:
            StoreError: it cannot be opened; the message says what to do.
            NotSupported: this system is Windows.
        """
        check_system()
        self.folder = StoreFolder(root)
        self.folder.make_root()
        self._connections = Connections(self.folder.database)
        try:
            self.folder.make()  # only now: in the folder of another program nothing is left
        except BaseException:
            self._connections.close()
            raise
        self.jobs = JobTable(self._connections)
        self.services = ServiceTable(self._connections)
        self.local_files = LocalFileTable(self._connections)
        self.compute_clients = ComputeClientTable(self._connections, self.folder.clients)
        self.blobs = Blobs(self.folder.blobs)

    @functools.cached_property
    def upkeep(self) -> "Upkeep":
        """What only pruning, checking and backing up ask of the store."""
        from dendro_local.store.upkeep import Upkeep  # most processes never need it

        return Upkeep(self._connections, self.folder)

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """A block whose changes happen together or not at all, and then wake who waits."""
        with self._connections.transaction():
            yield
        wake_all(self.folder.wake)

    @contextlib.contextmanager
    def reading(self) -> Generator[None]:
        """A block whose questions give errors of the store where it cannot be read."""
        with translated(self.folder.database):
            yield

    def find_jobs(self, query: JobQuery) -> list[StoredJob]:
        """The jobs of a query, latest update first."""
        return find_jobs(self._connections, query)

    def listen(self) -> Listener:
        """Something to wait with for the next change."""
        return Listener(self.folder.wake)

    def get_meta(self, key: str) -> str | None:
        """A fact about the store itself, such as ``store_id``."""
        with self.reading():
            row = (
                self._connections.get()
                .execute("select value from meta where key = ?", (key,))
                .fetchone()
            )
        return None if row is None else row[0]

    def set_meta(self, key: str, value: str) -> None:
        """Record a fact about the store itself. Inside `transaction`."""
        self._connections.get().execute(
            "insert or replace into meta (key, value) values (?, ?)", (key, value)
        )

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()
