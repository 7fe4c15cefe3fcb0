"""Push and pull where nothing is new, or one job, between two stores of a million jobs each."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from statistics import median

from dendro_local.local_hub import LocalHub
from dendro_sync import PullOptions, PushOptions, Selection, sync
from dendro_sync.exchange import Exchange
from dendro_sync.ledger import Ledger
from dendro_sync.plan import subject_of_pull, subject_of_push
from dendro_sync.trust.keys import trust_policy
from tests.benchmarks.figure import Figure, duration
from tests.benchmarks.processes import ProcessFailed
from tests.benchmarks.served_jobs import output_path
from tests.benchmarks.stores import Stores
from tests.benchmarks.sync_stores import REMOTE, join
from tests.benchmarks.upload import served

__all__ = ["sync_nothing"]

NOTHING = (5, 0.1)
ONE = (8, 0.2)
"""Requests and seconds."""


def sync_nothing(stores: Stores) -> Iterator[Figure]:
    """One store ran the jobs, the other has them from it."""
    jobs = stores.size(1_000_000, quick=20_000)
    there, here = stores.folder("there"), stores.folder("here")
    for folder in (there, here):
        shutil.copytree(stores.filled(jobs), folder, dirs_exist_ok=True)
    _come_from_there(here)
    with served(there) as url:
        join(here, url, there)
        hub, other = LocalHub(here), LocalHub(there)
        _begin_where_they_are_equal(hub, other)
        if _moved(hub):
            raise ProcessFailed("the two stores are not equal")
        rounds = stores.size(20, quick=5)
        new, numbers = stores.folder("new"), count()

        def complete_one(store: LocalHub) -> None:
            (new / "console").touch()
            name = f"new {next(numbers)}"
            (new / name).write_text(name)
            output_path(store, new / name, new / "console")

        for what, before, expected, limits in (
            ("nothing new", lambda: None, 0, NOTHING),
            ("one new job here", lambda: complete_one(hub), 1, ONE),
            ("one new job there", lambda: complete_one(other), 1, ONE),
        ):
            yield _figure(f"sync with {what}, {jobs:,} jobs", hub, before, expected, limits, rounds)
        hub.close()
        other.close()
    for folder in (there, here):
        shutil.rmtree(folder)


def _figure(
    what: str,
    hub: LocalHub,
    before: Callable[[], None],
    expected: int,
    limits: tuple[int, float],
    rounds: int,
) -> Figure:
    seconds: list[float] = []
    cpu_sec: list[float] = []
    requests = 0
    for _ in range(rounds):
        before()
        cpu_begun, begun = time.process_time(), time.perf_counter()
        report = sync(hub, REMOTE)
        seconds.append(time.perf_counter() - begun)
        cpu_sec.append(time.process_time() - cpu_begun)
        requests = max(requests, report.push.requests + report.pull.requests)
        if report.push.new + report.pull.new != expected:
            raise ProcessFailed(f"{report.push.new} were pushed, {report.pull.new} pulled")
    most_requests, most_sec = limits
    p50 = median(seconds)
    return Figure(
        what=what,
        measured=f"{requests} requests, p50 {duration(p50)}, n {rounds}",
        reference=f"CPU of the process that syncs: {duration(median(cpu_sec))}",
        budget=f"{most_requests}, {duration(most_sec)}",
        is_met=requests <= most_requests and p50 <= most_sec,
    )


def _moved(hub: LocalHub) -> bool:
    report = sync(hub, REMOTE)
    return bool(report.push.new or report.pull.new or report.push.known or report.pull.known)


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


def _begin_where_they_are_equal(here: LocalHub, there: LocalHub) -> None:
    """Note what a pull and a push of everything would have noted."""
    store_id = there.store.get_meta("store_id")
    with Exchange(here, REMOTE) as exchange:
        policy = trust_policy(here, exchange.saved.settings)
        last = f"{store_id}.{there.store.feed.last()}."
        *_, batch = exchange.remote.changes(last, Selection())
    cursors = {
        "pull": (subject_of_pull(PullOptions(), policy), batch.end.cursor),
        "push": (subject_of_push(PushOptions(), store_id), str(here.store.feed.last())),
    }
    for direction, (subject, cursor) in cursors.items():
        ledger = Ledger(here.store, REMOTE, "pull" if direction == "pull" else "push", subject)
        ledger.note(cursor, refused={}, done=())
