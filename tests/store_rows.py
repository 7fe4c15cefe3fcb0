"""What a test writes into a store by itself, since only an exchange with another would."""

import sqlite3
from contextlib import closing

from dendro_local.local_hub import LocalHub
from dendro_local.model import JobId

__all__ = ["came_from"]


def came_from(
    hub: LocalHub, job_id: JobId, origin: str, key_id: str | None, *, is_verified: bool
) -> None:
    """Note that a job came from elsewhere, at second 1000 of the Unix epoch."""
    with closing(sqlite3.connect(hub.store.folder.database)) as connection, connection:
        connection.execute(
            "insert or replace into job_origins "
            "select number, ?, 1000.0, ?, ? from jobs where job_id = ?",
            (origin, key_id, is_verified, job_id),
        )
