"""Users, and the keys by which programs of theirs are known.

A key is told once, when it is made; the store has its SHA-256 alone. That is enough for a key of
32 random letters, which nobody can guess however fast hashing is.
"""

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from dendro_local.random_ids import random_id
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import encoded
from dendro_local.store.unchanged import Unchanged

__all__ = ["API_KEY_COLUMNS", "ApiKey", "User", "UserTable", "api_key_of", "key_hash"]

LAST_USED_SEC = 60.0
"""How exactly it is known when a key was used last: a write at each use would cost too much."""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user of a hub. ``info`` is what they told of themselves.

    ``created_at`` is in seconds since the epoch; None for one who is there without any step.
    """

    user_id: str
    info: dict[str, str]
    created_at: float | None


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key of a user; not the key itself. Times in seconds since the epoch."""

    key_id: str
    user_id: str
    label: str
    created_at: float
    last_used_at: float | None
    revoked_at: float | None


API_KEY_COLUMNS = ("key_id", "user_id", "label", "created_at", "last_used_at", "revoked_at")
"""The columns of the keys in the order in which `api_key_of` takes them."""

_info = msgspec.json.Decoder(dict[str, str])


class UserTable:
    """The users of a store. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._by_key = Unchanged(connections)

    def get(self, user_id: str) -> User | None:
        """The user of this id."""
        row = (
            self._connections.get()
            .execute("select user_id, info, created_at from users where user_id = ?", (user_id,))
            .fetchone()
        )
        return None if row is None else _user(row)

    def all(self) -> list[User]:
        """Every user, by id."""
        rows = self._connections.get().execute(
            "select user_id, info, created_at from users order by user_id"
        )
        return [_user(row) for row in rows]

    def put(self, user_id: str, info: dict[str, str]) -> None:
        """Add a user, or replace what is known of one."""
        self._connections.get().execute(
            "insert into users (user_id, info, created_at) values (?, ?, ?) "
            "on conflict (user_id) do update set info = excluded.info",
            (user_id, encoded(info), time.time()),
        )

    def remove(self, user_id: str) -> bool:
        """Forget a user with all keys and logins; whether there was one. Jobs stay."""
        cursor = self._connections.get().execute("delete from users where user_id = ?", (user_id,))
        return cursor.rowcount > 0

    # Accounts elsewhere

    def account(self, user_id: str) -> str | None:
        """The id of the account elsewhere that a user logs in by; None if none is known."""
        row: tuple[str] | None = (
            self._connections.get()
            .execute("select account_id from user_accounts where user_id = ?", (user_id,))
            .fetchone()
        )
        return None if row is None else row[0]

    def set_account(self, user_id: str, account_id: str) -> None:
        """Record which account elsewhere a user logs in by, for good."""
        self._connections.get().execute(
            "insert into user_accounts (user_id, account_id) values (?, ?)", (user_id, account_id)
        )

    # Keys

    def add_key(self, user_id: str, key: str, label: str) -> ApiKey:
        """Let a user be known by this key."""
        added = ApiKey(
            key_id=random_id(8),
            user_id=user_id,
            label=label,
            created_at=time.time(),
            last_used_at=None,
            revoked_at=None,
        )
        self._connections.get().execute(
            "insert into api_keys (key_id, key_hash, user_id, label, created_at) "
            "values (?, ?, ?, ?, ?)",
            (added.key_id, key_hash(key), user_id, label, added.created_at),
        )
        return added

    def by_key(self, key: str) -> ApiKey | None:
        """Whose key this is; None if nobody's, or if it was revoked."""
        hash_of_key = key_hash(key)
        return self._by_key.get(hash_of_key, lambda: self._by_hash(hash_of_key))

    def _by_hash(self, hash_of_key: bytes) -> ApiKey | None:
        row = (
            self._connections.get()
            .execute(
                "select key_id, user_id, label, created_at, last_used_at, revoked_at "
                "from api_keys where key_hash = ? and revoked_at is null",
                (hash_of_key,),
            )
            .fetchone()
        )
        return None if row is None else api_key_of(row)

    def keys(self, user_id: str) -> list[ApiKey]:
        """The keys of a user, first made first."""
        rows = self._connections.get().execute(
            "select key_id, user_id, label, created_at, last_used_at, revoked_at "
            "from api_keys where user_id = ? order by created_at, key_id",
            (user_id,),
        )
        return [api_key_of(row) for row in rows]

    def revoke_key(self, user_id: str, key_id: str) -> bool:
        """Take a key of a user out of use; whether there was one in use."""
        cursor = self._connections.get().execute(
            "update api_keys set revoked_at = ? "
            "where user_id = ? and key_id = ? and revoked_at is null",
            (time.time(), user_id, key_id),
        )
        return cursor.rowcount > 0

    def note_use(self, key: ApiKey) -> None:
        """Record that a key was used now, if that needs no waiting. Outside a transaction."""
        self._connections.execute_unless_busy(
            "update api_keys set last_used_at = ? where key_id = ?", (time.time(), key.key_id)
        )


def key_hash(key: str) -> bytes:
    """What the store knows of a key."""
    return hashlib.sha256(key.encode()).digest()


def is_use_worth_noting(key: ApiKey) -> bool:
    """Whether the use of a key is not known to about a minute already."""
    return key.last_used_at is None or time.time() - key.last_used_at > LAST_USED_SEC


def _user(row: tuple[Any, ...]) -> User:
    return User(user_id=row[0], info=_info.decode(row[1]), created_at=row[2])


def api_key_of(row: Sequence[Any]) -> ApiKey:
    """The key of a row with `API_KEY_COLUMNS`."""
    key_id, user_id, label, created_at, last_used_at, revoked_at = row
    return ApiKey(
        key_id=key_id,
        user_id=user_id,
        label=label,
        created_at=created_at,
        last_used_at=last_used_at,
        revoked_at=revoked_at,
    )
