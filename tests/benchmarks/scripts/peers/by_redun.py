"""By redun: its scheduler, in this process, runs a workflow on a pool of processes."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redun import Scheduler, task  # type: ignore[import-not-found]  # it has a Python of its own
from redun.config import Config  # type: ignore[import-not-found]  # as above

from tests.benchmarks.scripts.peers.course import run_course

redun_namespace = "bench"


@task()  # type: ignore[untyped-decorator]  # as above
def greet(name: str) -> str:
    """A greeting."""
    return f"Hello, {name}!"


@task()  # type: ignore[untyped-decorator]  # as above
def greet_all(names: list[str]) -> list[Any]:
    """A greeting for each."""
    return [greet(name) for name in names]


class ByRedun:
    """A database in the folder, and an executor with so many processes.

    They are forked, which is the fastest that redun offers: each run of a workflow makes a pool
    of its own, and a process that is not forked imports redun first.
    """

    def __init__(self, folder: Path, workers: int) -> None:
        logging.getLogger("redun").setLevel(logging.ERROR)
        executor = {"type": "local", "mode": "process", "start_method": "fork"}
        self._scheduler: Any = Scheduler(
            config=Config(
                {
                    "backend": {"db_uri": f"sqlite:///{folder / 'redun.db'}"},
                    "executors.default": {**executor, "max_workers": str(workers)},
                }
            )
        )
        self._scheduler.load()

    def run(self, names: Sequence[str]) -> None:
        """Run a workflow."""
        self._scheduler.run(greet_all(list(names)))

    def daemon(self) -> None:
        """None: nothing waits for work."""

    def close(self) -> None:
        """There is nothing to end: the pool is gone with its workflow."""


if __name__ == "__main__":
    run_course(ByRedun)
