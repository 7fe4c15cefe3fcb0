"""Files to be previewed: alone, as a reader's process sees them, and as outputs of jobs."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.server.previews.readers import Readers
from dendro_local.server.previews.reading.question import Question, Reply
from tests.hub.conftest import Worker
from tests.server.conftest import Served
from tests.server.v1.conftest import V1, new_job

DATA = Path(__file__).parents[2] / "data"

Ask = Callable[..., Reply]
Complete = Callable[..., str]


@pytest.fixture
def ask() -> Ask:
    """Ask a reader's process: ``ask(path, format='json', path='/a')``."""

    def ask_(file: Path, *, most_sec: float = 60.0, **question: object) -> Reply:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            readers = Readers(most_sec=most_sec)
            asked = Question(**question)  # type: ignore[arg-type]  # as the test gives them
            return asyncio.run(readers.ask(descriptor, None, asked))
        finally:
            os.close(descriptor)

    return ask_


@pytest.fixture
def v1(served: Served) -> V1:
    """The hub's ``/v1``."""
    return V1(served)


@pytest.fixture
def complete(hub: LocalHub, worker: Worker, v1: V1) -> Complete:
    """Complete a job whose output has a name and bytes: ``complete('a.txt', b'...')``."""

    def complete_(name: str, content: bytes, *, console: bytes = b"") -> str:
        request = new_job(name)
        request["jobDefinition"]["outputFiles"][0]["fileBaseName"] = name
        [job] = v1.submit(request)
        worker.complete(worker.claim(), content, console)
        return str(job["jobId"])

    return complete_
