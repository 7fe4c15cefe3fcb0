"""Answers that hold for as long as nobody has written to the database.

A server asks the same of it at each request: whose key this is, and who may do what on a service.
SQLite tells in a few microseconds whether anything was committed since.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from dendro_local.store.connection import Connections, Version

__all__ = ["Unchanged"]

T = TypeVar("T")

MOST_ANSWERS = 1000


class Unchanged:
    """Remembers answers of one kind. Safe for use by many threads: each has its own."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def get(self, about: Hashable, ask: Callable[[], T], version: Version | None = None) -> T:
        """The answer about something, asked for unless it is known to be the same as before.

        Args:
            about: what it is about.
            ask: asks the database.
            version: the state that the database is in, where this thread has looked just now.
        """
        if version is None:
            version = self._connections.version()
            if version is None:
                return ask()
        answers = version.answers.get(self)
        if answers is None:
            answers = version.answers[self] = dict[Hashable, Any]()
        if about in answers:
            answer: T = answers[about]
            return answer
        if len(answers) >= MOST_ANSWERS:
            answers.clear()
        # Asked after the version was: what is committed in between is of a later one.
        answer = answers[about] = ask()
        return answer
