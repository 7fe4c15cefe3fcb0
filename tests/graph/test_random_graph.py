"""Many small jobs with random dependencies finish, in order, and the daemon does not grow.

``GRAPH_JOBS`` says how many, and ``GRAPH_SEED`` repeats a run; ``make graph`` runs 10,000, more
than the tests do by default.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import pytest

from dendro_local import DendroJob
from dendro_local.local_hub import LocalHub
from dendro_local.store import StoredJob
from tests.conftest import AppMaker
from tests.graph.graph import APP, PRIME, Node, random_batches, submit

pytestmark = [pytest.mark.process, pytest.mark.timeout(3600)]

JOBS = int(os.environ.get("GRAPH_JOBS", "250"))
SEED = int(os.environ.get("GRAPH_SEED", "0")) or random.randrange(1, 10**6)
STUCK_SEC = 60.0
MAY_GROW_MB = 8.0
MAY_GROW_FILES = 8
"""Those of the jobs that run at the moment, and connections to the database."""


@dataclass(frozen=True)
class Sample:
    """What the daemon holds at a moment."""

    completed: int
    at_sec: float
    resident_mb: float
    files: int


class Daemon:
    """`dendro-local work`, and what it has held so far."""

    def __init__(self, hub: LocalHub, process: "subprocess.Popen[bytes]") -> None:
        self._hub = hub
        self._process = process
        self._facts = psutil.Process(process.pid)
        self._begun = time.monotonic()
        self.samples: list[Sample] = []

    def wait_until_all_are_finished(self) -> None:
        changed_at = time.monotonic()
        while self._unfinished() and time.monotonic() - changed_at < STUCK_SEC:
            before = self.samples[-1].completed
            try:
                assert self._process.wait(0.2) is None, "the daemon ended"
            except subprocess.TimeoutExpired:
                self.sample()
            if self.samples[-1].completed != before:
                changed_at = time.monotonic()
        self.sample()  # the last job may have ended since the last one

    def sample(self) -> None:
        self.samples.append(
            Sample(
                completed=self._hub.store.jobs.count_by_status().get("completed", 0),
                at_sec=time.monotonic() - self._begun,
                resident_mb=self._facts.memory_info().rss / 2**20,
                files=self._facts.num_fds(),
            )
        )

    def _unfinished(self) -> int:
        counts = self._hub.store.jobs.count_by_status()
        return sum(counts.get(status, 0) for status in ("pending", "starting", "running"))


@contextmanager
def working(hub: LocalHub) -> Iterator[Daemon]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dendro_local.cli", "work"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Daemon(hub, process)
    finally:
        process.terminate()
        process.wait()


def test_a_random_graph_finishes_in_order_and_the_daemon_does_not_grow(
    hub: LocalHub, make_app: AppMaker
) -> None:
    print(f"GRAPH_SEED={SEED} GRAPH_JOBS={JOBS}")
    hub.add_app(str(make_app("graph", APP)), "lab")
    nodes: list[Node] = []
    jobs: dict[int, DendroJob] = {}
    with working(hub) as daemon:
        for batch in random_batches(JOBS, random.Random(SEED)):
            submitted = submit(batch, jobs)
            jobs.update(zip((node.number for node in batch), submitted, strict=True))
            nodes += batch
            daemon.sample()
        daemon.wait_until_all_are_finished()
    stored = {number: hub.stored(job.jobId) for number, job in jobs.items()}

    report(daemon.samples)
    check_finished(hub, nodes, stored)
    check_order(nodes, stored)
    check_growth(daemon.samples)


def check_finished(hub: LocalHub, nodes: Sequence[Node], stored: Mapping[int, StoredJob]) -> None:
    """Each is completed, by one run, and its output is what it must be by those of its parents."""
    assert {(each.record.status, each.attempts) for each in stored.values()} == {("completed", 1)}
    sums: dict[int, int] = {}
    for node in nodes:
        parents = sum(sums[parent] for parent in node.parents)
        sums[node.number] = (node.number + parents) % PRIME
        digest = stored[node.number].files.outputs["output"].digest
        assert digest is not None
        assert int(hub.store.blobs.path(digest).read_bytes()) == sums[node.number]


def check_order(nodes: Sequence[Node], stored: Mapping[int, StoredJob]) -> None:
    """None was started before all that it depends on were completed."""
    for node in nodes:
        started = stored[node.number].record.timestampStartingSec
        for parent in node.parents:
            finished = stored[parent].record.timestampFinishedSec
            assert started is not None
            assert finished is not None
            assert finished <= started


def check_growth(samples: Sequence[Sample]) -> None:
    """The daemon holds no more in the second half than it did in the first."""
    first = [each for each in samples if each.completed < JOBS / 2]
    second = [each for each in samples if each.completed >= JOBS / 2]
    assert max(each.files for each in second) <= max(each.files for each in first) + MAY_GROW_FILES
    most = max(each.resident_mb for each in first)
    assert max(each.resident_mb for each in second) <= most + MAY_GROW_MB


def report(samples: Sequence[Sample]) -> None:
    for name, part in (("start", 0.02), ("middle", 0.5), ("end", 1.0)):
        at = next(each for each in samples if each.completed >= part * JOBS)
        print(
            f"{name}: {at.completed} completed after {at.at_sec:.1f} s; resident "
            f"{at.resident_mb:.1f} MB, {at.files} open files"
        )
