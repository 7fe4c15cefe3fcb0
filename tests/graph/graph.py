"""A random graph of small jobs, and the app that runs them."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_jobs,
)

PRIME = 2**31 - 1
MOST_PARENTS = 3
LARGEST_BATCH = 1 / 20
"""Of all jobs: these do not depend on each other, all others may."""

APP = f"""
import pathlib

@app.processor
def add(parents: list[InputFile], output: OutputFile, number: int) -> None:
    found = [int(pathlib.Path(parent.download()).read_text()) for parent in parents]
    pathlib.Path("sum.txt").write_text(str((number + sum(found)) % {PRIME}))
    output.upload("sum.txt")
"""

RESOURCES = DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=0.1, timeSec=120)


@dataclass(frozen=True)
class Node:
    """A job to be: its number, and those whose outputs it takes."""

    number: int
    parents: Sequence[int]


def random_batches(count: int, choose: random.Random) -> Iterator[list[Node]]:
    """So many jobs in batches of random sizes, each with up to three parents in earlier ones.

    Parents are often among the latest, so that there are long chains, and sometimes any.
    """
    made = 0
    while made < count:
        size = min(count - made, choose.randint(1, max(1, int(count * LARGEST_BATCH))))
        yield [Node(made + place, _parents(made, choose)) for place in range(size)]
        made += size


def _parents(earlier: int, choose: random.Random) -> list[int]:
    number = choose.randint(0, min(earlier, MOST_PARENTS))
    latest = range(max(0, earlier - 50), earlier)
    return choose.sample(
        latest if choose.random() < 0.7 else range(earlier), min(number, len(latest))
    )


def submit(nodes: Sequence[Node], jobs: Mapping[int, DendroJob]) -> list[DendroJob]:
    """Submit jobs whose parents have been."""
    return submit_jobs(
        [
            {
                "service_name": "lab",
                "job_definition": _definition(node, [jobs[parent] for parent in node.parents]),
                "required_resources": RESOURCES,
            }
            for node in nodes
        ]
    )


def _definition(node: Node, parents: Sequence[DendroJob]) -> DendroJobDefinition:
    return DendroJobDefinition(
        appName="graph",
        processorName="add",
        inputFiles=[
            DendroJobInputFile(
                name=f"parents[{place}]", fileBaseName="sum.txt", url=parent.get_output("output")
            )
            for place, parent in enumerate(parents)
        ],
        outputFiles=[DendroJobOutputFile(name="output", fileBaseName="sum.txt")],
        parameters=[DendroJobParameter(name="number", value=node.number)],
    )
