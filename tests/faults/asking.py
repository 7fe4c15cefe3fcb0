"""Asking for jobs as a script does, running them here, and looking at what came of it."""

import contextlib
import hashlib
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from dendro_local import (
    DendroError,
    DendroJob,
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutput,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)
from dendro_local.client.default_hub import default_hub
from dendro_local.compute import ComputeClient

RESOURCES = DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60)


def define(
    processor: str = "hello_world_2",
    *,
    app: str = "hello_world",
    inputs: Mapping[str, Path | DendroJobOutput] | None = None,
    outputs: Sequence[str] = ("output",),
    parameters: Mapping[str, Any] | None = None,
) -> DendroJobDefinition:
    """A definition; by default a good one of hello_world."""
    return DendroJobDefinition(
        appName=app,
        processorName=processor,
        inputFiles=[
            DendroJobInputFile(name=name, url=given)
            if isinstance(given, DendroJobOutput)
            else DendroJobInputFile(name=name, path=given)
            for name, given in (inputs or {}).items()
        ],
        outputFiles=[
            DendroJobOutputFile(name=name, fileBaseName=f"{name}.txt") for name in outputs
        ],
        parameters=[
            DendroJobParameter(name=name, value=value) for name, value in (parameters or {}).items()
        ],
    )


def submit(
    definition: DendroJobDefinition,
    *,
    service: str = "hello_world_service",
    time_sec: float = 60,
    **more: Any,
) -> DendroJob:
    """Submit to the default store."""
    return submit_job(
        service_name=service,
        job_definition=definition,
        required_resources=DendroJobRequiredResources(
            numCpus=1, numGpus=0, memoryGb=1, timeSec=time_sec
        ),
        **more,
    )


def run_jobs() -> None:
    """Run all that can run in the default store, and come back when nothing is left to do."""
    ComputeClient(default_hub()).serve(is_done=lambda: True)


def run(job: DendroJob) -> DendroJob:
    """Run a job, and what else can run, to its end; from a warm host where that can be."""
    run_jobs()
    return job.refresh()


def run_cold(job: DendroJob) -> DendroJob:
    """Run a job alone to its end, in a process of its own."""
    # A compute client for some jobs only, as in a script, takes no host for an app's first one.
    ComputeClient(default_hub(), only=lambda: {job.jobId}).serve(is_done=lambda: True)
    return job.refresh()


def hello(text: str | None = None, **more: Any) -> DendroJob:
    """A job of hello_world that was never asked for before, or greets this one."""
    return submit(define(parameters={"name": text or uuid.uuid4().hex}), **more)


def check_whole(store: Path) -> None:
    """A new job of hello_world runs to its end in the store, which SQLite finds whole."""
    job = run(hello("after the fault", skip_cache=True))
    assert (job.status, job.error) == ("completed", None)
    assert job.get_output("output").read_text() == "Hello, after the fault!"
    with contextlib.closing(sqlite3.connect(store / "store.db")) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]


def check_blobs(store: Path) -> None:
    """The blobs are what their names say; none is missing, and none is nobody's."""
    with contextlib.closing(sqlite3.connect(store / "store.db")) as connection:
        rows = connection.execute("select distinct lower(hex(digest)) from job_blobs").fetchall()
    names = {row[0] for row in rows}
    contents = {file.name: file.read_bytes() for file in (store / "blobs").glob("*/*")}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    assert digests == {name: name for name in names}


@contextlib.contextmanager
def refused(kind: type[DendroError], *words: str) -> Iterator[None]:
    """The block raises one error of exactly this kind, whose message has these words."""
    with pytest.raises(DendroError) as caught:
        yield
    assert type(caught.value) is kind, repr(caught.value)
    assert kind.exit_code > 2  # 1 is a traceback, and 2 wrong use of a command
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
