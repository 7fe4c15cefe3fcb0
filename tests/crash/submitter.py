"""Submits a random graph of small jobs: ``python submitter.py SEED NUMBER``."""

import random
import sys

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)

RESOURCES = DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=0.2, timeSec=120)


def define(number: int, parent: DendroJob | None) -> DendroJobDefinition:
    output = DendroJobOutputFile(name="output", fileBaseName="output.txt")
    if parent is None:
        return DendroJobDefinition(
            appName="hello_world",
            processorName="hello_world_2",
            inputFiles=[],
            outputFiles=[output],
            parameters=[DendroJobParameter(name="name", value=f"job {number}")],
        )
    return DendroJobDefinition(
        appName="hello_world",
        processorName="count_characters",
        inputFiles=[
            DendroJobInputFile(
                name="input", fileBaseName="input.txt", url=parent.get_output("output")
            )
        ],
        outputFiles=[output],
        parameters=[],
        cacheBust=str(number),
    )


def main(seed: int, count: int) -> None:
    """Submit them one by one; those that are there already are found."""
    choose = random.Random(seed)
    jobs: list[DendroJob] = []
    for number in range(count):
        parent = choose.choice(jobs) if jobs and choose.random() < 0.6 else None
        jobs.append(
            submit_job(
                service_name="hello_world_service",
                job_definition=define(number, parent),
                required_resources=RESOURCES,
                tags=["crash"],
            )
        )
    print("submitted", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
