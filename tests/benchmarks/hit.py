"""Cache hits in a running process: from `submit_job` to its handle."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from shutil import copytree

import joblib

from tests.benchmarks.default_store import run_here, using
from tests.benchmarks.figure import Figure, at_most_times
from tests.benchmarks.large_store import names_with_blobs
from tests.benchmarks.measuring import alternate, timed
from tests.benchmarks.processes import ROOT, ProcessFailed
from tests.benchmarks.scripts.submit import SERVICE, greeting, submit
from tests.benchmarks.stores import Stores

__all__ = ["hit", "hit_folder_app"]

PROCESSOR = "hello_world_2"
CALLS = 50
FOLDER_SERVICE = "folder_service"


def hit(stores: Stores) -> Iterator[Figure]:
    """Hits among 1,000 jobs and among 1,000,000: of one job, and of many in turn."""
    for count in (1_000, stores.size(1_000_000, quick=20_000)):
        folder = stores.filled(count)
        with using(folder):
            run_here([greeting(PROCESSOR, "world")])
        yield from _hits(stores, folder, f"cache hit among {count:,} jobs", ["world"])
        what = f"cache hit among {count:,} jobs, many in turn"
        yield from _hits(stores, folder, what, names_with_blobs(count))


def hit_folder_app(stores: Stores) -> Iterator[Figure]:
    """Hits of an app whose folder is looked at each time, since it declares no version."""
    app = stores.folder("app") / "hello_world"
    copytree(ROOT / "apps" / "hello_world", app)
    declared = ', version="1.0.0"'
    source = (app / "main.py").read_text(encoding="utf-8")
    if declared not in source:
        raise ProcessFailed(f"the app of the examples has no {declared!r} to take away")
    (app / "main.py").write_text(source.replace(declared, ""), encoding="utf-8")
    folder = stores.folder("store")
    with using(folder) as hub:
        hub.add_app(str(app), FOLDER_SERVICE)
        run_here([greeting(PROCESSOR, "world")], FOLDER_SERVICE)
    yield from _hits(
        stores, folder, "cache hit, app from a folder, no version", ["world"], FOLDER_SERVICE
    )


def _hits(
    stores: Stores, folder: Path, what: str, names: Sequence[str], service: str = SERVICE
) -> Iterator[Figure]:
    rounds = stores.size(40, quick=10)
    with using(folder):
        hits, hits_of_joblib, selects = alternate(
            _each(lambda name: submit(PROCESSOR, name, service), names),
            _each(_joblib_hit(stores.folder("joblib"), names), names),
            _each(_select(folder, names, service), names),
            rounds=rounds,
            per_round=CALLS,
        )
    yield at_most_times(what, hits, "joblib.Memory hit", hits_of_joblib, 1, with_p99=True)
    yield at_most_times(what, hits, "indexed SELECT of the row", selects, 6, with_p99=True)


def _each(call: Callable[[str], object], names: Sequence[str]) -> Callable[[], float]:
    """A timed call of the next name, round and round."""
    following = cycle(names)
    return timed(lambda: call(next(following)))


def _text(name: str) -> str:
    return f"Hello, {name}!"


def _joblib_hit(folder: Path, names: Sequence[str]) -> Callable[[str], object]:
    remembered: Callable[[str], str] = joblib.Memory(folder, verbose=0).cache(_text)
    for name in names:
        remembered(name)
    return remembered


def _select(folder: Path, names: Sequence[str], service: str) -> Callable[[str], object]:
    connection = sqlite3.connect(folder / "store.db", isolation_level=None)
    ids: dict[str, str] = {}
    for name in names:
        job = submit(PROCESSOR, name, service)
        if job.status != "completed":
            raise ProcessFailed(f"the job for {name!r} was to be a hit, but is {job.status}")
        ids[name] = job.jobId
    return lambda name: connection.execute(
        "select * from jobs where job_id = ?", (ids[name],)
    ).fetchone()
