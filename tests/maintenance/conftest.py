"""Finished jobs to keep or prune, and what a store holds and lacks."""

import contextlib
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.findings import Finding
from dendro_local.model import Digest, Job, JobDefinition, JobOutputFile
from tests.cli.conftest import lab_app, run, run_json, submit  # noqa: F401 - fixtures
from tests.hub.conftest import (  # noqa: F401 - fixtures
    RESOURCES,
    NewJobMaker,
    Worker,
    counting,
    greeting,
    worker,
)

DAY = 86_400.0

JobMaker = Callable[..., Job]


@pytest.fixture
def completed(hub: LocalHub, worker: Worker, greeting: NewJobMaker) -> JobMaker:  # noqa: F811
    """A completed job: ``completed('Ada', b'its output', console=b'...', days_ago=3)``.

    Instead of a name it may be given a request.
    """

    def make(
        request: str | NewJob,
        content: bytes = b"Hello!",
        *,
        console: bytes = b"",
        days_ago: float = 0,
        tags: Sequence[str] = (),
    ) -> Job:
        asked = greeting(request, tags=tags) if isinstance(request, str) else request
        [job] = hub.submit([asked])
        worker.complete(worker.claim(), content, console)
        finish(hub, job, days_ago=days_ago)
        return hub.get_job(job.jobId)

    return make


@pytest.fixture
def failed(hub: LocalHub, worker: Worker, greeting: NewJobMaker) -> JobMaker:  # noqa: F811
    """A failed job: ``failed('Ada')``."""

    def make(name: str) -> Job:
        hub.submit([greeting(name)])
        return worker.fail(worker.claim())

    return make


def lab_request() -> NewJob:
    """A request for processor ``work`` of an app ``lab``."""
    return NewJob(
        serviceName="lab",
        jobDefinition=JobDefinition(
            appName="lab",
            processorName="work",
            inputFiles=[],
            outputFiles=[JobOutputFile(name="output", fileBaseName="output.txt")],
            parameters=[],
        ),
        requiredResources=RESOURCES,
    )


def finish(hub: LocalHub, job: Job, *, days_ago: float) -> None:
    """Let a job have finished some days ago."""
    change(
        hub,
        "update jobs set finished_at = ? where job_id = ?",
        time.time() - days_ago * DAY,
        job.jobId,
    )


def change(hub: LocalHub, statement: str, *values: object) -> None:
    """Change the store's tables behind its back."""
    with contextlib.closing(sqlite3.connect(hub.store.folder.database)) as connection, connection:
        connection.execute(statement, values)


def ids(jobs: Sequence[Job]) -> list[str]:
    return [job.jobId for job in jobs]


def blobs_on_disk(hub: LocalHub) -> set[Digest]:
    return {Digest(file.name) for file in hub.store.folder.blobs.glob("??/*")}


def blob_of(hub: LocalHub, job: Job) -> Path:
    """The blob of a job's first output."""
    return hub.output_file(job.jobId, job.outputFileResults[0].name).resolve()


class Folders:
    """The working folders of jobs in which no process works, or seems to."""

    def __init__(self, *, can_go_on: bool = False) -> None:
        self.ended: list[Path] = []
        self._can_go_on = can_go_on

    def can_go_on(self, folder: Path, /) -> bool:
        return self._can_go_on

    def end(self, folder: Path, /) -> None:
        self.ended.append(folder)

    def remove(self, folder: Path, /) -> None:
        shutil.rmtree(folder)


def findings(
    hub: LocalHub, *, repair: bool = False, quick: bool = False, young_sec: float = 0
) -> list[Finding]:
    """What the doctor finds; how full the disk of the tests is does not count."""
    found = hub.examine(Folders(), repair=repair, quick=quick, young_sec=young_sec).findings
    return [finding for finding in found if finding.check != "little_room"]


def checks(hub: LocalHub, *, quick: bool = False, young_sec: float = 0) -> list[str]:
    """The kinds of what the doctor finds."""
    return [each.check for each in findings(hub, quick=quick, young_sec=young_sec)]
