"""The main job, offline: a chain of jobs is submitted, runs on this machine, and is shown.

Run it twice: the second time every job is found instead of run. The store is in ``.demo`` beside
the examples, so that nothing else on the machine is touched; remove the folder to begin anew.
"""

import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("DENDRO_LOCAL_DIR", str(ROOT / ".demo"))

from dendro_local import (  # noqa: E402 - the variable above comes first
    DendroJob,
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)

RESOURCES = DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60)


def submit(
    processor: str,
    output: DendroJobOutputFile,
    *,
    inputs: list[DendroJobInputFile],
    parameters: list[DendroJobParameter],
) -> DendroJob:
    return submit_job(
        service_name="hello_world_service",
        job_definition=DendroJobDefinition(
            appName="hello_world",
            processorName=processor,
            inputFiles=inputs,
            outputFiles=[output],
            parameters=parameters,
        ),
        required_resources=RESOURCES,
        tags=["demo"],
        rerun_failing=True,
    )


def submit_chain() -> dict[str, DendroJob]:
    """Four jobs: one over a file of this machine, and three of which each needs the one before."""
    file_count = DendroJobOutputFile(name="output", fileBaseName="count.json")
    greeting = DendroJobOutputFile(name="output", fileBaseName="greeting.txt")
    count = DendroJobOutputFile(name="output", fileBaseName="count.json")
    count_of_count = DendroJobOutputFile(name="output", fileBaseName="count.json")
    everything = [DendroJobParameter(name="include_whitespace", value=True)]
    return {
        "count a text file": submit(
            "count_characters",
            file_count,
            inputs=[DendroJobInputFile(name="input", path=ROOT / "LICENSE")],
            parameters=everything,
        ),
        "write a greeting": submit(
            "hello_world_2",
            greeting,
            inputs=[],
            parameters=[DendroJobParameter(name="name", value="demo")],
        ),
        "count the greeting": submit(
            "count_characters",
            count,
            inputs=[DendroJobInputFile(name="input", fileBaseName="input.txt", url=greeting)],
            parameters=everything,
        ),
        "count that result": submit(
            "count_characters",
            count_of_count,
            inputs=[DendroJobInputFile(name="input", fileBaseName="input.json", url=count)],
            parameters=everything,
        ),
    }


def duration(job: DendroJob, *, was_there: bool) -> str:
    if was_there:
        return "cache hit"
    if job.timestampStartingSec is None or job.timestampFinishedSec is None:
        return "did not run"
    return f"{job.timestampFinishedSec - job.timestampStartingSec:.2f} s"


def main() -> int:
    begun = time.perf_counter()
    jobs = submit_chain()
    were_there = {name for name, job in jobs.items() if job.status == "completed"}
    for job in jobs.values():
        job.wait_until_done()
    took = time.perf_counter() - begun

    print(f"\n{'what':<20} {'job':<20} {'status':<10} {'duration':<10} output")
    for name, job in jobs.items():
        output = job.get_output("output")
        where = output.path() if job.status == "completed" else "-"
        shown = duration(job, was_there=name in were_there)
        print(f"{name:<20} {job.jobId:<20} {job.status:<10} {shown:<10} {where}")
    print(f"\n{len(jobs)} jobs, {len(were_there)} of them cache hits, in {took:.2f} s.")
    if not were_there:
        print("Run it again: every job will be a cache hit.")
    store = os.environ["DENDRO_LOCAL_DIR"]
    print(f"`dendro-local --store {store} jobs` lists them; other commands take --store too.")
    return 0 if all(job.status == "completed" for job in jobs.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
