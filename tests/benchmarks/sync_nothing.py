"""Push and pull where nothing is new, or one job: with a hub, and with buckets.

With a hub there are a million jobs in each of two stores. A bucket of so many is some 20 GB of
small files, so there are fewer in those (see `sync_nothing_buckets`).
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dendro_local.local_hub import LocalHub
from tests.benchmarks.figure import Figure
from tests.benchmarks.stores import Stores
from tests.benchmarks.sync_nothing_buckets import with_buckets
from tests.benchmarks.sync_rounds import (
    NOTHING,
    ONE,
    NewJobs,
    begin_equal,
    check_equal,
    rounds_of,
)
from tests.benchmarks.sync_stores import REMOTE, join
from tests.benchmarks.upload import served

__all__ = ["sync_nothing"]


def sync_nothing(stores: Stores) -> Iterator[Figure]:
    """With a hub, a folder, an S3 server and a static HTTP server."""
    yield from _with_hub(stores)
    yield from with_buckets(stores)


def _with_hub(stores: Stores) -> Iterator[Figure]:
    """One store ran the jobs, the other has them from it."""
    jobs = stores.size(1_000_000, quick=20_000)
    there, here = stores.folder("there"), stores.folder("here")
    for folder in (there, here):
        shutil.copytree(stores.filled(jobs), folder, dirs_exist_ok=True)
    _come_from_there(here)
    with served(there) as url:
        join(here, url, there)
        hub, other = LocalHub(here), LocalHub(there)
        begin_equal(hub, REMOTE, f"{other.store.get_meta('store_id')}.{other.store.feed.last()}.")
        check_equal(hub, REMOTE)
        rounds = stores.size(20, quick=5)
        new = NewJobs(stores.folder("new"))
        for what, before, expected, limits in (
            ("nothing new", lambda: None, 0, NOTHING),
            ("one new job here", lambda: new.complete_one(hub), 1, ONE),
            ("one new job there", lambda: new.complete_one(other), 1, ONE),
        ):
            name = f"sync with {what}, {jobs:,} jobs"
            yield rounds_of(name, hub, REMOTE, before, expected, limits, rounds)
        hub.close()
        other.close()
    for folder in (there, here):
        shutil.rmtree(folder)


def _come_from_there(folder: Path) -> None:
    """Make a copy of a store another one, whose jobs came from the first."""
    (folder / "key").unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as connection:
        connection.execute("pragma synchronous = off")
        connection.execute("pragma foreign_keys = on")
        connection.execute("begin")
        connection.execute("delete from jobs where status = 'pending'")  # they do not travel
        connection.execute("update meta set value = 'another' || value where key = 'store_id'")
        connection.execute(
            "insert into job_origins (number, origin, arrived_at, key_id, is_verified) "
            "select number, ?, updated_at, 'theirs', 1 from jobs",
            (REMOTE,),
        )
        connection.execute(
            "insert into job_signatures (number, key_id, signature) "
            "select number, 'theirs', randomblob(64) from jobs"
        )
        connection.execute("commit")
        connection.execute("pragma wal_checkpoint(truncate)")
