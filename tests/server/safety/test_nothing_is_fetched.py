"""URLs in definitions are for whoever runs the job: the hub itself asks none of them."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dendro_local.model import JobId
from tests.server.conftest import OWNER, Served, job_request
from tests.server.running.conftest import Client, Run


class Elsewhere:
    """A server that notes every connection to it."""

    def __init__(self) -> None:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            do_HEAD = do_POST = do_PUT = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.asked = asked
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    elsewhere = Elsewhere()
    yield elsewhere
    elsewhere.close()


def reading_job(url: str) -> dict[str, Any]:
    """A job that reads what is at a URL."""
    return job_request(
        jobDefinition={
            "appName": "hello_world",
            "processorName": "count_characters",
            "inputFiles": [{"name": "input", "fileBaseName": "input.txt", "url": url}],
            "outputFiles": [{"name": "output", "fileBaseName": "output.json"}],
            "parameters": [],
        }
    )


def test_the_url_of_an_input_is_asked_by_nothing_that_the_hub_does(
    served: Served, elsewhere: Elsewhere
) -> None:
    url = f"{elsewhere.url}/input.txt"
    key = served.key_of(OWNER)
    request = reading_job(url)
    job = served.get("createJob", request, key)["job"]

    served.get("createJob", request, key)
    served.get("findJobs", {"inputFileUrl": url})
    served.get("findJobByDefinition", {k: request[k] for k in ("serviceName", "jobDefinition")})
    for path in ("", "/why"):
        assert served.send("GET", f"/v1/jobs/{job['jobId']}{path}").status_code == 200
    client = Client(served)
    client.find()
    run = Run(served, client.id, job["jobId"]).begin()
    assert run.ask("getSignedDownloadUrl", url=url)[1]["signedUrl"] == url
    served.hub.cancel(JobId(job["jobId"]))
    served.send("POST", f"/v1/jobs/{job['jobId']}/rerun", key=key)

    assert elsewhere.asked == []


def test_a_url_that_only_looks_like_that_of_the_archive_is_not_asked(
    served: Served, elsewhere: Elsewhere
) -> None:
    host = elsewhere.url.removeprefix("http://")
    for url in (
        f"{elsewhere.url}/https://api.dandiarchive.org/api/assets/x/download/",
        f"http://api.dandiarchive.org@{host}/api/assets/x/download/",
        f"https://api.dandiarchive.org.{host}/api/x",
        f"https://api.dandiarchive.org@{host}/api/x",
    ):
        job = served.get("createJob", reading_job(url), served.key_of(OWNER))["job"]
        client = Client(served)
        run = Run(served, client.id, job["jobId"]).begin()
        assert run.ask("getSignedDownloadUrl", url=url)[1]["signedUrl"] == url

    assert elsewhere.asked == []
