"""Requests to a hub, and a compute client's part played by hand."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dendro_local.compute import machine_capacity, machine_slots
from dendro_local.hub import Claim, Hub, NewJob, RunResult, RunToken
from dendro_local.local_hub import LocalHub
from dendro_local.model import (
    Job,
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    RequiredResources,
)
from tests.live_hub import asking, served

RESOURCES = RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60)

NewJobMaker = Callable[..., NewJob]


EITHER_HUB = pytest.mark.parametrize("hub", ["local", "remote"], indirect=True)
"""What holds of a hub over a store, and of one on another machine."""


@pytest.fixture
def local_hub(store_folder: Path) -> Iterator[LocalHub]:
    """A hub over the fresh store."""
    hub = LocalHub(store_folder)
    yield hub
    hub.close()


@pytest.fixture
def hub(
    request: pytest.FixtureRequest,
    local_hub: LocalHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Hub]:
    """The hub, or the same asked over the network: see `EITHER_HUB`."""
    if getattr(request, "param", "local") == "local":
        yield local_hub
        return
    local_hub.add_service("lab", local_hub.user_id)
    with served(local_hub) as live, asking(live, tmp_path / "far", monkeypatch) as remote:
        yield remote


@pytest.fixture
def greeting() -> NewJobMaker:
    """A request for hello_world_2, which gives a text file: ``greeting('Ada', tags=[...])``."""

    def make(name: str = "world", **more: Any) -> NewJob:
        return NewJob(
            serviceName="hello_world_service",
            jobDefinition=JobDefinition(
                appName="hello_world",
                processorName="hello_world_2",
                inputFiles=[],
                outputFiles=[JobOutputFile(name="output", fileBaseName="output.txt")],
                parameters=[JobParameter(name="name", value=name)],
            ),
            requiredResources=more.pop("requiredResources", RESOURCES),
            **more,
        )

    return make


@pytest.fixture
def counting() -> NewJobMaker:
    """A request for count_characters of the output of a job."""

    def make(parent: Job, **more: Any) -> NewJob:
        return NewJob(
            serviceName="hello_world_service",
            jobDefinition=JobDefinition(
                appName="hello_world",
                processorName="count_characters",
                inputFiles=[
                    JobInputFile(
                        name="input",
                        fileBaseName="input.txt",
                        url=parent.outputFileResults[0].url,
                    )
                ],
                outputFiles=[JobOutputFile(name="output", fileBaseName="output.json")],
                parameters=[],
            ),
            requiredResources=RESOURCES,
            **more,
        )

    return make


class Worker:
    """A compute client whose steps a test takes one by one."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub = hub
        self.folder = folder
        self.capacity = machine_capacity()
        self.slots = machine_slots(self.capacity)
        self.run: RunToken = hub.begin_run(self.slots, serves_all=True)

    def claim(self) -> Claim:
        claim = self.hub.claim_next(self.run, self.slots, self.capacity)
        assert claim is not None, "nothing to claim"
        return claim

    def finds_nothing(self) -> bool:
        return self.hub.claim_next(self.run, self.slots, self.capacity) is None

    def file(self, name: str, content: bytes) -> Path:
        self.folder.mkdir(exist_ok=True)
        file = self.folder / name
        file.write_bytes(content)
        return file

    def complete(self, claim: Claim, content: bytes = b"Hello!", console: bytes = b"") -> Job:
        """Start the claimed job and complete it with this output and console."""
        self.hub.set_running(claim)
        name = claim.job.jobId
        outputs = {
            output.name: self.file(f"{name}-{output.name}", content)
            for output in claim.job.jobDefinition.outputFiles
        }
        result = RunResult(outputs=outputs, console=self.file(f"{name}-console", console))
        self.hub.complete(claim, result)
        return self.hub.get_job(claim.job.jobId)

    def fail(self, claim: Claim, error: str = "ValueError: boom") -> Job:
        self.hub.set_running(claim)
        self.hub.fail(claim, error, None)
        return self.hub.get_job(claim.job.jobId)


@pytest.fixture
def worker(hub: Hub, tmp_path: Path) -> Worker:
    return Worker(hub, tmp_path / "worker")
