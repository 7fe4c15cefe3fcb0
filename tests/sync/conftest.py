"""Stores, the remotes between them, and jobs that ran in one of them."""

import hashlib
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job, JobDefinition, JobInputFile, JobOutputFile, JobParameter
from dendro_sync import add_remote, own_key, push, trust_key
from tests.hub.conftest import RESOURCES, Worker
from tests.live_hub import served

JOBS = int(os.environ.get("SYNC_JOBS", "300"))

SERVICE = "hello_world_service"


class Stores:
    """Stores in one folder, each with a name, and a remote between them called ``r``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open = ExitStack()
        self._hubs: dict[str, LocalHub] = {}
        self._workers: dict[str, Worker] = {}
        self.url = str(folder / "bucket")
        self._key_file: Path | None = None
        self.served: LocalHub | None = None

    def __getitem__(self, name: str) -> LocalHub:
        """The store of this name; it is made, with the remote, at the first time."""
        if name not in self._hubs:
            self._hubs[name] = hub = self.open(name)
            add_remote(hub, "r", self.url, key_file=self._key_file)
        return self._hubs[name]

    def open(self, name: str) -> LocalHub:
        """The store of this name, opened once more and without a remote."""
        hub = LocalHub(self.folder / name)
        self._open.callback(hub.close)
        return hub

    def add(self, name: str, hub: LocalHub) -> None:
        """Have a store that was opened, and has no remote, be known by a name."""
        self._hubs[name] = hub

    def serve(self, url: str | None = None) -> LocalHub:
        """Have the remote be a hub.

        Args:
            url: where a process serves the store ``served``, or will; None to serve it here.
        """
        self.served = hub = self.open("served")
        self.url = url or self._open.enter_context(served(hub)).url
        _, key = hub.add_api_key(hub.user_id, "test")
        self._key_file = self.folder / "api-key"
        self._key_file.write_text(key)
        return hub

    def worker(self, name: str) -> Worker:
        """What completes the jobs of a store by hand."""
        if name not in self._workers:
            self._workers[name] = Worker(self[name], self.folder / f"worker-{name}")
        return self._workers[name]

    def trust(self, name: str, *others: str) -> None:
        """Let a store trust what others sign."""
        for other in others:
            trust_key(self[name], other, own_key(self[other]).publicKey)

    def complete(
        self, name: str, request: NewJob, content: bytes = b"Hello!", console: bytes = b""
    ) -> Job:
        """A completed job with this output."""
        [job] = self[name].submit([request])
        worker = self.worker(name)
        claim = worker.claim()
        assert claim.job.jobId == job.jobId
        return worker.complete(claim, content, console)

    def close(self) -> None:
        self._open.close()


@pytest.fixture
def stores(tmp_path: Path, store_folder: Path) -> Iterator[Stores]:
    """Stores around a folder as their remote: ``stores["a"]``."""
    stores = Stores(tmp_path)
    yield stores
    stores.close()


@pytest.fixture(autouse=True)
def patient_submits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache may take long to answer: the machine may be busy."""
    monkeypatch.setenv("DENDRO_CACHE_TIMEOUT", "60")


@pytest.fixture
def bucket(stores: Stores) -> str:
    """A folder to which a store ``a`` pushed two jobs, one of which took the other's output."""
    first = stores.complete("a", greeting("x", tags=["t"]), b"12345")
    stores.complete("a", counting(url_of(first)), b"5")
    push(stores["a"])
    return stores.url


@pytest.fixture
def key(stores: Stores) -> str:
    """The public key of the store ``a``."""
    return own_key(stores["a"]).publicKey


def greeting(name: str, **more: object) -> NewJob:
    """A request for a job with one output and no input."""
    return NewJob(
        serviceName=SERVICE,
        jobDefinition=JobDefinition(
            appName="hello_world",
            processorName="hello_world_2",
            inputFiles=[],
            outputFiles=[JobOutputFile(name="output", fileBaseName="output.txt")],
            parameters=[JobParameter(name="name", value=name)],
        ),
        requiredResources=RESOURCES,
        **more,  # type: ignore[arg-type]  # fields of it
    )


def counting(url: str, bust: str = "", **more: object) -> NewJob:
    """A request for a job that takes the file at a URL."""
    return NewJob(
        serviceName=SERVICE,
        jobDefinition=JobDefinition(
            appName="hello_world",
            processorName="count_characters",
            inputFiles=[JobInputFile(name="input", fileBaseName="input.txt", url=url)],
            outputFiles=[JobOutputFile(name="output", fileBaseName="output.json")],
            parameters=[],
            **({"cacheBust": bust} if bust else {}),
        ),
        requiredResources=RESOURCES,
        **more,  # type: ignore[arg-type]  # fields of it
    )


def url_of(job: Job) -> str:
    """The URL of a job's output."""
    return job.outputFileResults[0].url


def content_of(job: Job) -> bytes:
    """What a job of a graph gives: its own, and short."""
    return hashlib.sha256(job.jobDefinitionHash.encode()).hexdigest().encode() * 2


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> "Graph":
    """A store with `JOBS` jobs that take each other's outputs."""
    return make_graph(tmp_path_factory.mktemp("graph"), JOBS)


ContentOf = Callable[[Job], bytes]
"""What a job gives."""


class Graph:
    """A store that ran jobs, and their requests."""

    def __init__(
        self, folder: Path, requests: list[NewJob], content: ContentOf = content_of
    ) -> None:
        self.folder = folder
        self.requests = requests
        self.content = content

    def copy(self, folder: Path) -> None:
        """Put a copy of the store there, which counts as the store itself."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("wake", "clients"))


def make_graph(folder: Path, count: int, content: ContentOf = content_of) -> Graph:
    """A new store in a folder with jobs that take each other's outputs."""
    hub = LocalHub(folder / "store")
    requests = run_graph(hub, Worker(hub, folder / "worker"), count, content=content)
    hub.close()
    return Graph(folder / "store", requests, content)


def run_graph(
    hub: LocalHub, worker: Worker, count: int, seed: int = 1, content: ContentOf = content_of
) -> list[NewJob]:
    """Let a store complete jobs that take each other's outputs; their requests."""
    choose = random.Random(seed)
    requests: list[NewJob] = []
    jobs: list[Job] = []
    for number in range(count):
        if not jobs or choose.random() < 0.3:
            requests.append(greeting(f"job {number}", tags=["graph"]))
        else:
            parent = choose.choice(jobs[-50:])
            more = {each.jobId for each in choose.sample(jobs[-50:], min(2, len(jobs)))}
            requests.append(counting(url_of(parent), str(number), jobDependencies=sorted(more)))
        jobs += hub.submit(requests[-1:])
        worker.complete(worker.claim(), content(jobs[-1]))
    return requests


def check_all_hit(
    hub: LocalHub, requests: Sequence[NewJob], content: ContentOf = content_of
) -> None:
    """Each request hits, and the outputs' bytes are those that the jobs gave."""
    for request in requests:
        [job] = hub.submit([request])
        assert job.status == "completed", job
        output = job.outputFileResults[0].name
        assert hub.output_file(job.jobId, output).read_bytes() == content(job)


def ids_in(hub: LocalHub) -> set[str]:
    """The ids of the jobs of a store."""
    from dendro_local.hub import JobQuery

    return {job.jobId for job in hub.find_jobs(JobQuery(limit=1_000_000))}


def left_in_uploads(hub: LocalHub) -> list[str]:
    """Files that are on their way in."""
    folder = hub.store.folder.uploads
    return sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []
