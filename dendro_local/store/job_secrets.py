"""The secrets of jobs that are not finished, sealed, and the names of those that were.

Of a job that has ended only the names are left: it can be told that it had some, and which.
"""

import msgspec

from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import encoded

__all__ = ["JobSecretTable", "SealedSecrets"]

_names = msgspec.json.Decoder(list[str])


class SealedSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets that a job was given; ``sealed`` is None once they are gone."""

    names: list[str]
    sealed: bytes | None


class JobSecretTable:
    """The secrets of jobs. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def put(self, number: int, names: list[str], sealed: bytes) -> None:
        """Keep the secrets of a new job."""
        self._connections.get().execute(
            "insert into job_secrets (number, names, sealed) values (?, ?, ?)",
            (number, encoded(names), sealed),
        )

    def get(self, number: int) -> SealedSecrets | None:
        """The secrets of a job; None if it was given none."""
        row = (
            self._connections.get()
            .execute("select names, sealed from job_secrets where number = ?", (number,))
            .fetchone()
        )
        return None if row is None else SealedSecrets(names=_names.decode(row[0]), sealed=row[1])

    def drop(self, number: int) -> None:
        """Keep no more than the names of a job's secrets."""
        self._connections.get().execute(
            "update job_secrets set sealed = null where number = ?", (number,)
        )
