"""A fresh trivial job in a fresh process, from the script's start to its end, and its parts."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

from tests.benchmarks.default_store import run_here, using
from tests.benchmarks.figure import Figure, at_most_times
from tests.benchmarks.measuring import Times, alternate
from tests.benchmarks.processes import SCRIPTS, ProcessFailed, python, run, whole
from tests.benchmarks.scripts.submit import greeting
from tests.benchmarks.stores import Stores

__all__ = ["cold"]

PARTS = {
    "python": "Python starts",
    "import": "import of dendro_local's client",
    "open": "the store is opened",
    "submit": "submit_job",
    "claim": "until the job is claimed",
    "start": "until the app's Python runs",
    "run": "the app, to the end of its process",
    "record": "until the job is completed",
    "exit": "until the script's process has ended",
}
"""What happens in turn. Each part ends with the stamp of its name; setting up the stamps
themselves is a part too, which is not shown."""

AT_MOST_TIMES = 8


def cold(stores: Stores) -> Iterator[Figure]:
    """In a store that is there already, in parts too, and as the first job of all."""
    rounds = stores.size(30, quick=7)
    folder = stores.folder("store")
    with using(folder):
        run_here([greeting("hello_world_1", "world")])
    parts: list[Mapping[str, float]] = []
    whole_job, nothing, _, first = alternate(
        _fresh_job(folder),
        whole(python("-c", "pass")),
        _stamped_job(folder, parts),
        lambda: _fresh_job(stores.folder("first"))(),
        rounds=rounds,
    )
    name = "python -c pass"
    yield at_most_times("fresh trivial job, cold", whole_job, name, nothing, AT_MOST_TIMES)
    for part, what in PARTS.items():
        # The first round is not counted, as it is not anywhere else.
        times = Times([[stamps[part]] for stamps in parts[1:]])
        yield at_most_times(f"  {part}: {what}", times, name, nothing, None)
    yield at_most_times("the first job in an empty folder", first, name, nothing, None)


def _fresh_job(folder: Path) -> Callable[[], float]:
    """The whole process of a script whose job is not there yet."""
    numbers = count()

    def call() -> float:
        name = f"fresh {os.getpid()} {next(numbers)}"
        command = python(SCRIPTS / "submit.py", "hello_world_1", name)
        return whole(command, {"DENDRO_LOCAL_DIR": str(folder)})()

    return call


def _stamped_job(folder: Path, parts: list[Mapping[str, float]]) -> Callable[[], float]:
    """The same by a script that notes the time after each part."""
    numbers = count()
    app_stamp = folder / "app_start.txt"
    variables = {
        "DENDRO_LOCAL_DIR": str(folder),
        "PYTHONPATH": str(SCRIPTS / "app_start"),
        "BENCHMARK_APP_START": str(app_stamp),
    }

    def call() -> float:
        command = python("-m", "tests.benchmarks.scripts.stamped", f"stamped {next(numbers)}")
        begun = time.time()
        stamps: dict[str, float] = json.loads(run(command, variables))
        stamps["exit"] = time.time()
        stamps["start"] = float(app_stamp.read_text(encoding="ascii"))
        missing = set(PARTS) - set(stamps)
        if missing:
            raise ProcessFailed(f"nothing was called that ends the parts {sorted(missing)}")
        parts.append(_lengths(begun, stamps))
        return stamps["exit"] - begun

    return call


def _lengths(begun: float, stamps: Mapping[str, float]) -> dict[str, float]:
    """How long each part took: from the stamp before it, whichever that is."""
    lengths: dict[str, float] = {}
    for part, stamp in sorted(stamps.items(), key=lambda item: item[1]):
        lengths[part] = stamp - begun
        begun = stamp
    return lengths
