"""Eight processes that submit the same jobs at once, each in an order of its own."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

import msgspec

from tests.benchmarks.default_store import using
from tests.benchmarks.figure import Figure, at_most_times
from tests.benchmarks.measuring import Times
from tests.benchmarks.processes import ROOT, ProcessFailed, python
from tests.benchmarks.stores import Stores

__all__ = ["submitters"]

PROCESSES = 8


class Race(msgspec.Struct, frozen=True):
    """What one process tells of its part (see `tests.benchmarks.scripts.race`)."""

    begun: float
    ended: float
    seconds: list[float]
    errors: list[str]


def submitters(stores: Stores) -> Iterator[Figure]:
    """How many jobs result, and how many submits there are in a second in all."""
    count = stores.size(1_000, quick=200)
    races: dict[str, list[list[Race]]] = {"dendro": [], "sqlite3": []}
    recorded: set[int] = set()
    for _ in range(stores.size(3, quick=1)):
        for kind, so_far in races.items():
            folder = stores.folder("store")
            with using(folder) if kind == "dendro" else closing(_plain(folder)):
                so_far.append(_run(folder, kind, count))
            if kind == "dendro":
                recorded.add(_count(folder))
    ours, plain = races["dendro"], races["sqlite3"]
    errors = [error for race in ours for one in race for error in one.errors]
    yield Figure(
        what=f"{PROCESSES} processes submit the same {count:,} jobs",
        measured=f"{', '.join(map(str, recorded))} jobs, {len(errors)} errors",
        budget=f"{count} jobs, none",
        is_met=recorded == {count} and not errors,
    )
    if errors:
        yield Figure(what=f"  the first error: {errors[0]}", measured="")
    rate, reference = (median(map(_rate, each)) for each in (ours, plain))
    yield Figure(
        what="  submits in a second, in all",
        measured=f"{rate:,.0f} a second, n {len(ours)}",
        reference=f"the same by sqlite3: {reference:,.0f}",
        ratio=f"{rate / reference:.2f}x",
    )
    yield at_most_times(
        "  one submit", _times(ours), "the same by sqlite3", _times(plain), None, with_p99=True
    )


def _plain(folder: Path) -> sqlite3.Connection:
    """A database with nothing but a table of records by hash."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("create table jobs (hash text primary key, record text not null) strict")
    return connection


def _count(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        row: tuple[int] = connection.execute("select count(*) from jobs").fetchone()
    return row[0]


def _run(folder: Path, kind: str, count: int) -> list[Race]:
    """Start the processes, let them go at the same moment, and hear what they tell."""
    processes = [
        subprocess.Popen(
            python("-m", "tests.benchmarks.scripts.race", kind, str(folder), str(seed), str(count)),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]
    for process in processes:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise ProcessFailed("a submitting process could not begin")
    for process in processes:
        if process.stdin is not None:
            process.stdin.write("go\n")
            process.stdin.flush()
    told = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise ProcessFailed("a submitting process failed")
    return [msgspec.json.decode(text, type=Race) for text in told]


def _rate(race: list[Race]) -> float:
    seconds = max(one.ended for one in race) - min(one.begun for one in race)
    return sum(len(one.seconds) for one in race) / seconds


def _times(races: list[list[Race]]) -> Times:
    return Times([[seconds for one in race for seconds in one.seconds] for race in races])
