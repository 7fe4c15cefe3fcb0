"""By huey: its consumer, with worker processes, runs what this process puts into its queue."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.scripts.peers.course import run_course

TASKS = "tests.benchmarks.scripts.peers.huey_tasks"
LOOK_SEC = 0.002
"""How often to look for a result; by itself huey looks each 50 ms and more."""


class ByHuey:
    """A queue in the folder, and a consumer for it with so many worker processes."""

    def __init__(self, folder: Path, workers: int) -> None:
        os.environ["HUEY_FOLDER"] = str(folder)
        from tests.benchmarks.scripts.peers.huey_tasks import greet

        self._greet: Any = greet
        delays = os.environ.get("HUEY_DELAYS", "").split()
        self._consumer = subprocess.Popen(
            [
                *(sys.executable, "-m", "huey.bin.huey_consumer", f"{TASKS}.huey"),
                *("--workers", str(workers), "--worker-type", "process", "--quiet", *delays),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def run(self, names: Sequence[str]) -> None:
        """Enqueue and wait."""
        results = [self._greet(name) for name in names]
        for result in results:
            result.get(blocking=True, timeout=120, max_delay=LOOK_SEC)

    def daemon(self) -> int:
        """The consumer."""
        return self._consumer.pid

    def close(self) -> None:
        """Stop the consumer."""
        self._consumer.terminate()
        self._consumer.wait()


if __name__ == "__main__":
    run_course(ByHuey)
