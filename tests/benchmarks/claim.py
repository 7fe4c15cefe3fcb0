"""Questions to a store of a million jobs: the next job to run, and lists of jobs."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from dendro_local.compute import machine_capacity, machine_slots
from dendro_local.hub import Hub, JobQuery, RunToken
from tests.benchmarks.default_store import using
from tests.benchmarks.figure import Figure, at_most_sec, at_most_times
from tests.benchmarks.job_copies import input_url, rare_tag
from tests.benchmarks.measuring import alternate, timed
from tests.benchmarks.processes import ProcessFailed
from tests.benchmarks.scripts.submit import SERVICE, TAGS
from tests.benchmarks.stores import Stores

__all__ = ["claim"]

LIMIT_SEC = 0.010
CLAIM_LIMIT_SEC = 0.002
MIDDLE = 50

CLAIM = """
update jobs set claim_token = 'reference', attempts = attempts + 1
where number = ? and status = 'pending'
returning *
"""


def claim(stores: Stores) -> Iterator[Figure]:
    """Claims beside an UPDATE of the row by `sqlite3`, then lists of 100 jobs."""
    count = stores.size(1_000_000, quick=20_000)
    folder = stores.filled(count)
    with using(folder) as hub:
        run = hub.begin_run(machine_slots(machine_capacity()), serves_all=True)
        with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as connection:
            connection.execute("pragma synchronous = full")
            pending = connection.execute("select number from jobs where status = 'pending'")
            number = pending.fetchall()[0]
            claims, updates = alternate(
                _claim(hub, run),
                timed(lambda: connection.execute(CLAIM, number).fetchall()),
                rounds=stores.size(100, quick=20),
            )
        hub.end_run(run)
        what = f"claim among {count:,} jobs, 1 in 100 pending"
        yield at_most_times(what, claims, "UPDATE of a known row, commit", updates, None)
        yield at_most_sec("  the same", claims, CLAIM_LIMIT_SEC)
        for of_what, query in _queries(count).items():
            (found,) = alternate(_listing(hub, query), rounds=20)
            yield at_most_sec(f"100 among {count:,} jobs, {of_what}", found, LIMIT_SEC)


def _claim(hub: Hub, run: RunToken) -> Callable[[], float]:
    """Claim a job, timed, and give it back, not timed."""
    capacity = machine_capacity()
    slots = machine_slots(capacity)

    def call() -> float:
        begun = time.perf_counter()
        claimed = hub.claim_next(run, slots, capacity)
        seconds = time.perf_counter() - begun
        if claimed is None:
            raise ProcessFailed("no job could be claimed")
        hub.release(claimed)
        return seconds

    return call


def _queries(count: int) -> dict[str, JobQuery]:
    middle = count // 2 + MIDDLE
    return {
        "newest": JobQuery(),
        "by a tag of 1,000": JobQuery(tags=(rare_tag(middle),)),
        "by the tag of all": JobQuery(tags=(TAGS[0],)),
        "by service and status, most": JobQuery(service=SERVICE, status="completed"),
        "by service and status, few": JobQuery(service=SERVICE, status="failed"),
        "by status alone": JobQuery(status="completed"),
        "by service alone": JobQuery(service=SERVICE),
        "by a user without jobs": JobQuery(user="local|nobody"),
        "by app alone": JobQuery(app="hello_world"),
        "by processor": JobQuery(app="hello_world", processor="count_characters"),
        "by input URL": JobQuery(input_url=input_url(middle)),
    }


def _listing(hub: Hub, query: JobQuery) -> Callable[[], float]:
    if query.user is None and not hub.find_jobs(query):
        raise ProcessFailed(f"no job was found by {query}")
    return timed(lambda: hub.find_jobs(query))
