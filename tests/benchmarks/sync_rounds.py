"""One exchange after the other between two stores that are equal, but for a job perhaps."""

import time
from collections.abc import Callable
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

__all__ = ["NOTHING", "ONE", "NewJobs", "begin_equal", "check_equal", "rounds_of"]

NOTHING = (5, 0.1)
ONE = (8, 0.2)
"""Requests and seconds."""


class NewJobs:
    """Completes jobs with one output, each another.

    Args:
        folder: for their files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()

    def complete_one(self, store: LocalHub) -> None:
        """Have one more job in a store."""
        (self._folder / "console").touch()
        name = f"new {next(self._numbers)}"
        (self._folder / name).write_text(name)
        output_path(store, self._folder / name, self._folder / "console")


def begin_equal(here: LocalHub, remote: str, end: str) -> None:
    """Note what a pull and a push of everything would have noted.

    Args:
        here: the store.
        remote: the name of a remote that has the same jobs.
        end: a cursor of it, behind all there is.
    """
    with Exchange(here, remote) as exchange:
        policy = trust_policy(here, exchange.saved.settings)
        store_id = exchange.facts().store_id
        *_, batch = exchange.remote.changes(end, Selection())
    cursors = {
        "pull": (subject_of_pull(PullOptions(), policy), batch.end.cursor),
        "push": (subject_of_push(PushOptions(), store_id), str(here.store.feed.last())),
    }
    for direction, (subject, cursor) in cursors.items():
        ledger = Ledger(here.store, remote, "pull" if direction == "pull" else "push", subject)
        ledger.note(cursor, refused={}, done=())


def check_equal(here: LocalHub, remote: str) -> None:
    """Exchange nothing.

    Raises:
        ProcessFailed: something was exchanged.
    """
    report = sync(here, remote)
    if report.push.new or report.pull.new or report.push.known or report.pull.known:
        raise ProcessFailed(f"the store and {remote} are not equal")


def rounds_of(
    what: str,
    here: LocalHub,
    remote: str,
    before: Callable[[], None],
    expected: int,
    limits: tuple[int, float],
    rounds: int,
) -> Figure:
    """A row: the requests and the time of an exchange in both directions.

    Args:
        what: is exchanged.
        here: the store.
        remote: the name of the remote.
        before: done before each exchange, not measured.
        expected: so many jobs are moved by each.
        limits: requests and seconds.
        rounds: how often.

    Raises:
        ProcessFailed: other jobs were moved.
    """
    seconds: list[float] = []
    cpu_sec: list[float] = []
    requests = 0
    for _ in range(rounds):
        before()
        cpu_begun, begun = time.process_time(), time.perf_counter()
        report = sync(here, remote)
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
