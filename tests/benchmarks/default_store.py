"""Using one of many stores as this process's default one, as a user's script has only one."""

import contextlib
import io
import os
from collections.abc import Generator, Sequence
from pathlib import Path

from dendro_local import DendroJob, DendroJobDefinition, submit_jobs
from dendro_local.client.default_hub import default_hub
from dendro_local.compute import embedded_compute_client
from dendro_local.hub import Hub
from tests.benchmarks.processes import ProcessFailed
from tests.benchmarks.scripts.submit import RESOURCES, SERVICE, TAGS

__all__ = ["run_here", "using"]


@contextlib.contextmanager
def using(folder: Path) -> Generator[Hub]:
    """Make the store in a folder the default one of this process; gives its hub."""
    before = os.environ.get("DENDRO_LOCAL_DIR")
    os.environ["DENDRO_LOCAL_DIR"] = str(folder)
    try:
        yield default_hub()
    finally:
        if before is None:
            del os.environ["DENDRO_LOCAL_DIR"]
        else:
            os.environ["DENDRO_LOCAL_DIR"] = before


def run_here(definitions: Sequence[DendroJobDefinition], service: str = SERVICE) -> list[DendroJob]:
    """Run jobs in the default store, quietly, leaving no compute client behind.

    Raises:
        ProcessFailed: one of them failed.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        jobs = submit_jobs(
            [
                {
                    "service_name": service,
                    "job_definition": definition,
                    "required_resources": RESOURCES,
                    "tags": TAGS,
                }
                for definition in definitions
            ]
        )
        for job in jobs:
            if job.wait_until_done().status != "completed":
                raise ProcessFailed(f"job {job.jobId} failed: {job.error}")
    embedded_compute_client(default_hub()).stop()
    return jobs
