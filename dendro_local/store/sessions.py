"""Browsers that are logged in, and the one-time tokens by which they come to be.

As of API keys, the store has the SHA-256 of a token alone.
"""

import time

from dendro_local.store.connection import Connections
from dendro_local.store.users import key_hash

__all__ = ["SessionTable"]

take_one_time = """
delete from login_tokens where token_hash = ? returning user_id, expires_at
"""


class SessionTable:
    """The sessions of users of a store. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, user_id: str, token: str, expires_at: float) -> None:
        """Let whoever shows this token be a user, until a moment in seconds since the epoch.

        What has expired is forgotten.
        """
        now = time.time()
        connection = self._connections.get()
        connection.execute("delete from sessions where expires_at <= ?", (now,))
        connection.execute(
            "insert into sessions (token_hash, user_id, created_at, expires_at) "
            "values (?, ?, ?, ?)",
            (key_hash(token), user_id, now, expires_at),
        )

    def user_of(self, token: str) -> str | None:
        """Whose session this is; None if nobody's, or if it has expired."""
        row: tuple[str] | None = (
            self._connections.get()
            .execute(
                "select user_id from sessions where token_hash = ? and expires_at > ?",
                (key_hash(token), time.time()),
            )
            .fetchone()
        )
        return None if row is None else row[0]

    def remove(self, token: str) -> None:
        """End a session, if there is one."""
        self._connections.get().execute(
            "delete from sessions where token_hash = ?", (key_hash(token),)
        )

    def remove_of_user(self, user_id: str) -> None:
        """End every session of a user."""
        self._connections.get().execute("delete from sessions where user_id = ?", (user_id,))

    # One-time tokens

    def add_login_token(self, user_id: str, token: str, expires_at: float) -> None:
        """Let a token begin one session of a user, until a moment in seconds since the epoch."""
        connection = self._connections.get()
        connection.execute("delete from login_tokens where expires_at <= ?", (time.time(),))
        connection.execute(
            "insert into login_tokens (token_hash, user_id, expires_at) values (?, ?, ?)",
            (key_hash(token), user_id, expires_at),
        )

    def take_login_token(self, token: str) -> str | None:
        """Whose session a token begins, this once; None if nobody's, or if it has expired."""
        row: tuple[str, float] | None = (
            self._connections.get().execute(take_one_time, (key_hash(token),)).fetchone()
        )
        return None if row is None or row[1] <= time.time() else row[0]
