"""Pins: jobs that are never pruned, nor what they depend on."""

import time

from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import COLUMNS, StoredJob, stored_job

__all__ = ["PinTable"]

_J_COLUMNS = ", ".join(f"j.{column}" for column in COLUMNS.split(", "))

pinned_jobs = f"""
select {_J_COLUMNS} from pins p join jobs j on j.number = p.number
order by p.pinned_at, p.number
"""  # noqa: S608 - the columns are a constant


class PinTable:
    """The pins of a store. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def jobs(self) -> list[StoredJob]:
        """The jobs that are pinned, in the order in which they were."""
        return [stored_job(row) for row in self._connections.get().execute(pinned_jobs)]

    def has(self, number: int) -> bool:
        """Whether a job is pinned."""
        row = self._connections.get().execute("select 1 from pins where number = ?", (number,))
        return row.fetchone() is not None

    def add(self, number: int) -> None:
        """Pin a job; nothing changes if it is pinned."""
        self._connections.get().execute(
            "insert or ignore into pins (number, pinned_at) values (?, ?)", (number, time.time())
        )

    def remove(self, number: int) -> bool:
        """Pin a job no more; whether it was."""
        cursor = self._connections.get().execute("delete from pins where number = ?", (number,))
        return cursor.rowcount > 0
