"""Parses lines of jobs and inserts them: ``python insert_lines.py LINES DATABASE [STORE]``.

With a store, the table and its indexes are those of that store's jobs, and a row has the fields
that stand in the line. Otherwise a row is the line, with what it is found by, without an index.
As a pull does, it commits each thousand to the disk.
"""

import json
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from tests.benchmarks.scripts.sync.measured import measured, told

BATCH = 1000

COLUMNS = (
    "number", "feed_number", "job_id", "service_name", "app_name", "processor_name", "user_id",
    "batch_id", "definition", "definition_hash", "app_version", "num_cpus", "num_gpus",
    "memory_gb", "time_sec", "tags", "files", "status", "is_runnable", "canceled", "error",
    "created_at", "starting_at", "started_at", "finished_at", "updated_at", "compute_client_id",
    "compute_client_name", "compute_client_user_id", "image_uri", "attempts",
)  # fmt: skip


def main() -> None:
    """Do what the command line says, and print what it took."""
    lines, database, *store = sys.argv[1:]
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        if store:
            _make_as_in(connection, Path(store[0]))
        else:
            connection.execute(
                "create table jobs (number integer, job_id text, service text, hash text, "
                "finished_at real, line text)"
            )
        make_row = _row_of_store if store else _row_of_line
        insert = "insert into jobs values (?, ?, ?, ?, ?, ?)"
        if store:
            places = ", ".join("?" * len(COLUMNS))
            insert = f"insert into jobs ({', '.join(COLUMNS)}) values ({places})"
        count = 0
        with measured() as figures, Path(lines).open("rb") as stream:
            for batch in _batches(stream):
                rows = [make_row(count + index, line) for index, line in enumerate(batch, 1)]
                connection.execute("begin immediate")
                connection.executemany(insert, rows)
                connection.execute("commit")
                count += len(rows)
    told(**figures, new=count)


def _batches(stream: Iterator[bytes]) -> Iterator[list[bytes]]:
    jobs = (line for line in stream if line.startswith(b'{"kind":"job"'))
    while batch := list(islice(jobs, BATCH)):
        yield batch


def _make_as_in(connection: sqlite3.Connection, store: Path) -> None:
    with closing(sqlite3.connect(store / "store.db")) as other:
        made = other.execute(
            "select sql from sqlite_schema where tbl_name = 'jobs' and sql is not null "
            "and type in ('table', 'index') order by type desc"
        ).fetchall()
    for (statement,) in made:
        connection.execute(statement)


def _row_of_line(number: int, line: bytes) -> Sequence[Any]:
    record = json.loads(line)["statement"]["predicate"]
    return (
        number,
        record["jobId"],
        record["serviceName"],
        record["jobDefinitionHash"],
        record["timestampFinishedSec"],
        line.decode(),
    )


def _row_of_store(number: int, line: bytes) -> Sequence[Any]:
    entry = json.loads(line)
    record = entry["statement"]["predicate"]
    definition, resources = record["jobDefinition"], record["requiredResources"]
    return (
        number,
        number,
        record["jobId"],
        record["serviceName"],
        definition["appName"],
        definition["processorName"],
        record["userId"],
        record["batchId"],
        json.dumps(definition),
        record["jobDefinitionHash"],
        record["appVersion"],
        resources["numCpus"],
        resources["numGpus"],
        float(resources["memoryGb"]),
        float(resources["timeSec"]),
        json.dumps(entry.get("tags", [])),
        json.dumps(record["files"]),
        record["status"],
        1,
        int(record["canceled"]),
        record["error"],
        record["timestampCreatedSec"],
        record["timestampStartingSec"],
        record["timestampStartedSec"],
        record["timestampFinishedSec"],
        entry["updatedSec"],
        record["computeClientId"],
        record["computeClientName"],
        record["computeClientUserId"],
        record["imageUri"],
        record["attempts"],
    )


if __name__ == "__main__":
    main()
