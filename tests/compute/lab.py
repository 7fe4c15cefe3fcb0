"""A service ``lab`` with an app ``mine``: asking for its jobs, and running them."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)
from dendro_local.compute import ComputeClient
from dendro_local.local_hub import LocalHub

WAIT_SEC = 60.0


def submit(
    processor: str,
    *,
    num_cpus: int = 1,
    num_gpus: int = 0,
    memory_gb: float = 1,
    **parameters: object,
) -> DendroJob:
    return submit_job(
        service_name="lab",
        job_definition=DendroJobDefinition(
            appName="mine",
            processorName=processor,
            inputFiles=[],
            outputFiles=[],
            parameters=[
                DendroJobParameter(name=name, value=value) for name, value in parameters.items()
            ],
        ),
        required_resources=DendroJobRequiredResources(
            numCpus=num_cpus, numGpus=num_gpus, memoryGb=memory_gb, timeSec=60
        ),
    )


@contextlib.contextmanager
def working(hub: LocalHub, **options: Any) -> Iterator[ComputeClient]:
    """A compute client that serves all jobs of the store, in a thread of this process."""
    client = ComputeClient(hub, **options)
    thread = threading.Thread(target=client.serve)
    thread.start()
    while not hub.has_compute_client():  # or this process would run the jobs by itself too
        thread.join(0.01)
    try:
        yield client
    finally:
        client.stop()
        thread.join()


def wait_until(hub: LocalHub, is_so: Callable[[], bool]) -> None:
    """Wait for something that may become so without a change of a job."""
    changes = hub.changes()
    deadline = time.monotonic() + WAIT_SEC
    while not is_so():
        assert time.monotonic() < deadline, "it did not become so"
        changes.wait(0.05)
    changes.close()
