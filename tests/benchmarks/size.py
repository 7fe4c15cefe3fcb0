"""How much of ``store.db`` a completed job takes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.benchmarks.default_store import run_here, using
from tests.benchmarks.figure import Figure
from tests.benchmarks.scripts.submit import greeting
from tests.benchmarks.stores import Stores

__all__ = ["size"]

LIMIT_BYTES = 1536


def size(stores: Stores) -> Iterator[Figure]:
    """Bytes per job: of jobs that were run, and in a large store."""
    count = stores.size(200, quick=40)
    folder = stores.folder("store")
    with using(folder):
        empty = _database_bytes(folder)
        run_here([greeting("hello_world_2", f"name {number}") for number in range(count)])
    whole = _database_bytes(folder)
    yield _figure(f"store.db per completed job, of {count} jobs run", (whole - empty) / count)
    many = stores.size(1_000_000, quick=20_000)
    per_job = _database_bytes(stores.filled(many)) / many
    yield _figure(f"store.db per job, of {many:,}", per_job)


def _database_bytes(folder: Path) -> int:
    database = folder / "store.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return database.stat().st_size


def _figure(what: str, found: float) -> Figure:
    return Figure(
        what=what,
        measured=f"{found:,.0f} bytes",
        budget=f"at most {LIMIT_BYTES:,}",
        is_met=found <= LIMIT_BYTES,
    )
