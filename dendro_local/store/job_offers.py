"""Jobs for compute clients of other machines: what they may run, and what they run."""

from collections.abc import Sequence

from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import COLUMNS, StoredFile, StoredJob, encoded, stored_job

__all__ = ["JobOffers"]

# The index has only what could start now: rows of other services are passed over unread.
runnable_of_services = f"""
select {COLUMNS} from jobs indexed by jobs_runnable
where status = 'pending' and is_runnable = 1
    and service_name in (select value from json_each(?))
order by created_at, number
limit ?
"""  # noqa: S608 - the columns are a constant

held_by_client = f"""
select {COLUMNS} from jobs indexed by jobs_active
where status in ('starting', 'running') and compute_client_id = ?
order by created_at, number
"""  # noqa: S608


class JobOffers:
    """Questions about jobs that others run, and what they leave before the end of a run."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def runnable(self, services: Sequence[str], limit: int) -> list[StoredJob]:
        """Jobs of these services that could start now, in the order in which they should."""
        names = encoded(list(services))
        rows = self._connections.get().execute(runnable_of_services, (names, limit))
        return [stored_job(row) for row in rows]

    def held_by(self, client_id: str) -> list[StoredJob]:
        """The jobs that a compute client runs, oldest first."""
        rows = self._connections.get().execute(held_by_client, (client_id,))
        return [stored_job(row) for row in rows]

    def let_go(self, number: int, files: Sequence[StoredFile]) -> None:
        """Keep files no more for a job whose record does not name them. Inside a transaction."""
        connection = self._connections.get()
        connection.executemany(
            "delete from job_blobs where digest = ? and number = ?",
            [(bytes.fromhex(file.digest), number) for file in files if file.digest],
        )
        connection.executemany(
            "delete from job_set_urls where url = ? and number = ?",
            [(file.url, number) for file in files if file.url],
        )
