"""Where jobs came from that did not run here, and the signatures of jobs."""

from collections.abc import Iterable, Sequence

import msgspec

from dendro_local.model import JobId
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import encoded

__all__ = ["JobOrigin", "OriginTable", "came_from"]


class JobOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job came from.

    ``origin`` is the name of a remote, or ``user:`` and the id of who pushed it; ``key_id`` of the
    key that signed it; ``arrived_at`` in seconds since the Unix epoch.
    """

    origin: str
    arrived_at: float
    key_id: str | None
    is_verified: bool
    """Whether a signature by a key that was trusted then was verified."""


def came_from(origin: JobOrigin) -> str:
    """Where a job came from, in words that follow its name."""
    if origin.origin.startswith("user:"):
        return f"it was pushed by {origin.origin.removeprefix('user:')}"
    if origin.origin.startswith("archive "):
        return f"it came from {origin.origin}"
    return f"it came from remote {origin.origin}"


class OriginTable:
    """Origins and signatures. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def of(self, number: int) -> JobOrigin | None:
        """Where a job came from; None if it is of this store."""
        row = (
            self._connections.get()
            .execute(
                "select origin, arrived_at, key_id, is_verified from job_origins where number = ?",
                (number,),
            )
            .fetchone()
        )
        if row is None:
            return None
        return JobOrigin(origin=row[0], arrived_at=row[1], key_id=row[2], is_verified=bool(row[3]))

    def signatures(self, number: int) -> list[tuple[str, bytes]]:
        """The signatures of a job: ids of keys, and 64 bytes each."""
        return (
            self._connections.get()
            .execute(
                "select key_id, signature from job_signatures where number = ? order by key_id",
                (number,),
            )
            .fetchall()
        )

    def add_signatures(self, signatures: Iterable[tuple[int, str, bytes]]) -> None:
        """Keep signatures: number of the job, id of the key, 64 bytes."""
        self._connections.get().executemany(
            "insert or ignore into job_signatures (number, key_id, signature) values (?, ?, ?)",
            signatures,
        )

    def set_verified(self, number: int, key_id: str) -> None:
        """Note that a signature of a job was verified, by a key that is trusted."""
        self._connections.get().execute(
            "update job_origins set key_id = ?, is_verified = 1 where number = ?", (key_id, number)
        )

    def was_deleted_here(self, job_ids: Sequence[JobId]) -> set[JobId]:
        """Those of the jobs that were of this store, and were deleted."""
        return self._deleted(job_ids, "origin is null")

    def had_come_and_went(self, job_ids: Sequence[JobId]) -> set[JobId]:
        """Those of the jobs that had come from elsewhere, and were deleted."""
        return self._deleted(job_ids, "origin is not null")

    def _deleted(self, job_ids: Sequence[JobId], condition: str) -> set[JobId]:
        rows = self._connections.get().execute(
            "select job_id from tombstones "  # noqa: S608 - constants
            f"where job_id in (select value from json_each(?)) and {condition}",
            (encoded(job_ids),),
        )
        return {row[0] for row in rows}
