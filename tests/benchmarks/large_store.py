"""Filling a store with many jobs in a minute or two, as if they had been run.

Two jobs are really run. Their rows are then copied with all that would differ: name, hash, ids,
times, digests and place in the feed. Each copy is first inserted as it was when it was submitted
and then changed to what it was when it had ended, a batch of jobs at a time, so that the pages of
tables and indexes are as full as those of a store that grew job by job.

Of the jobs, 1 in 50 failed, 1 in 1,000 is pending, and 1 in 100 has an input; inputs are of ten
URLs. The blobs are not written, except those of `names_with_blobs`.
"""

import hashlib
import json
import random
import sqlite3
import string
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from dendro_local import DendroJobDefinition, DendroJobInputFile, DendroJobOutputFile
from dendro_local.store.folder import StoreFolder
from tests.benchmarks.default_store import run_here, using
from tests.benchmarks.scripts.submit import TAGS, greeting

__all__ = ["fill", "input_url", "names_with_blobs", "rare_tag"]

BATCH = 1_000
BATCHES_A_TRANSACTION = 20
SAMPLE = 1_000

_ALPHABET = string.ascii_letters + string.digits
_MADE_EVERY_SEC = 10.0
_NOT_YET = (
    "files", "error", "starting_at", "started_at", "finished_at", "compute_client_id",
    "compute_client_name", "compute_client_user_id", "lease_until",
)  # fmt: skip
_CHANGED = (*_NOT_YET, "status", "updated_at", "attempts", "feed_number")
_Row = dict[str, Any]


