"""Runs of compute clients on other machines: alive until their time is up.

What runs on this machine is known by a lock that the system lets go of; of another machine only
its heartbeats are known. A run whose time is up comes back with the next heartbeat.
"""

import time

import msgspec

from dendro_local.store.compute_clients import LiveRun
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import encoded

__all__ = ["RemoteRunTable"]

_live_run = msgspec.json.Decoder(LiveRun)


class RemoteRunTable:
    """The runs of other machines that a store knows. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def begin(self, run: LiveRun, expires_at: float) -> None:
        """Count a run as alive until a time."""
        self._connections.get().execute(
            "insert into remote_runs (run_id, compute_client_id, run, expires_at) "
            "values (?, ?, ?, ?)",
            (run.run_id, run.compute_client_id, encoded(run), expires_at),
        )

    def renew(self, run_id: str, expires_at: float) -> None:
        """Let a run count as alive until a later time."""
        self._connections.get().execute(
            "update remote_runs set expires_at = ? where run_id = ?", (expires_at, run_id)
        )

    def renew_all(self, expires_at: float) -> None:
        """Let every run count as alive until this time, as after a time in which none could."""
        self._connections.get().execute(
            "update remote_runs set expires_at = max(expires_at, ?)", (expires_at,)
        )

    def get(self, run_id: str) -> tuple[LiveRun, float] | None:
        """The run of this id, and when its time is up, or was; None if it has ended."""
        row = (
            self._connections.get()
            .execute("select run, expires_at from remote_runs where run_id = ?", (run_id,))
            .fetchone()
        )
        return None if row is None else (_live_run.decode(row[0]), row[1])

    def live_runs(self, client_id: str | None = None) -> list[LiveRun]:
        """The runs that are alive, of a compute client or of all."""
        rows = self._connections.get().execute(
            "select run from remote_runs where expires_at > :now "
            "and (:client is null or compute_client_id = :client) order by run_id",
            {"now": time.time(), "client": client_id},
        )
        return [_live_run.decode(row[0]) for row in rows]

    def end(self, run_id: str) -> None:
        """Count a run as alive no more."""
        self._connections.get().execute("delete from remote_runs where run_id = ?", (run_id,))

    def end_all_of(self, client_id: str) -> None:
        """Count every run of a compute client as alive no more."""
        self._connections.get().execute(
            "delete from remote_runs where compute_client_id = ?", (client_id,)
        )

    def end_all(self) -> None:
        """Count no run as alive any more."""
        self._connections.get().execute("delete from remote_runs")

    def set_unable(self, run: LiveRun, reason: str | None) -> None:
        """Tell why a run can run nothing now; None if it can."""
        told = msgspec.structs.replace(run, unable=reason)
        self._connections.get().execute(
            "update remote_runs set run = ? where run_id = ?", (encoded(told), run.run_id)
        )

    def forget_older(self, expired_at: float) -> None:
        """Forget the runs whose time was up before this."""
        self._connections.get().execute(
            "delete from remote_runs where expires_at <= ?", (expired_at,)
        )
