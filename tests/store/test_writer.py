"""Transactions of one process: in turn, together where they may, and each for itself in failure."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from dendro_local.store.writer import Writer

LIMIT_SEC = 60


class Bench:
    """A writer whose first transaction stays open until others are in line behind it."""

    def __init__(self, file: Path) -> None:
        self.connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute("pragma foreign_keys = on")
        self.connection.execute("create table names (name text primary key)")
        self.connection.execute(
            "create table links (name text references names deferrable initially deferred)"
        )
        self.writer = Writer(self.connection)
        self.reader = sqlite3.connect(file, check_same_thread=False)
        self.commits = 0
        self._threads = ThreadPoolExecutor()
        self._is_first_open = threading.Event()
        self._may_first_end = threading.Event()

    def committed(self) -> set[str]:
        return {row[0] for row in self.reader.execute("select name from names")}

    def write(self, name: str, *, may_share: bool = True) -> None:
        with self.writer.transaction(may_share=may_share, after=self._count) as connection:
            connection.execute("insert into names values (?)", (name,))

    def run_behind_one_another(self, *blocks: Callable[[], None]) -> list[Future[None]]:
        """Write ``first``, and run the blocks in turn as soon as that lets them."""
        futures = [self._threads.submit(self._first)]
        assert self._is_first_open.wait(LIMIT_SEC)
        for count, block in enumerate(blocks, start=1):
            futures.append(self._threads.submit(block))
            waiting = threading.Event()
            while self.writer.in_line < count:
                waiting.wait(0.001)
        self._may_first_end.set()
        return futures

    def close(self) -> None:
        self._may_first_end.set()
        self._threads.shutdown()
        self.connection.close()
        self.reader.close()

    def _first(self) -> None:
        with self.writer.transaction(may_share=True, after=self._count) as connection:
            connection.execute("insert into names values ('first')")
            self._is_first_open.set()
            assert self._may_first_end.wait(LIMIT_SEC)

    def _count(self) -> None:
        self.commits += 1


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "file.db")
    yield bench
    bench.close()


def test_a_transaction_alone_is_committed_when_it_returns(bench: Bench) -> None:
    bench.write("one")
    assert bench.committed() == {"one"}
    bench.write("two")
    assert bench.committed() == {"one", "two"}
    assert bench.commits == 2


def test_those_that_wait_for_their_turn_are_committed_together(bench: Bench) -> None:
    futures = bench.run_behind_one_another(lambda: bench.write("second"), lambda: bench.write("3"))

    for future in futures:
        future.result(LIMIT_SEC)
    assert bench.committed() == {"first", "second", "3"}
    assert bench.commits == 1


def test_nothing_returns_before_its_commit(bench: Bench) -> None:
    seen: list[set[str]] = []

    def write_and_look() -> None:
        with bench.writer.transaction(may_share=True, after=None) as connection:
            seen.append(bench.committed())
            connection.execute("insert into names values ('second')")

    futures = bench.run_behind_one_another(write_and_look)

    for future in futures:
        future.result(LIMIT_SEC)
    assert seen == [set()]  # the first had left its own open, and waited
    assert bench.committed() == {"first", "second"}


def test_one_that_may_not_share_sees_only_what_is_committed(bench: Bench) -> None:
    seen: list[set[str]] = []
    committed: list[set[str]] = []

    def write_alone() -> None:
        with bench.writer.transaction(may_share=False, after=None) as connection:
            seen.append({row[0] for row in connection.execute("select name from names")})
            committed.append(bench.committed())
            connection.execute("insert into names values ('alone')")

    futures = bench.run_behind_one_another(write_alone, lambda: bench.write("last"))

    for future in futures:
        future.result(LIMIT_SEC)
    assert seen == committed
    assert "first" in seen[0]  # which of the two was next in line is not said
    assert bench.committed() == {"first", "alone", "last"}


def test_one_that_raises_takes_back_its_own_changes_alone(bench: Bench) -> None:
    def write_and_raise() -> None:
        with bench.writer.transaction(may_share=True, after=None) as connection:
            connection.execute("insert into names values ('wrong')")
            raise RuntimeError("boom")

    first, wrong, last = bench.run_behind_one_another(write_and_raise, lambda: bench.write("last"))

    first.result(LIMIT_SEC)
    last.result(LIMIT_SEC)
    with pytest.raises(RuntimeError, match="boom"):
        wrong.result(LIMIT_SEC)
    assert bench.committed() == {"first", "last"}


def test_a_commit_that_fails_fails_all_that_share_it(bench: Bench) -> None:
    def link_to_nothing() -> None:
        with bench.writer.transaction(may_share=True, after=None) as connection:
            connection.execute("insert into links values ('nobody')")

    futures = bench.run_behind_one_another(link_to_nothing)

    for future in futures:
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY") as caught:
            future.result(LIMIT_SEC)
        assert caught.value.sqlite_errorname == "SQLITE_CONSTRAINT_FOREIGNKEY"
    assert bench.committed() == set()
    bench.write("later")
    assert bench.committed() == {"later"}


def test_all_fail_if_what_they_share_is_rolled_back_under_them(bench: Bench) -> None:
    def lose_all() -> None:
        with bench.writer.transaction(may_share=True, after=None) as connection:
            connection.execute("rollback")  # as SQLite does by itself when the disk is full
            raise RuntimeError("boom")

    first, losing = bench.run_behind_one_another(lose_all)

    with pytest.raises(sqlite3.OperationalError, match="rolled back"):
        first.result(LIMIT_SEC)
    with pytest.raises(RuntimeError, match="boom"):
        losing.result(LIMIT_SEC)
    assert bench.committed() == set()


def waits_for_disk(connection: sqlite3.Connection) -> bool:
    level: tuple[int] = connection.execute("pragma synchronous").fetchone()
    return level[0] == 2


@pytest.mark.parametrize("is_durable", [False, True])
def test_only_what_has_to_survive_a_power_cut_waits_for_the_disk(
    bench: Bench, is_durable: bool
) -> None:
    for each in (not is_durable, is_durable):
        with bench.writer.transaction(may_share=True, is_durable=each, after=None) as connection:
            assert waits_for_disk(connection) is each
            connection.execute("insert into names values (?)", (str(each),))
        assert str(each) in bench.committed()


def test_what_has_to_last_shares_no_commit_that_does_not_wait_for_the_disk(bench: Bench) -> None:
    waited: list[bool] = []

    def write_for_now() -> None:
        with bench.writer.transaction(may_share=False, is_durable=False, after=None) as connection:
            connection.execute("insert into names values ('for now')")

    def write_to_last() -> None:
        with bench.writer.transaction(may_share=True, after=None) as connection:
            waited.append(waits_for_disk(connection))

    futures = bench.run_behind_one_another(write_for_now, write_to_last)

    for future in futures:
        future.result(LIMIT_SEC)
    assert waited == [True]
    assert bench.committed() == {"first", "for now"}


def test_a_shared_commit_is_told_of_once_in_each_way(bench: Bench) -> None:
    told: list[str] = []

    def tell() -> None:
        told.append("in another way")

    def write_and_tell() -> None:
        with bench.writer.transaction(may_share=True, after=tell):
            pass

    futures = bench.run_behind_one_another(write_and_tell, lambda: bench.write("last"))

    for future in futures:
        future.result(LIMIT_SEC)
    assert bench.commits == 1
    assert told == ["in another way"]
