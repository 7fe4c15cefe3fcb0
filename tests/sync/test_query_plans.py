"""No exchange looks at every job of a store: an index answers each of its questions.

What is asked of the stores of both ends is noted while they exchange, and SQLite is asked how it
would answer that in a store of a million jobs.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dendro_sync import Selection, pull, push, sync
from tests.sync.conftest import SERVICE, Stores, counting, greeting, url_of

TIMES = 10_000
"""So many times as many rows as there are is SQLite told that there are."""

GROWS = {"number", "job_id", "digest", "feed_number"}
"""Columns of tables with a row for each job, or for some."""

_question = re.compile(r"\s*(select|insert|update|delete|with)\b", re.IGNORECASE)
_whole = re.compile(r"SCAN (\w+)")


class Asked:
    """What SQLite is asked, with its values, while something is done."""

    def __init__(self) -> None:
        self._statements: list[str] = []

    def note(self, statement: str) -> None:
        """Called by SQLite."""
        self._statements.append(statement)

    def by(self, do: Callable[[], object]) -> set[str]:
        """The questions that are asked while it is done."""
        self._statements.clear()
        do()
        return {each for each in self._statements if _question.match(each)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What is asked on all connections that are opened from now on."""
    asked = Asked()
    connect = sqlite3.connect

    def noted(*args: object, **options: object) -> sqlite3.Connection:
        connection = connect(*args, **options)  # type: ignore[call-overload]
        connection.set_trace_callback(asked.note)
        return connection  # type: ignore[no-any-return]

    monkeypatch.setattr("sqlite3.connect", noted)
    return asked


@pytest.fixture(params=[False, True], ids=["without statistics", "with statistics"])
def plans(request: pytest.FixtureRequest, tmp_path: Path) -> "Plans":
    """How SQLite would answer, with and without its statistics of the rows."""
    return Plans(tmp_path / "copy.db", is_analyzed=bool(request.param))


class Plans:
    """How SQLite would answer in a store with very many jobs."""

    def __init__(self, file: Path, *, is_analyzed: bool) -> None:
        self._file = file
        self._is_analyzed = is_analyzed

    def check(self, stores: Stores, questions: set[str]) -> None:
        """None of the questions has all rows of a large table looked at."""
        assert questions
        with closing(self._copy(stores)) as connection:
            large = _large_tables(connection)
            found = {
                question: table
                for question in questions
                for table in _read_whole(connection, question)
                if table in large
            }
        assert found == {}

    def _copy(self, stores: Stores) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file)
        with closing(sqlite3.connect(stores["a"].store.folder.database)) as source:
            source.backup(connection)
        if self._is_analyzed:
            connection.execute("analyze")
            rows = connection.execute("select rowid, stat from sqlite_stat1").fetchall()
            connection.executemany(
                "update sqlite_stat1 set stat = ? where rowid = ?",
                [(_more(stat), rowid) for rowid, stat in rows],
            )
            connection.commit()
            # Statistics are read when a database is opened.
            connection.close()
            connection = sqlite3.connect(self._file)
        return connection


def _more(stat: str) -> str:
    """The statistics of an index as if there were very many rows: of all, and of equal keys."""
    rows, *same = stat.split()
    more = (str(int(each) * TIMES) if each.isdigit() and each != "1" else each for each in same)
    return " ".join([str(int(rows) * TIMES), *more])


def _large_tables(connection: sqlite3.Connection) -> set[str]:
    tables = connection.execute("select name from sqlite_schema where type = 'table'").fetchall()
    return {
        name
        for (name,) in tables
        if GROWS & {row[1] for row in connection.execute(f"pragma table_info({name})")}
    }


def _read_whole(connection: sqlite3.Connection, question: str) -> Iterator[str]:
    """The tables of which all rows are looked at."""
    for *_, step in connection.execute(f"explain query plan {question}").fetchall():
        found = _whole.match(step)
        if found is not None:
            name = found[1]
            named = re.search(rf"\b(?:from|join|,)\s+(\w+)\s+(?:as\s+)?{name}\b", question)
            yield named[1] if named is not None else name


def test_a_question_about_all_jobs_would_be_found(stores: Stores, plans: Plans) -> None:
    stores.complete("a", greeting("x"))

    for question in ("select * from jobs where error = 'x'", "select j.* from jobs j"):
        with pytest.raises(AssertionError, match="jobs"):
            plans.check(stores, {question})


@pytest.mark.parametrize("kind", ["hub", "bucket"])
def test_no_exchange_looks_at_all_jobs(
    asked: Asked, stores: Stores, plans: Plans, kind: str
) -> None:
    if kind == "hub":
        stores.serve()
    stores.trust("a", "b")
    stores.trust("b", "a")
    first = stores.complete("a", greeting("first", tags=["t"]), b"first")
    for name in ("a", "b", "a", "b"):
        sync(stores[name])

    questions = asked.by(lambda: sync(stores["a"]))
    stores.complete("a", counting(url_of(first)), b"new here")
    questions |= asked.by(lambda: sync(stores["a"]))
    stores.complete("b", greeting("there", tags=["t"]), b"new there")
    sync(stores["b"])
    questions |= asked.by(lambda: sync(stores["a"]))

    plans.check(stores, questions)


def test_what_changed_is_found_by_the_feed_whatever_is_chosen_of_it(
    asked: Asked, stores: Stores, plans: Plans
) -> None:
    store = stores["a"].store
    stores.complete("a", greeting("x", tags=["t"]), b"x")
    questions: set[str] = set()
    for conditions in (
        {},
        {"not_from": "r"},
        {"service": SERVICE},
        {"app": "hello_world", "processor": "hello_world_2"},
        {"tags": ["t", "u"]},
        {"since": 5.0},
    ):
        questions |= asked.by(lambda: store.sharing.shared_jobs.changed(7, conditions, 500))  # noqa: B023

    plans.check(stores, questions)


def test_an_exchange_of_some_looks_at_no_more(asked: Asked, stores: Stores, plans: Plans) -> None:
    stores.serve()
    stores.trust("b", "a")
    job = stores.complete("a", greeting("x", tags=["t"]), b"x")
    chosen = Selection(service=SERVICE, app="hello_world", tags=("t",), since=5.0)
    _ = stores["b"]

    questions = asked.by(lambda: push(stores["a"], selection=chosen))
    questions |= asked.by(lambda: pull(stores["b"], selection=chosen))
    questions |= asked.by(lambda: pull(stores["b"], selection=Selection(job_ids=(job.jobId,))))

    plans.check(stores, questions)
