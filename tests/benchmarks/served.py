"""A hub over HTTP: cache hits, new jobs and lists, beside a route that has its answer."""

import contextlib
import json
import sqlite3
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import partial
from itertools import count, cycle
from pathlib import Path
from statistics import median

import psutil

from dendro_local.local_hub import LocalHub
from tests.benchmarks.default_store import run_here, using
from tests.benchmarks.figure import Figure, at_most_sec, at_most_times, duration
from tests.benchmarks.job_copies import input_url, rare_tag
from tests.benchmarks.large_store import names_with_blobs
from tests.benchmarks.measuring import alternate, timed
from tests.benchmarks.processes import ROOT, ProcessFailed, python
from tests.benchmarks.scripts.keep_alive import Asking, post
from tests.benchmarks.scripts.submit import SERVICE, TAGS, greeting
from tests.benchmarks.stores import Stores

__all__ = ["served_hit", "served_lists", "served_start"]

CLIENTS = 16
CALLS = 50
HIT_LIMIT = 1.6
NEW_LIMIT = 3.0
RATE_LIMIT = 0.6
LIST_LIMIT_SEC = 0.010
START_LIMIT_SEC = 1.5
MEMORY_LIMIT_MB = 120
PROCESSOR = "hello_world_2"


def served_hit(stores: Stores) -> Iterator[Figure]:
    """createJob that hits, with one client and with many, and createJob of what is new."""
    for jobs in (1_000, stores.size(1_000_000, quick=20_000)):
        folder = stores.filled(jobs)
        with using(folder):
            run_here([greeting(PROCESSOR, "world")])
        key = _key(folder)
        with _serving(folder) as (url, _):
            yield from _one_client(stores, folder, url, key, jobs)
            yield from _many_clients(stores, url, key, jobs)


def served_lists(stores: Stores) -> Iterator[Figure]:
    """findJobs of 100 jobs among a million."""
    jobs = stores.size(1_000_000, quick=20_000)
    folder = stores.filled(jobs)
    middle = jobs // 2 + 50
    queries: Mapping[str, Mapping[str, object]] = {
        "by a tag of 1,000": {"tags": [rare_tag(middle)]},
        "by the tag of all": {"tags": [TAGS[0]]},
        "by service and status": {"serviceName": SERVICE, "status": "completed"},
        "by input URL": {"inputFileUrl": input_url(middle)},
    }
    with _serving(folder) as (url, _):
        asking = Asking(url, 1)
        for of_what, query in queries.items():
            body = json.dumps({"type": "findJobsRequest", "limit": 100, **query}).encode()
            request = post("/api/findJobs", body)
            (found,) = alternate(partial(asking.once, request), rounds=20)
            what = f"findJobs over HTTP, 100 among {jobs:,}, {of_what}"
            yield at_most_sec(what, found, LIST_LIMIT_SEC)
        asking.close()


def served_start(stores: Stores) -> Iterator[Figure]:
    """`dendro-local up`: from its start to its first answer, and its memory when it idles."""
    folder = stores.folder("up")
    starts: list[float] = []
    memory = 0.0
    for _ in range(stores.size(5, quick=2)):
        begun = time.perf_counter()
        with _up(folder) as (url, process):
            Asking(url, 1).once(post("/api/findJobs", b'{"type":"findJobsRequest","batchId":"x"}'))
            starts.append(time.perf_counter() - begun)
            time.sleep(1.0)
            memory = process.memory_info().rss / 1e6
    yield Figure(
        what="start of `dendro-local up` to the first answer",
        measured=f"p50 {duration(median(starts))}, n {len(starts)}",
        budget=f"at most {duration(START_LIMIT_SEC)}",
        is_met=median(starts) <= START_LIMIT_SEC,
    )
    yield Figure(
        what="  its memory, idle",
        measured=f"{memory:.0f} MB resident",
        budget=f"at most {MEMORY_LIMIT_MB} MB",
        is_met=memory <= MEMORY_LIMIT_MB,
    )


