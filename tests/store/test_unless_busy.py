"""A change that nobody misses is made only if it needs no waiting."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dendro_local.store.connection import Connections

CHANGE = "insert into meta (key, value) values (?, 'b')"


@pytest.fixture
def connections(tmp_path: Path) -> Iterator[Connections]:
    connections = Connections(tmp_path / "store.db")
    yield connections
    connections.close()


def is_there(connections: Connections, key: str) -> bool:
    query = "select 1 from meta where key = ?"
    return connections.get().execute(query, (key,)).fetchone() is not None


def test_it_is_made_where_nobody_else_writes(connections: Connections) -> None:
    connections.execute_unless_busy(CHANGE, ("a",))

    assert is_there(connections, "a")


def test_it_is_not_made_while_another_writes(connections: Connections, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        connections.execute_unless_busy(CHANGE, ("a",))
        other.execute("rollback")

    assert not is_there(connections, "a")


def test_other_changes_wait_for_their_turn_as_before(connections: Connections) -> None:
    before = connections.get().execute("pragma busy_timeout").fetchone()

    connections.execute_unless_busy(CHANGE, ("a",))

    assert before == connections.get().execute("pragma busy_timeout").fetchone() == (60_000,)
