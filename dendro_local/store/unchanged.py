"""Answers that hold for as long as nobody has written to the database.

A server asks the same of it at each request: whose key this is, and who may do what on a service.
SQLite tells in a microsecond or two whether anything was committed since (``data_version``).
"""

import sqlite3
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from dendro_local.store.connection import Connections

__all__ = ["Unchanged"]

T = TypeVar("T")

MOST_ANSWERS = 1000


class Unchanged:
    """Remembers answers of one kind. Safe for use by many threads: each has its own."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._local = threading.local()

    def get(self, about: Hashable, ask: Callable[[], T]) -> T:
        """The answer about something, asked for unless it is known to be the same as before."""
        connection = self._connections.get()
        if connection.in_transaction:
            return ask()  # it may see what is not committed yet
        version: int = connection.execute("pragma data_version").fetchone()[0]
        answers = self._answers(connection, version)
        if about in answers:
            answer: T = answers[about]
            return answer
        if len(answers) >= MOST_ANSWERS:
            answers.clear()
        # Asked after the version was: what is committed in between is of a later one.
        answer = answers[about] = ask()
        return answer

    def _answers(self, connection: sqlite3.Connection, version: int) -> dict[Hashable, Any]:
        """What this thread knows of this version of the database."""
        local = self._local
        if getattr(local, "connection", None) is not connection or local.version != version:
            local.connection, local.version = connection, version
            local.answers = dict[Hashable, Any]()
        answers: dict[Hashable, Any] = local.answers
        return answers
