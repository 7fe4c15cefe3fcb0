"""A script as a user writes it: submits one greeting and waits for it.

``python submit.py PROCESSOR NAME [SERVICE]``
"""

import sys

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)

SERVICE = "hello_world_service"
RESOURCES = DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=4, timeSec=60)
TAGS = ["example"]


def greeting(processor: str, name: str) -> DendroJobDefinition:
    """The definition of a job that greets; ``hello_world_2`` writes the greeting to its output."""
    outputs = [DendroJobOutputFile(name="output", fileBaseName="output.txt")]
    return DendroJobDefinition(
        appName="hello_world",
        processorName=processor,
        inputFiles=[],
        outputFiles=outputs if processor == "hello_world_2" else [],
        parameters=[DendroJobParameter(name="name", value=name)],
    )


def submit(processor: str, name: str, service: str = SERVICE) -> DendroJob:
    """Submit a greeting."""
    return submit_job(
        service_name=service,
        job_definition=greeting(processor, name),
        required_resources=DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=4, timeSec=60),
        tags=["example"],
    )


def main() -> None:
    """Submit what the command line says, and wait until it is done."""
    job = submit(*sys.argv[1:])
    job.wait_until_done()
    if job.status != "completed":
        sys.exit(job.error)


if __name__ == "__main__":
    main()