def _one_client(stores: Stores, folder: Path, url: str, key: str, jobs: int) -> Iterator[Figure]:
    asking = Asking(url, 1)
    committing = sqlite3.connect(folder / "store.db", isolation_level=None)
    committing.execute("pragma synchronous = full")
    names = cycle(_names(jobs))
    fresh = count()
    new = f"new at {time.time()}"
    hits, news, commits, references = alternate(
        lambda: asking.once(_create(next(names), key)),
        lambda: asking.once(_create(f"{new} {next(fresh)}", key)),
        timed(lambda: _commit(committing)),
        lambda: asking.once(_create(next(names), key, "reference")),
        rounds=stores.size(20, quick=6),
        per_round=CALLS,
    )
    others = cycle(_other_names(jobs))
    first_hits, more_references = alternate(
        lambda: asking.once(_create(next(others), key)),
        lambda: asking.once(_create(next(names), key, "reference")),
        rounds=8,
        per_round=CALLS,
    )
    asking.close()
    committing.close()
    name = "a route with a fixed answer"
    what = f"first hit of each over HTTP among {jobs:,} jobs"
    yield at_most_times(what, first_hits, name, more_references, HIT_LIMIT, with_p99=True)
    what = f"hit over HTTP among {jobs:,} jobs"
    yield at_most_times(what, hits, name, references, HIT_LIMIT, with_p99=True)
    what = f"new job over HTTP among {jobs:,} jobs"
    yield at_most_times(what, news, name, references, NEW_LIMIT, with_p99=True)
    # What no new job can do without: its record is on the disk before it is answered.
    what = "  a commit of one row to its database"
    yield at_most_times(what, commits, name, references, None, with_p99=True)


def _many_clients(stores: Stores, url: str, key: str, jobs: int) -> Iterator[Figure]:
    asking = Asking(url, CLIENTS)
    names = _names(jobs)
    hits = [_create(name, key) for name in names]
    references = [_create(name, key, "reference") for name in names]
    ratios: list[float] = []
    rates: list[float] = []
    seconds = stores.size(20, quick=5) / 20
    for number in range(8):
        reference = asking.rate(references, seconds)
        rate = asking.rate(hits, seconds)
        if number > 0:
            ratios.append(rate / reference)
            rates.append(rate)
    asking.close()
    yield Figure(
        what=f"  hits a second, {CLIENTS} clients at once",
        measured=f"{median(rates):,.0f}",
        reference=f"the same route: {median(rates) / median(ratios):,.0f}",
        ratio=f"{median(ratios):.2f}x",
        budget=f"at least {RATE_LIMIT:g}x",
        is_met=median(ratios) >= RATE_LIMIT,
    )


def _commit(connection: sqlite3.Connection) -> None:
    connection.execute(
        "insert or replace into meta (key, value) values ('benchmark', ?)", (str(time.time()),)
    )


def _names(jobs: int) -> Sequence[str]:
    return names_with_blobs(jobs)[:500]


def _other_names(jobs: int) -> Sequence[str]:
    """Names of jobs that no other benchmark asks for, more than are asked for here."""
    return names_with_blobs(jobs)[500:]


def _create(name: str, key: str, call: str = "createJob") -> bytes:
    definition = {
        "appName": "hello_world",
        "processorName": PROCESSOR,
        "inputFiles": [],
        "outputFiles": [{"name": "output", "fileBaseName": "output.txt"}],
        "parameters": [{"name": "name", "value": name}],
    }
    body = {
        "type": "createJobRequest",
        "serviceName": SERVICE,
        "userId": "",
        "batchId": "",
        "tags": list(TAGS),
        "jobDefinition": definition,
        "requiredResources": {"numCpus": 1, "numGpus": 0, "memoryGb": 4, "timeSec": 60},
        "secrets": [],
        "jobDependencies": [],
        "skipCache": False,
        "rerunFailing": True,
        "deleteFailing": True,
    }
    return post(f"/api/{call}", json.dumps(body).encode(), key)


def _key(folder: Path) -> str:
    hub = LocalHub(folder)
    try:
        return hub.add_api_key(hub.user_id)[1]
    finally:
        hub.close()


@contextlib.contextmanager
def _serving(folder: Path) -> Generator[tuple[str, psutil.Process]]:
    """A block in which a process serves a store with the reference; its URL."""
    command = python("-m", "tests.benchmarks.scripts.serve_with_reference", folder)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        if process.stdout is None or process.stdin is None:
            raise AssertionError
        url = process.stdout.readline().strip()
        if not url:
            raise ProcessFailed("the server did not start")
        try:
            yield url, psutil.Process(process.pid)
        finally:
            process.stdin.close()


@contextlib.contextmanager
def _up(folder: Path) -> Generator[tuple[str, psutil.Process]]:
    """A block in which `dendro-local up` serves a store."""
    command = python("-m", "dendro_local.cli", "--store", folder, "up", "--port", "0", "--json")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    ) as process:
        if process.stdout is None:
            raise AssertionError
        answer = process.stdout.readline()
        if not answer:
            raise ProcessFailed("dendro-local up did not start")
        try:
            yield json.loads(answer)["url"], psutil.Process(process.pid)
        finally:
            process.terminate()
