"""The compute clients of this machine, and which of them are alive.

Each run of a compute client holds a lock on a file named after it in the store's ``clients``
folder. The system lets go of it when the process ends, however it ends, so that the lock tells
who is alive at any moment.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dendro_local.model import ComputeSlot
from dendro_local.random_ids import random_id, random_token
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import encoded
from dendro_local.store.locks import HeldLock, is_held

__all__ = ["ComputeClientRun", "ComputeClientTable", "LiveRun"]


class LiveRun(msgspec.Struct, frozen=True, kw_only=True):
    """A compute client that is alive. ``serves_all``: it takes any job, not only its script's."""

    run_id: str
    compute_client_id: str
    name: str
    serves_all: bool
    slots: list[ComputeSlot]
    runtime: str = "process"
    """How it runs apps: as processes, or in containers of the engine that is named."""
    unable: str | None = None
    """Why it can run nothing now; None if it can."""


_live_run = msgspec.json.Decoder(LiveRun)


class ComputeClientRun:
    """One run of the compute client of this machine: alive until `end` or its process ends."""

    def __init__(self, folder: Path, live: LiveRun) -> None:
        self.live = live
        self._lock = HeldLock(folder / f"{live.run_id}.lock")
        self._lock.file.write_text(encoded(live), encoding="utf-8")

    def set_unable(self, reason: str | None) -> None:
        """Tell why it can run nothing now; None if it can."""
        self.live = msgspec.structs.replace(self.live, unable=reason)
        self._lock.file.write_text(encoded(self.live), encoding="utf-8")

    def end(self) -> None:
        """No longer count as alive."""
        self._lock.release()


class ComputeClientTable:
    """The compute clients that a store knows."""

    def __init__(self, connections: Connections, folder: Path) -> None:
        self._connections = connections
        self._folder = folder

    def begin_run(
        self, user_id: str, slots: Sequence[ComputeSlot], *, serves_all: bool, runtime: str
    ) -> ComputeClientRun:
        """Register this machine's compute client if it is new, and count as alive from now on."""
        client_id, name = self._own(user_id, slots)
        self.live_runs()  # clears away what runs that were killed left
        return ComputeClientRun(
            self._folder,
            LiveRun(
                run_id=f"{client_id}-{random_token(6)}",
                compute_client_id=client_id,
                name=name,
                serves_all=serves_all,
                slots=list(slots),
                runtime=runtime,
            ),
        )

    def live_runs(self) -> list[LiveRun]:
        """The compute clients that are alive. Forgets those that died."""
        found: list[LiveRun] = []
        for file in self._folder.glob("*.lock"):
            if not is_held(file):
                file.unlink(missing_ok=True)
                continue
            try:
                found.append(_live_run.decode(file.read_bytes()))
            except (FileNotFoundError, msgspec.DecodeError):
                continue  # it ended, or begins, this very moment
        return found

    def is_alive(self, run_id: str) -> bool:
        """Whether a run of a compute client is alive."""
        return is_held(self._folder / f"{run_id}.lock")

    def _own(self, user_id: str, slots: Sequence[ComputeSlot]) -> tuple[str, str]:
        name = os.uname().nodename or "this machine"
        connection = self._connections.get()
        query = (
            "select compute_client_id from compute_clients "
            "where name = ? and user_id = ? and key_hash is null"
        )
        row = connection.execute(query, (name, user_id)).fetchone()
        if row is not None:
            return row[0], name
        with self._connections.transaction() as connection:
            row = connection.execute(query, (name, user_id)).fetchone()
            if row is None:
                row = (random_id(12),)
                connection.execute(
                    "insert into compute_clients "
                    "(compute_client_id, name, user_id, slots, created_at) values (?, ?, ?, ?, ?)",
                    (row[0], name, user_id, encoded(slots), time.time()),
                )
        return row[0], name
