"""Jobs of a store that a process serves, and that process."""

from pathlib import Path
from urllib.parse import urlsplit

import psutil

from dendro_local.compute import machine_capacity, machine_slots
from dendro_local.hub import NewJob, RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.model import JobDefinition, JobOutputFile, JobParameter, RequiredResources
from tests.benchmarks.processes import ProcessFailed

__all__ = ["new_greeting", "output_path", "server_of"]


def new_greeting(name: str) -> NewJob:
    """A request for a job that gives a text file."""
    return NewJob(
        serviceName="hello_world_service",
        jobDefinition=JobDefinition(
            appName="hello_world",
            processorName="hello_world_2",
            inputFiles=[],
            outputFiles=[JobOutputFile(name="output", fileBaseName="output.txt")],
            parameters=[JobParameter(name="name", value=name)],
        ),
        requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=3600),
    )


def output_path(hub: LocalHub, output: Path, console: Path) -> str:
    """Complete a job with these files, which the store takes; the path of its output on a hub."""
    hub.submit([new_greeting(output.name)])
    capacity = machine_capacity()
    slots = machine_slots(capacity)
    claim = hub.claim_next(hub.begin_run(slots, serves_all=True), slots, capacity)
    if claim is None:
        raise ProcessFailed("the job cannot be claimed")
    hub.set_running(claim)
    hub.complete(claim, RunResult(outputs={"output": output}, console=console))
    stable = hub.get_job(claim.job.jobId).outputFileResults[0].url
    return f"/{stable.removeprefix('dendro:')}"


def server_of(url: str) -> psutil.Process:
    """The child of this process that listens at a URL."""
    port = urlsplit(url).port
    for each in psutil.Process().children():
        listening = each.net_connections("tcp")
        if any(found.status == "LISTEN" and found.laddr.port == port for found in listening):
            return each
    raise ProcessFailed(f"nobody listens at {url}")
