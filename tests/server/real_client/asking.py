"""What the scripts of these tests share; run by a Python that has the original's package."""

import json
import sys
from typing import Any

import requests
from dendro.client import (
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)
from dendro.common.api_requests import get_job

RESOURCES = DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=0.5, timeSec=60)


def submit(
    processor: str,
    *,
    app: str = "original",
    service: str = "lab",
    inputs: Any = (),
    outputs: Any = ("output",),
    parameters: Any = (),
    **more: Any,
) -> Any:
    """The job that the original's `submit_job` gives."""
    return submit_job(
        service_name=service,
        job_definition=DendroJobDefinition(
            appName=app,
            processorName=processor,
            inputFiles=[
                DendroJobInputFile(name=name, fileBaseName="file.txt", url=url)
                for name, url in inputs
            ],
            outputFiles=[
                DendroJobOutputFile(name=name, fileBaseName="output.txt") for name in outputs
            ],
            parameters=[DendroJobParameter(name=name, value=value) for name, value in parameters],
        ),
        required_resources=RESOURCES,
        **more,
    )


def hello(processor: str, name: str = "world", **more: Any) -> Any:
    """A job of the examples' app."""
    return submit(
        processor,
        app="hello_world",
        service="hello_world_service",
        parameters=[("name", name)],
        **more,
    )


def read(url: str) -> bytes:
    """The file at a URL, as a program that was told the URL reads it."""
    reply = requests.get(url, timeout=60)
    assert reply.status_code == 200, (reply.status_code, reply.text)
    return reply.content


def known(job: Any) -> Any:
    """The job as the hub has it; None if it is gone."""
    return get_job(job_id=job.jobId)


def tell(**facts: Any) -> None:
    """End what the script prints with what it found."""
    sys.stdout.write(f"\n{json.dumps(facts)}\n")
