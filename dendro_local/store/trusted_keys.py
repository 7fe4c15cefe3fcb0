"""The public keys whose signatures are believed, by the names that the user gave them."""

import time

import msgspec

from dendro_local.store.connection import Connections

__all__ = ["TrustedKey", "TrustedKeyTable"]


class TrustedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is trusted, since a time in seconds since the Unix epoch."""

    key_id: str
    name: str
    public_key: bytes
    added_at: float


class TrustedKeyTable:
    """The trust list of a store. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def all(self) -> list[TrustedKey]:
        """Every key, by name."""
        rows = self._connections.get().execute(
            "select key_id, name, public_key, added_at from trusted_keys order by name"
        )
        return [
            TrustedKey(key_id=row[0], name=row[1], public_key=row[2], added_at=row[3])
            for row in rows
        ]

    def put(self, key_id: str, name: str, public_key: bytes) -> None:
        """Trust a key; one that is trusted already gets this name."""
        self._connections.get().execute(
            "insert into trusted_keys (key_id, name, public_key, added_at) values (?, ?, ?, ?) "
            "on conflict (key_id) do update set name = excluded.name",
            (key_id, name, public_key, time.time()),
        )

    def remove(self, key_id: str) -> None:
        """Trust a key no more."""
        self._connections.get().execute("delete from trusted_keys where key_id = ?", (key_id,))