def names_with_blobs(count: int) -> list[str]:
    """The names greeted by completed jobs of a store of this size that have their outputs."""
    numbers = range(3, count, max(1, count // SAMPLE))
    return [
        _name(number)
        for number in numbers
        if _status(number) == "completed" and not _has_input(number)
    ]


def input_url(number: int) -> str:
    """The input of the job with this number, if it has one."""
    return f"dendro:sha256/{_sha256(f'input {number // 100 % 10}')}"


def rare_tag(number: int) -> str:
    """The tag that the job with this number shares with a thousand others, not with all."""
    return f"batch-{number // 1000}"


def fill(folder: Path, count: int) -> None:
    """Make a store with so many jobs in an empty folder."""
    with using(folder):
        counting = _counting(folder / "input.txt")
        jobs = run_here([greeting("hello_world_2", _name(0)), counting])
        for name in names_with_blobs(count):
            _write_blob(StoreFolder(folder), _greeting_of(name))
    with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as connection:
        connection.execute("pragma synchronous = off")
        connection.execute("pragma cache_size = -1000000")
        greeted, counted = (_template(connection, job.jobId) for job in jobs)
        copies = _copies(greeted, counted, range(3, count + 1))
        while _insert(connection, copies):
            pass
        connection.execute(
            "update meta set value = (select max(feed_number) from jobs) where key = 'feed_number'"
        )
        connection.execute("pragma wal_checkpoint(truncate)")


def _counting(file: Path) -> DendroJobDefinition:
    file.write_text("some text", encoding="utf-8")
    return DendroJobDefinition(
        appName="hello_world",
        processorName="count_characters",
        inputFiles=[DendroJobInputFile(name="input", fileBaseName="input.txt", path=file)],
        outputFiles=[DendroJobOutputFile(name="output", fileBaseName="output.json")],
        parameters=[],
        cacheBust=_name(0),
    )


def _template(connection: sqlite3.Connection, job_id: str) -> _Row:
    cursor = connection.execute("select * from jobs where job_id = ?", (job_id,))
    columns = [column[0] for column in cursor.description]
    return dict(zip(columns, cursor.fetchone(), strict=True))


def _copies(greeted: _Row, counted: _Row, numbers: range) -> Iterator[_Row]:
    chosen = random.Random(len(numbers))
    now = time.time()
    for number in numbers:
        row = _copy(counted if _has_input(number) else greeted, number, chosen)
        created = now - (numbers.stop - number) * _MADE_EVERY_SEC
        ended = created + chosen.uniform(1, 60)
        row |= {"created_at": created, "updated_at": ended, "finished_at": ended}
        row |= {"starting_at": ended - 0.2, "started_at": ended - 0.1, "lease_until": ended + 120}
        if row["status"] == "failed":
            row |= {"files": None, "error": "ValueError: there are no spikes in this recording"}
        yield row


def _copy(template: _Row, number: int, chosen: random.Random) -> _Row:
    definition: str = template["definition"].replace(_name(0), _name(number))
    for file in json.loads(definition)["inputFiles"]:
        definition = definition.replace(file["url"], input_url(number))
    was = json.loads(template["files"])["outputs"]["output"][0]
    return template | {
        "number": number,
        "job_id": "".join(chosen.choices(_ALPHABET, k=20)),
        "definition": definition,
        "definition_hash": hashlib.sha1(definition.encode(), usedforsecurity=False).hexdigest(),
        "tags": json.dumps(_tags(number), separators=(",", ":")),
        "files": template["files"].replace(was, _sha256(_greeting_of(_name(number)))),
        "status": _status(number),
        "feed_number": 100 + 4 * number,
    }


def _insert(connection: sqlite3.Connection, copies: Iterator[_Row]) -> bool:
    """Insert the next jobs in one transaction; whether there were any."""
    connection.execute("begin")
    some = False
    for _ in range(BATCHES_A_TRANSACTION):
        batch = list(islice(copies, BATCH))
        if not batch:
            break
        some = True
        _insert_submitted(connection, [_as_submitted(row) for row in batch])
        _change_to_ended(connection, [row for row in batch if row["status"] != "pending"])
    connection.execute("commit")
    return some


def _as_submitted(row: _Row) -> _Row:
    submitted = row | dict.fromkeys(_NOT_YET)
    submitted |= {"status": "pending", "updated_at": row["created_at"], "attempts": 0}
    submitted["feed_number"] = row["feed_number"] - 3
    return submitted


def _insert_submitted(connection: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    connection.executemany(
        f"insert into jobs ({', '.join(rows[0])}) values ({', '.join('?' * len(rows[0]))})",
        [tuple(row.values()) for row in rows],
    )
    numbers = [row["number"] for row in rows]
    connection.executemany(
        "insert into job_tags (tag, number) values (?, ?)",
        [(tag, number) for number in numbers for tag in _tags(number)],
    )
    connection.executemany(
        "insert into job_inputs (url, number) values (?, ?)",
        [(input_url(number), number) for number in numbers if _has_input(number)],
    )


def _change_to_ended(connection: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    connection.executemany(
        f"update jobs set {', '.join(f'{column} = ?' for column in _CHANGED)} where number = ?",
        [(*(row[column] for column in _CHANGED), row["number"]) for row in rows],
    )
    completed = [row["number"] for row in rows if row["status"] == "completed"]
    connection.executemany(
        "insert into job_blobs (digest, number) values (?, ?)",
        [(bytes.fromhex(_sha256(_greeting_of(_name(number)))), number) for number in completed],
    )


def _write_blob(store: StoreFolder, text: str) -> None:
    digest = _sha256(text)
    folder = store.blobs / digest[:2]
    folder.mkdir(exist_ok=True)
    (folder / digest).write_text(text, encoding="utf-8")


def _status(number: int) -> str:
    if number % 1000 == 7:
        return "pending"
    return "failed" if number % 50 == 13 else "completed"


def _has_input(number: int) -> bool:
    return number % 100 == 50


def _tags(number: int) -> list[str]:
    return [*TAGS, rare_tag(number)]


def _name(number: int) -> str:
    return f"name-{number:07d}"


def _greeting_of(name: str) -> str:
    return f"Hello, {name}!"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
