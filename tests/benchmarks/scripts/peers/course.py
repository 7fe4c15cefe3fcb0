"""What each of them has to do, and what is measured of it."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from tests.benchmarks.scripts.process_use import memory_mb, precise_cpu_sec, tree, tree_cpu_sec

__all__ = ["Runner", "run_course"]

SINGLE_JOBS = 40
IDLE_SEC = 10.0


class Runner(Protocol):
    """Runs jobs that greet somebody, in processes other than this one."""

    def run(self, names: Sequence[str]) -> None:
        """Submit a job for each name, and wait for the results of all."""
        ...

    def daemon(self) -> int | None:
        """The process that waits for jobs, if there is one."""
        ...

    def close(self) -> None:
        """End all that was started."""
        ...


def run_course(start: Callable[[Path, int], Runner]) -> None:
    """Let a runner run the course that the command line asks for, and print what was measured."""
    folder, workers, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    runner = start(folder, workers)
    try:
        print(json.dumps(_measured(runner, count)))
    finally:
        runner.close()


def _measured(runner: Runner, count: int) -> dict[str, object]:
    runner.run(["the first", "the second", "the third"])
    names = [f"one of many, {number}" for number in range(count)]
    cpu_before = tree_cpu_sec(os.getpid())
    all_sec = _seconds(runner, names)
    cpu_sec = tree_cpu_sec(os.getpid()) - cpu_before
    again_sec = _seconds(runner, names)
    single_sec = [_seconds(runner, [f"alone, {number}"]) for number in range(SINGLE_JOBS)]
    return {
        "all_sec": all_sec,
        "cpu_sec": cpu_sec,
        "again_sec": again_sec,
        "single_sec": single_sec,
        "idle": _idle(runner.daemon()),
    }


def _seconds(runner: Runner, names: Sequence[str]) -> float:
    begun = time.perf_counter()
    runner.run(names)
    return time.perf_counter() - begun


def _idle(daemon: int | None) -> dict[str, float] | None:
    """What a process with nothing to do takes: of a core, and memory."""
    if daemon is None:
        return None
    time.sleep(1)
    processes = tree(daemon)
    before = precise_cpu_sec(processes)
    begun = time.perf_counter()
    time.sleep(IDLE_SEC)
    cpu_sec = precise_cpu_sec(processes) - before
    return {
        "cpu_percent": 100 * cpu_sec / (time.perf_counter() - begun),
        "memory_mb": memory_mb(processes),
    }
