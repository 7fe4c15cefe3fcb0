"""Filling a store with many jobs in a minute or two, as if they had been run.

Two jobs are really run, and copies of their rows are written (see `tests.benchmarks.job_copies`).
Each copy is first inserted as it was when it was submitted and then changed to what it was when
it had ended, a batch of jobs at a time, so that the pages of tables and indexes are as full as
those of a store that grew job by job. Of the blobs, only those of `names_with_blobs` are written.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from dendro_local import DendroJobDefinition, DendroJobInputFile, DendroJobOutputFile
from dendro_local.store.folder import StoreFolder
from tests.benchmarks.default_store import run_here, using
from tests.benchmarks.job_copies import (
    CHANGED,
    Row,
    as_submitted,
    copies,
    digest_of,
    greeting_of,
    has_input,
    input_url,
    is_completed,
    name_of,
    tags_of,
)
from tests.benchmarks.scripts.submit import greeting

__all__ = ["fill", "names_with_blobs"]

BATCH = 1_000
BATCHES_A_TRANSACTION = 20
SAMPLE = 1_000


def names_with_blobs(count: int) -> list[str]:
    """The names greeted by completed jobs of a store of this size that have their outputs."""
    return [name_of(number) for number in _with_blobs(count)]


def fill(folder: Path, count: int) -> None:
    """Make a store with so many jobs in an empty folder."""
    with using(folder):
        counting = _counting(folder / "input.txt")
        jobs = run_here([greeting("hello_world_2", name_of(0)), counting])
    for number in _with_blobs(count):
        _write_blob(StoreFolder(folder), greeting_of(number))
    with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as connection:
        connection.execute("pragma synchronous = off")
        connection.execute("pragma cache_size = -1000000")
        greeted, counted = (_row(connection, job.jobId) for job in jobs)
        rows = copies(greeted, counted, range(len(jobs) + 1, count + 1))
        while _insert_some(connection, rows):
            pass
        connection.execute(
            "update meta set value = (select max(feed_number) from jobs) where key = 'feed_number'"
        )
        connection.execute("pragma wal_checkpoint(truncate)")


def _with_blobs(count: int) -> list[int]:
    numbers = range(3, count + 1, max(1, count // SAMPLE))
    return [number for number in numbers if is_completed(number) and not has_input(number)]


def _counting(file: Path) -> DendroJobDefinition:
    file.write_text("some text", encoding="utf-8")
    return DendroJobDefinition(
        appName="hello_world",
        processorName="count_characters",
        inputFiles=[DendroJobInputFile(name="input", fileBaseName="input.txt", path=file)],
        outputFiles=[DendroJobOutputFile(name="output", fileBaseName="output.json")],
        parameters=[],
        cacheBust=name_of(0),
    )


def _write_blob(store: StoreFolder, text: str) -> None:
    digest = digest_of(text)
    folder = store.blobs / digest[:2]
    folder.mkdir(exist_ok=True)
    (folder / digest).write_text(text, encoding="utf-8")


def _row(connection: sqlite3.Connection, job_id: str) -> Row:
    cursor = connection.execute("select * from jobs where job_id = ?", (job_id,))
    columns = [column[0] for column in cursor.description]
    return dict(zip(columns, cursor.fetchone(), strict=True))


def _insert_some(connection: sqlite3.Connection, rows: Iterator[Row]) -> bool:
    """Insert the next rows in one transaction; whether there were any."""
    connection.execute("begin")
    last = 0
    for _ in range(BATCHES_A_TRANSACTION):
        batch = list(islice(rows, BATCH))
        if batch:
            _insert_submitted(connection, [as_submitted(row) for row in batch])
            _change_to_ended(connection, [row for row in batch if row["status"] != "pending"])
        last = len(batch)
    connection.execute("commit")
    return last > 0


def _insert_submitted(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    connection.executemany(
        f"insert into jobs ({', '.join(rows[0])}) values ({', '.join('?' * len(rows[0]))})",
        [tuple(row.values()) for row in rows],
    )
    connection.executemany(
        "insert into job_tags (tag, updated_at, number) values (?, ?, ?)",
        [(tag, row["updated_at"], row["number"]) for row in rows for tag in tags_of(row["number"])],
    )
    connection.executemany(
        "insert into job_inputs (url, updated_at, number) values (?, ?, ?)",
        [
            (input_url(row["number"]), row["updated_at"], row["number"])
            for row in rows
            if has_input(row["number"])
        ],
    )


def _change_to_ended(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    connection.executemany(
        f"update jobs set {', '.join(f'{column} = ?' for column in CHANGED)} where number = ?",
        [(*(row[column] for column in CHANGED), row["number"]) for row in rows],
    )
    for table in ("job_tags", "job_inputs"):
        connection.executemany(
            f"update {table} set updated_at = ? where number = ?",
            [(row["updated_at"], row["number"]) for row in rows],
        )
    connection.executemany(
        "insert into job_blobs (digest, number) values (?, ?)",
        [
            (bytes.fromhex(digest_of(greeting_of(row["number"]))), row["number"])
            for row in rows
            if row["status"] == "completed"
        ],
    )
