"""The store: jobs, services and blobs in one folder. The only place that speaks SQL.

It keeps and finds; what may happen is decided above it.
"""

import functools
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from dendro_local.store.blobs import Blobs, file_digest
from dendro_local.store.compute_clients import ComputeClientRun, ComputeClientTable, LiveRun
from dendro_local.store.connection import Connections, Version, translated
from dendro_local.store.feed import Feed, FeedEntry
from dendro_local.store.folder import StoreFolder
from dendro_local.store.input_files import InputFileTable
from dendro_local.store.job_figures import JobFigures
from dendro_local.store.job_offers import JobOffers
from dendro_local.store.job_query import JobPage, JobQuery
from dendro_local.store.job_rows import JobFiles, StoredFile, StoredJob
from dendro_local.store.job_search import find_jobs, find_page
from dendro_local.store.job_secrets import JobSecretTable
from dendro_local.store.jobs import JobTable
from dendro_local.store.local_files import LocalFileTable
from dendro_local.store.locks import check_system
from dendro_local.store.newest_jobs import NewestJobs
from dendro_local.store.registered_clients import RegisteredClientTable
from dendro_local.store.remote_runs import RemoteRunTable
from dendro_local.store.rooms import ProcessorRoom, RoomTable
from dendro_local.store.services import RegisteredApp, ServiceTable
from dendro_local.store.sessions import SessionTable
from dendro_local.store.standings import Standing, StandingTable
from dendro_local.store.store_key import StoreKey
from dendro_local.store.user_holdings import UserHoldings
from dendro_local.store.user_usage import UserUsage
from dendro_local.store.users import ApiKey, User, UserTable
from dendro_local.store.version import SCHEMA_VERSION
from dendro_local.store.wake import Listener, wake_all

if TYPE_CHECKING:
    from dendro_local.store.lineage import LineageTable
    from dendro_local.store.sharing import Sharing
    from dendro_local.store.upkeep import Upkeep

__all__ = [
    "ApiKey",
    "ComputeClientRun",
    "FeedEntry",
    "JobFiles",
    "JobPage",
    "JobQuery",
    "Listener",
    "LiveRun",
    "ProcessorRoom",
    "RegisteredApp",
    "SCHEMA_VERSION",
    "Standing",
    "Store",
    "StoredFile",
    "StoredJob",
    "User",
    "Version",
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
        self._translated = translated(self.folder.database)
        try:
            self.folder.make()  # only now: in the folder of another program nothing is left
        except BaseException:
            self._connections.close()
            raise
        self.jobs = JobTable(self._connections)
        self.newest_jobs = NewestJobs()
        self.feed = Feed(self._connections)
        self.job_secrets = JobSecretTable(self._connections)
        self.job_offers = JobOffers(self._connections)
        self.job_figures = JobFigures(self._connections)
        self.input_files = InputFileTable(self._connections)
        self.services = ServiceTable(self._connections)
        self.standings = StandingTable(self._connections)
        self.users = UserTable(self._connections)
        self.sessions = SessionTable(self._connections)
        self.usage = UserUsage(self._connections)
        self.holdings = UserHoldings(self._connections)
        self.local_files = LocalFileTable(self._connections)
        self.compute_clients = ComputeClientTable(self._connections, self.folder.clients)
        self.registered_clients = RegisteredClientTable(self._connections)
        self.remote_runs = RemoteRunTable(self._connections)
        self.rooms = RoomTable(self._connections)
        self.blobs = Blobs(self.folder.blobs)
        self.key = StoreKey(self.folder.key)

    @functools.cached_property
    def upkeep(self) -> "Upkeep":
        """What only pruning, checking and backing up ask of the store."""
        from dendro_local.store.upkeep import Upkeep  # most processes never need it

        return Upkeep(self._connections, self.folder)

    @functools.cached_property
    def sharing(self) -> "Sharing":
        """What only the exchange of jobs with other stores asks of the store."""
        from dendro_local.store.sharing import Sharing  # most processes never need it

        return Sharing(self._connections)

    @functools.cached_property
    def lineage(self) -> "LineageTable":
        """What jobs were computed from, and what from them."""
        from dendro_local.store.lineage import LineageTable  # only who looks at a job asks

        return LineageTable(self._connections)

    def has_remotes(self) -> bool:
        """Whether jobs are exchanged with other stores. Takes some microseconds."""
        found = self._connections.get().execute("select 1 from remotes limit 1").fetchone()
        return found is not None

    def transaction(
        self,
        *,
        may_share: bool = False,
        is_durable: bool = True,
        quietly: bool = False,
        gives_work: bool = True,
    ) -> AbstractContextManager[object]:
        """A block whose changes happen together or not at all, and then wake who waits.

        Args:
            may_share: see `dendro_local.store.connection.Connections.transaction`.
            is_durable: see there.
            quietly: wake nobody, since no job is changed.
            gives_work: whether whoever only runs jobs is woken too, since one may have to be
                started or stopped now.
        """
        after = None if quietly else self.wake if gives_work else self._wake_who_watches
        return self._connections.transaction(
            may_share=may_share, is_durable=is_durable, after=after
        )

    def _wake_who_watches(self) -> None:
        wake_all(self.folder.wake, gives_work=False)

    def reading(self) -> AbstractContextManager[None]:
        """A block whose questions give errors of the store where it cannot be read."""
        return self._translated

    def version(self) -> Version | None:
        """The state that the store is in for this thread; None inside a transaction."""
        return self._connections.version()

    def live_runs(self) -> list[LiveRun]:
        """The compute clients that are alive, on this machine and others."""
        return [*self.compute_clients.live_runs(), *self.remote_runs.live_runs()]

    def find_jobs(self, query: JobQuery) -> list[StoredJob]:
        """The jobs of a query, latest update first; as many as it asks for."""
        return find_jobs(self._connections, query)

    def find_page(self, query: JobQuery) -> JobPage:
        """A page of the jobs of a query, latest update first; it may end before it is full."""
        return find_page(self._connections, query)

    def wake(self) -> None:
        """Wake who waits for a change, whether or not there was one."""
        wake_all(self.folder.wake)

    def listen(self, *, for_work: bool = False) -> Listener:
        """Something to wait with for the next change; the next that gives work, if only for it."""
        return Listener(self.folder.wake, for_work=for_work)

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
