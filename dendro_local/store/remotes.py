"""Remotes by name, and how far the exchange with each has come."""

import time
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from dendro_local.model import JobId
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import encoded

__all__ = ["Direction", "RemoteSettings", "RemoteTable", "SavedRemote"]

Direction = Literal["pull", "push"]


class RemoteSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a remote is used."""

    key_file: str | None = None
    """Where the key for it lies, on this machine."""
    sealed_key: str | None = None
    """Or the key itself, sealed by the store for the URL, in base64."""
    read_only: bool = False
    """Whether nothing is pushed to it."""
    is_cache: bool = False
    """Whether it is asked for jobs that are not here when they are submitted."""
    allow_unsigned: bool = False
    """Whether jobs are taken that nobody signed whose key is trusted."""
    require: int = 1
    """How many producers whose keys are trusted must agree on the outputs of a job."""
    outputs: Literal["none", "lazy", "eager"] = "eager"
    """What is done about the outputs of the jobs that are pulled, unless it is said each time."""


class SavedRemote(msgspec.Struct, frozen=True, kw_only=True):
    """A remote as it was added, at a time in seconds since the Unix epoch."""

    name: str
    url: str
    kind: str
    settings: RemoteSettings
    added_at: float


_settings = msgspec.json.Decoder(RemoteSettings)


class RemoteTable:
    """The remotes of a store. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def any(self) -> bool:
        """Whether there is one."""
        row = self._connections.get().execute("select 1 from remotes limit 1").fetchone()
        return row is not None

    def get(self, name: str) -> SavedRemote | None:
        """The remote of this name."""
        row = (
            self._connections.get()
            .execute(
                "select name, url, kind, settings, added_at from remotes where name = ?", (name,)
            )
            .fetchone()
        )
        return None if row is None else _remote(row)

    def all(self) -> list[SavedRemote]:
        """Every remote, by name."""
        rows = self._connections.get().execute(
            "select name, url, kind, settings, added_at from remotes order by name"
        )
        return [_remote(row) for row in rows]

    def put(self, name: str, url: str, kind: str, settings: RemoteSettings) -> None:
        """Add a remote, or replace the one of this name."""
        self._connections.get().execute(
            "insert into remotes (name, url, kind, settings, added_at) values (?, ?, ?, ?, ?) "
            "on conflict (name) do update set url = excluded.url, kind = excluded.kind, "
            "settings = excluded.settings",
            (name, url, kind, encoded(settings), time.time()),
        )

    def remove(self, name: str) -> bool:
        """Remove a remote; False if there is none of the name. Jobs that came from it stay."""
        found = self._connections.get().execute("delete from remotes where name = ?", (name,))
        return found.rowcount > 0

    def cursor(self, remote: str, subject: str) -> str | None:
        """How far an exchange has come; None if it has not begun."""
        row: tuple[str] | None = (
            self._connections.get()
            .execute(
                "select cursor from remote_cursors where remote = ? and subject = ?",
                (remote, subject),
            )
            .fetchone()
        )
        return None if row is None else row[0]

    def cursors(self, remote: str) -> dict[str, tuple[str, float]]:
        """All that is kept of exchanges with a remote: cursor and time, by subject."""
        rows = self._connections.get().execute(
            "select subject, cursor, updated_at from remote_cursors where remote = ?", (remote,)
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def set_cursor(self, remote: str, subject: str, cursor: str) -> None:
        """Note how far an exchange has come."""
        self._connections.get().execute(
            "insert into remote_cursors (remote, subject, cursor, updated_at) values (?, ?, ?, ?) "
            "on conflict (remote, subject) do update set cursor = excluded.cursor, "
            "updated_at = excluded.updated_at",
            (remote, subject, cursor, time.time()),
        )

    def forget_cursors(self, remote: str, subjects: Iterable[str]) -> None:
        """Begin these exchanges again."""
        self._connections.get().executemany(
            "delete from remote_cursors where remote = ? and subject = ?",
            [(remote, subject) for subject in subjects],
        )

    def refused(self, remote: str, direction: Direction) -> dict[JobId, str]:
        """Jobs that were refused and are to be tried again: their definition hashes, by id."""
        rows = self._connections.get().execute(
            "select job_id, definition_hash from refused_jobs where remote = ? and direction = ?",
            (remote, direction),
        )
        return dict(rows.fetchall())

    def note_refused(
        self, remote: str, direction: Direction, jobs: Iterable[tuple[JobId, str]]
    ) -> None:
        """Have jobs tried again, by id with the definition hash, empty if it is not known."""
        self._connections.get().executemany(
            "insert or replace into refused_jobs (remote, direction, job_id, definition_hash) "
            "values (?, ?, ?, ?)",
            [(remote, direction, *job) for job in jobs],
        )

    def forget_refused(self, remote: str, direction: Direction, jobs: Iterable[JobId]) -> None:
        """Note that jobs need not be tried again."""
        self._connections.get().executemany(
            "delete from refused_jobs where remote = ? and direction = ? and job_id = ?",
            [(remote, direction, job_id) for job_id in jobs],
        )


def _remote(row: tuple[Any, ...]) -> SavedRemote:
    name, url, kind, settings, added_at = row
    return SavedRemote(
        name=name, url=url, kind=kind, settings=_settings.decode(settings), added_at=added_at
    )
