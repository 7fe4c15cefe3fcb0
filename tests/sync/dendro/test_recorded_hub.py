"""Jobs of the original's own hub, as it was recorded: with its URLs, ids and hashes.

``tests/data/recorded_runs.jsonl.xz`` has what its handlers answered. What its files held was not
recorded, other than how many bytes they had.
"""

import json
import lzma
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job, JobDefinition, JobInputFile
from dendro_local.signed_records import JobRecord
from dendro_sync.remotes.dendro import DendroRemote
from dendro_sync.remotes.dendro.arriving import OwnUrls
from dendro_sync.selection import Selection
from tests.sync.dendro.records import RESOURCES
from tests.sync.dendro.test_pulling import Pulled, take

RECORDED = Path(__file__).parents[2] / "data" / "recorded_runs.jsonl.xz"

URL = "http://localhost:8765"
SERVICE = "hello_world_service"


def recorded() -> tuple[dict[str, Any], Any]:
    """The jobs of the run with a parent and its child as they ended, and their app."""
    jobs: dict[str, Any] = {}
    app = None
    for line in lzma.decompress(RECORDED.read_bytes()).splitlines():
        each = json.loads(line)
        if each["run"] != "dep" or "call" not in each:
            continue
        if each["call"] == "getJob":
            job = each["reply"]["job"]
            jobs[job["jobId"]] = job
        elif each["call"] == "getServiceApp":
            app = each["reply"]["serviceApp"]
    return jobs, app


class Handler(BaseHTTPRequestHandler):
    """Answers for the recorded hub, to whoever comes by way of a proxy."""

    jobs, app = recorded()

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        call = urlsplit(self.path).path.removeprefix("/api/")
        reply: dict[str, Any] = {"type": f"{call}Response"}
        if call == "findJobs":
            latest = sorted(self.jobs.values(), key=lambda job: -job["timestampUpdatedSec"])
            reply["jobs"] = latest[: request["limit"]]
        elif call == "getJob" and request["jobId"] in self.jobs:
            reply["job"] = self.jobs[request["jobId"]]
        elif call == "getServiceApp":
            reply["serviceApp"] = self.app
        self._send(json.dumps(reply).encode())

    def do_GET(self) -> None:
        sizes = {
            output["url"]: output["size"]
            for job in self.jobs.values()
            for output in job["outputFileResults"]
        }
        self._send(b"x" * sizes.get(self.path, 10))

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets requests to any hub come to the recorded one."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name in ("http_proxy", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_address[1]}")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def pulled(folder: Path, own_urls: OwnUrls) -> tuple[DendroRemote, Pulled]:
    remote = DendroRemote(URL, folder, own_urls=own_urls, patience_sec=0)
    return remote, Pulled(remote, Selection(service=SERVICE))


def job_like(hub: LocalHub, like: JobRecord, url: str | None = None) -> Job:
    """What a submit gives of a job like one that was pulled, with its input at another URL."""
    wanted: JobDefinition = like.jobDefinition
    files = [
        JobInputFile(name=file.name, fileBaseName=file.fileBaseName, url=url or file.url)
        for file in wanted.inputFiles
    ]
    wanted = JobDefinition(
        appName=wanted.appName,
        processorName=wanted.processorName,
        inputFiles=files,
        outputFiles=wanted.outputFiles,
        parameters=wanted.parameters,
    )
    request = NewJob(serviceName=SERVICE, jobDefinition=wanted, requiredResources=RESOURCES)
    return hub.submit([request])[0]


@pytest.fixture
def empty_hub(hub: LocalHub) -> LocalHub:
    """A store that has the app from nowhere but where it is pulled from."""
    hub.remove_service(SERVICE)
    return hub


@pytest.mark.usefixtures("way")
def test_jobs_of_the_original_are_understood(tmp_path: Path) -> None:
    remote, found = pulled(tmp_path / "remote", "kept")
    remote.close()

    parent, child = found.records
    assert found.refused == []
    jobs = Handler.jobs
    assert {each.jobId: each.jobDefinitionHash for each in found.records} == {
        job_id: job["jobDefinitionHash"] for job_id, job in jobs.items()
    }
    assert child.jobDependencies == [parent.jobId]
    assert child.jobDefinition.inputFiles[0].url == jobs[parent.jobId]["outputFileUrlList"][0]
    assert parent.files.outputs["output"].size == jobs[parent.jobId]["outputFileResults"][0]["size"]


@pytest.mark.usefixtures("way")
def test_with_urls_as_they_are_a_child_is_found_by_the_url_that_its_hub_gave(
    empty_hub: LocalHub, tmp_path: Path
) -> None:
    remote, found = pulled(tmp_path / "remote", "kept")
    take(empty_hub, remote, found, tmp_path / "fetched")
    remote.close()
    parent, child = found.records

    assert job_like(empty_hub, parent).jobId == parent.jobId
    assert job_like(empty_hub, child).jobId == child.jobId
    # The parent's output has another URL here, and so is another input.
    here = job_like(empty_hub, parent).outputFileResults[0].url
    assert job_like(empty_hub, child, here).jobId != child.jobId


@pytest.mark.usefixtures("way")
def test_with_stable_urls_a_whole_chain_is_found_as_a_script_submits_it(
    empty_hub: LocalHub, tmp_path: Path
) -> None:
    remote, found = pulled(tmp_path / "remote", "stable")
    take(empty_hub, remote, found, tmp_path / "fetched")
    remote.close()
    parent, child = found.records

    first = job_like(empty_hub, parent)
    second = job_like(empty_hub, child, first.outputFileResults[0].url)

    assert (first.jobId, second.jobId) == (parent.jobId, child.jobId)
