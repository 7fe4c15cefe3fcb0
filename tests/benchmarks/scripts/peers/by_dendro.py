"""By dendro-local: `dendro-local work` runs what this process submits."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dendro_local import submit_jobs
from dendro_local.client.default_hub import default_hub
from tests.benchmarks.scripts.peers.course import run_course
from tests.benchmarks.scripts.submit import RESOURCES, SERVICE, greeting


class ByDendro:
    """A store in the folder, and a compute client for it with so many CPUs."""

    def __init__(self, folder: Path, workers: int) -> None:
        os.environ["DENDRO_LOCAL_DIR"] = str(folder)
        hub = default_hub()
        self._work = subprocess.Popen(
            [sys.executable, "-m", "dendro_local.cli", "work", "--cpus", str(workers)],
            stderr=subprocess.DEVNULL,
        )
        changes = hub.changes()
        while not hub.has_compute_client():
            changes.wait(0.05)
        changes.close()

    def run(self, names: Sequence[str]) -> None:
        """Submit and wait."""
        requests = [
            {
                "service_name": SERVICE,
                "job_definition": greeting("hello_world_2", name),
                "required_resources": RESOURCES,
            }
            for name in names
        ]
        with contextlib.redirect_stdout(io.StringIO()):
            for job in submit_jobs(requests):
                if job.wait_until_done().status != "completed":
                    raise SystemExit(f"job {job.jobId} failed: {job.error}")

    def daemon(self) -> int:
        """The compute client."""
        return self._work.pid

    def close(self) -> None:
        """Stop the compute client."""
        self._work.terminate()
        self._work.wait()


if __name__ == "__main__":
    run_course(ByDendro)
