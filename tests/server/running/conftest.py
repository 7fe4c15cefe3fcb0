"""Compute clients of other machines that run jobs over the contract, played by hand."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from litestar import Litestar, asgi
from litestar.types import ASGIApp, HTTPScope, Receive, Send

from dendro_local.local_hub import LocalHub
from dendro_local.model import Job, JobId
from dendro_local.server.contract import ContractRoutes
from dendro_local.server.serving import Server, ServerOptions
from dendro_local.server.site import Site
from dendro_local.server.uploads import UploadRoutes
from tests.server.conftest import OWNER, SERVICE, Answer, Served, refusal

WRONG_KEY = refusal(401, "Unauthorized: incorrect or missing job private key")
NO_KEY = refusal(400, "Job private key must be provided")
NO_JOB = refusal(404, "Job not found")
NOT_RUNNING = refusal(400, "Job is not running")

OK = 200

WAIT_SEC = 30.0


class Client:
    """A registered compute client, which asks with its key."""

    def __init__(
        self, served: Served, user_id: str = OWNER, services: tuple[str, ...] = (SERVICE,)
    ):
        self._served = served
        record, self.key = served.hub.register_compute_client(user_id, "elsewhere", services)
        self.id = record.computeClientId

    def find(self, **more: object) -> dict[str, Any]:
        """The jobs that it may start, and that it runs."""
        asked = {"computeClientId": self.id, **more}
        reply: dict[str, Any] = self._served.get("getRunnableJobsForComputeClient", asked, self.key)
        return reply

    def offered(self, **more: object) -> list[str]:
        """The ids of the jobs that it may start."""
        return [job["jobId"] for job in self.find(**more)["runnableJobs"]]


class Run:
    """A run of a job over the contract, step by step."""

    def __init__(self, served: Served, client_id: str, job_id: str) -> None:
        self.served = served
        self.client_id = client_id
        self.job_id = job_id
        self.key = served.hub.keyed_job(JobId(job_id)).key

    def ask(self, call: str, **more: object) -> Answer:
        """What a call about the job is answered, asked with the job's key."""
        return self.served.ask(call, {"jobId": self.job_id, **more}, self.key)

    def become(self, status: str, **more: object) -> Answer:
        """Tell the hub how far the run has come."""
        asked = {"computeClientId": self.client_id, "status": status, **more}
        return self.ask("setJobStatus", **asked)

    def begin(self) -> "Run":
        """Start the job, and its app."""
        for status in ("starting", "running"):
            assert self.become(status) == (OK, {"type": "setJobStatusResponse"})
        return self

    def upload_url(self, kind: str = "output", size: int = 0, **more: object) -> Answer:
        """Where to put a file of the job."""
        if kind == "output":
            more = {"outputName": "output", **more}
        return self.ask("getSignedUploadUrl", uploadType=kind, size=size, **more)

    def put(self, content: bytes, kind: str = "output", **more: object) -> Answer:
        """Upload a file whole; status and text of the answer."""
        status, reply = self.upload_url(kind, len(content), **more)
        assert status == OK, reply
        sent = self.served.send("PUT", reply["signedUrl"], content=content)
        return sent.status_code, sent.text

    @property
    def job(self) -> Job:
        """The record as it is now."""
        return self.served.hub.get_job(JobId(self.job_id))


def contract_alone(site: Site) -> ASGIApp:
    """The application without the routes that no run needs, which take long to be made."""
    contract, uploads = ContractRoutes(site), UploadRoutes(site)

    @asgi("/api", is_mount=True, copy_scope=False)
    async def serve_contract(scope: HTTPScope, receive: Receive, send: Send) -> None:
        await contract(scope, receive, send)

    @asgi("/u", is_mount=True, copy_scope=False)
    async def take_upload(scope: HTTPScope, receive: Receive, send: Send) -> None:
        await uploads(scope, receive, send)

    return Litestar([serve_contract, take_upload], openapi_config=None, logging_config=None)


@pytest.fixture
def served(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The hub, served as far as whoever runs jobs over the contract needs it."""
    monkeypatch.setattr("tests.server.conftest.make_app", contract_alone)
    served = Served(hub)
    yield served
    served.close()


@pytest.fixture
def client(served: Served) -> Client:
    """A compute client of another machine that runs the jobs of the hello world service."""
    return Client(served)


@pytest.fixture
def run(served: Served, client: Client) -> Run:
    """A job that the compute client has found, and not started yet."""
    return Run(served, client.id, served.create_job()["jobId"])


@pytest.fixture
def running(run: Run) -> Run:
    """A job that the compute client runs."""
    return run.begin()


def let_lapse(hub: LocalHub, job_id: str) -> None:
    """Let the run of a job not have been heard of for long."""
    with hub.store.transaction():
        stored = hub.stored(JobId(job_id))
        hub.store.jobs.renew([(stored.number, stored.claim_token or "")], 1.0)


@pytest.fixture
def address(served: Served, hub: LocalHub) -> Iterator[str]:
    """Where the hub is served over a real network."""
    server = Server(hub, ServerOptions(port=0))
    started = threading.Event()
    thread = threading.Thread(target=server.run, args=(started.set,))
    thread.start()
    assert started.wait(WAIT_SEC)
    yield urlsplit(server.url).netloc
    server.stop()
    thread.join(WAIT_SEC)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    deadline = time.monotonic() + WAIT_SEC
    while not is_so():
        assert time.monotonic() < deadline, "it did not become so"
        threading.Event().wait(0.01)
