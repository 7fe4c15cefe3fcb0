"""The same small jobs beside others that run jobs: huey, a task queue, and redun, workflows."""

import os
import sys
from collections.abc import Callable, Iterator
from statistics import median

import msgspec

from tests.benchmarks.figure import Figure, duration
from tests.benchmarks.peer_environment import peer_python
from tests.benchmarks.processes import run
from tests.benchmarks.stores import Stores

__all__ = ["peers"]

SCRIPTS = "tests.benchmarks.scripts.peers"


class Idle(msgspec.Struct, frozen=True):
    """What a process takes that waits for jobs."""

    cpu_percent: float
    memory_mb: float


class Course(msgspec.Struct, frozen=True):
    """What a script tells of a run (see `tests.benchmarks.scripts.peers.course`)."""

    all_sec: float
    cpu_sec: float
    again_sec: float
    single_sec: list[float]
    idle: Idle | None


class Peer:
    """One of those that run the jobs, and the runs of it so far."""

    def __init__(
        self, name: str, python_: str, script: str, workers: int, delays: str = ""
    ) -> None:
        self.name = name
        self.workers = workers
        self._command = [python_, "-m", f"{SCRIPTS}.{script}"]
        self._variables = {"HUEY_DELAYS": delays}
        self._courses: list[Course] = []

    def run(self, stores: Stores, count: int) -> None:
        """Let it run the course once more, in a fresh folder."""
        arguments = [str(stores.folder("peer")), str(self.workers), str(count)]
        told = run([*self._command, *arguments], self._variables)
        self._courses.append(msgspec.json.decode(told, type=Course))

    def median(self, value: Callable[[Course], float]) -> float:
        """The median over its runs."""
        return median(map(value, self._courses))

    def idle(self) -> str:
        """What it takes while it waits for jobs, in words."""
        found = [each.idle for each in self._courses if each.idle is not None]
        if not found:
            return "nothing waits"
        cpu = median(each.cpu_percent for each in found)
        memory = median(each.memory_mb for each in found)
        return f"{cpu:.2f} % of a core, {memory:.0f} MB"


def peers(stores: Stores) -> Iterator[Figure]:
    """Ours beside huey with one worker process, and beside redun with a process for each core."""
    count = stores.size(600, quick=60)
    cores = os.cpu_count() or 1
    ours, others = sys.executable, peer_python()
    alone = Peer("dendro-local", ours, "by_dendro", 1)
    huey = Peer("huey", others, "by_huey", 1)
    eager = Peer("huey, looking each 2 ms", others, "by_huey", 1, "-d 0.002 -m 0.002")
    abreast = Peer("dendro-local", ours, "by_dendro", cores)
    redun = Peer("redun", others, "by_redun", cores)
    for _ in range(stores.size(3, quick=1)):
        for each in (alone, huey, eager, abreast, redun):
            each.run(stores, count)
    for own, other in ((alone, huey), (alone, eager), (abreast, redun)):
        yield from _table(own, other, count)


def _table(own: Peer, other: Peer, count: int) -> Iterator[Figure]:
    rate, others_rate = (count / each.median(lambda one: one.all_sec) for each in (own, other))
    yield Figure(
        what=f"{count} jobs that greet, {own.workers} at once",
        measured=f"{rate:.0f} a second",
        reference=f"{other.name}: {others_rate:.0f} a second",
        ratio=f"{rate / others_rate:.2f}x",
    )
    rows: dict[str, Callable[[Course], float]] = {
        "CPU time of a job": lambda one: one.cpu_sec / count,
        "the same jobs again, each": lambda one: one.again_sec / count,
        "one job, from submit to result": lambda one: median(one.single_sec),
    }
    for what, value in rows.items():
        ours, others = own.median(value), other.median(value)
        yield Figure(
            what=f"  {what}",
            measured=duration(ours),
            reference=f"{other.name}: {duration(others)}",
            ratio=f"{ours / others:.2f}x",
        )
    yield Figure(what="  idle", measured=own.idle(), reference=f"{other.name}: {other.idle()}")
