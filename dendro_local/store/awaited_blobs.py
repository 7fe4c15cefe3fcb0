"""Blobs that jobs hold and whose bytes lie on remotes until somebody reads them."""

from collections.abc import Iterable
from typing import NamedTuple

from dendro_local.model import Digest
from dendro_local.store.connection import Connections

__all__ = ["AwaitedBlob", "AwaitedBlobTable"]


class AwaitedBlob(NamedTuple):
    """Where a blob can be fetched from, and its size in bytes."""

    remote: str
    size: int


class AwaitedBlobTable:
    """The blobs of a store that are to come. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def is_awaited(self, digest: Digest) -> bool:
        """Whether a blob can be fetched."""
        row = (
            self._connections.get()
            .execute("select 1 from awaited_blobs where digest = ?", (bytes.fromhex(digest),))
            .fetchone()
        )
        return row is not None

    def sources(self, digest: Digest) -> list[AwaitedBlob]:
        """Where a blob can be fetched from."""
        rows = self._connections.get().execute(
            "select remote, size from awaited_blobs where digest = ? order by remote",
            (bytes.fromhex(digest),),
        )
        return [AwaitedBlob(*row) for row in rows]

    def count(self, remote: str) -> int:
        """How many blobs are to come from a remote."""
        row: tuple[int] = (
            self._connections.get()
            .execute("select count(*) from awaited_blobs where remote = ?", (remote,))
            .fetchone()
        )
        return row[0]

    def add(self, remote: str, blobs: Iterable[tuple[Digest, int]]) -> None:
        """Note that blobs, with their sizes in bytes, can be fetched from a remote."""
        self._connections.get().executemany(
            "insert or ignore into awaited_blobs (digest, remote, size) values (?, ?, ?)",
            [(bytes.fromhex(digest), remote, size) for digest, size in blobs],
        )

    def drop(self, digests: Iterable[Digest]) -> None:
        """Note that blobs have come, or that nobody waits for them any more."""
        self._connections.get().executemany(
            "delete from awaited_blobs where digest = ?",
            [(bytes.fromhex(digest),) for digest in digests],
        )

    def drop_source(self, digest: Digest, remote: str) -> None:
        """Note that a remote has not got a blob after all."""
        self._connections.get().execute(
            "delete from awaited_blobs where digest = ? and remote = ?",
            (bytes.fromhex(digest), remote),
        )
