"""What an app asks about its job, and where its files go: each row of the contract."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dendro_local.errors import Conflict
from dendro_local.hub import NewJob
from dendro_local.model import (
    Digest,
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    RequiredResources,
    Secret,
)
from dendro_local.store import file_digest
from tests.conftest import AppMaker
from tests.maintenance.conftest import findings
from tests.server.conftest import BASE_URL, SERVICE, Answer, Served, refusal
from tests.server.running.conftest import NO_JOB, NO_KEY, NOT_RUNNING, WRONG_KEY, Client, Run

FINALIZE_FAILED = refusal(500, "Failed to finalize multipart upload")

CALLS: dict[str, dict[str, Any]] = {
    "getSignedUploadUrl": {"uploadType": "output", "outputName": "output", "size": 1},
    "finalizeMultipartUpload": {"url": "u", "size": 1, "uploadId": "i", "parts": []},
    "cancelMultipartUpload": {"url": "u", "uploadId": "i"},
    "getSignedDownloadUrl": {"url": "u"},
}


def test_only_with_the_jobs_key(running: Run) -> None:
    for call, more in CALLS.items():
        asked = {"jobId": running.job_id, **more}

        assert running.served.ask(call, {**asked, "jobId": "none"}) == NO_JOB
        assert running.served.ask(call, asked) == NO_KEY
        assert running.served.ask(call, asked, "x" * 32) == WRONG_KEY
        assert running.ask(call, **more, more=1) == refusal(400, "Invalid request")


# getSignedUploadUrl


def test_a_small_file_has_one_url(running: Run) -> None:
    status, reply = running.upload_url(size=5)

    assert (status, list(reply)) == (200, ["type", "signedUrl", "downloadUrl"])
    assert reply["downloadUrl"] == (
        f"{BASE_URL}/f/{SERVICE}/hello_world/hello_world_2/{running.job_id}/output/output.txt"
    )


def test_each_kind_of_file_has_its_place(running: Run) -> None:
    other = {"otherName": "figures/a.b.png"}
    places: list[tuple[str, dict[str, Any], str]] = [
        ("consoleOutput", {}, "console_output/output.txt"),
        ("resourceUtilizationLog", {}, "resource_utilization_log/log.jsonl"),
        ("other", other, "other/figures/a.b.png"),
    ]
    for kind, more, path in places:
        status, reply = running.upload_url(kind, 5, **more)

        assert (status, list(reply)) == (200, ["type", "signedUrl", "downloadUrl"])
        assert reply["downloadUrl"].endswith(f"/{running.job_id}/{path}")


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("output", {"outputName": ""}, "Must specify outputName"),
    ("output", {"outputName": "input"}, "Output file not found"),
    ("other", {}, "Must specify otherName"),
    ("other", {"otherName": "../a"}, "Invalid otherName"),
    ("other", {"otherName": "a//b"}, "Invalid otherName"),
    ("other", {"otherName": "a."}, "Invalid otherName"),
    ("other", {"otherName": "a/b/c/d/e/f/g"}, "Invalid otherName"),
    ("other", {"otherName": "a" * 65}, "Invalid otherName"),
    ("other", {"otherName": "a", "size": 1024**3 + 11}, "File size too large"),
    ("consoleOutput", {"size": 1024**3 + 11}, "File size too large"),
    ("output", {"size": 10_000 * 1_048_576_000 + 1}, "File size too large"),
    ("elsewhere", {}, "Invalid request"),
    ("output", {"size": -1}, "Invalid request"),
]


def test_what_cannot_be_uploaded_is_refused(running: Run) -> None:
    for kind, more, message in REFUSED:
        asked = {"uploadType": kind, "size": 1, **more}
        if kind == "output":
            asked = {"outputName": "output", **asked}

        assert running.ask("getSignedUploadUrl", **asked) == refusal(400, message), (kind, more)


def test_another_file_is_given_once(running: Run) -> None:
    assert running.put(b"x", "other", otherName="figures/a") == (200, "")

    taken = refusal(400, "Other file already exists")
    for name in ("figures/a", "figures", "figures/a/b"):
        assert running.upload_url("other", 1, otherName=name) == taken
    assert running.upload_url("other", 1, otherName="figures/b")[0] == 200


def test_an_output_is_only_taken_while_the_job_runs(run: Run) -> None:
    assert run.upload_url(size=1) == NOT_RUNNING
    run.become("starting")
    assert run.upload_url(size=1) == NOT_RUNNING
    run.become("running")
    assert run.upload_url(size=1)[0] == 200


def test_logs_come_until_shortly_after_the_end(
    running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.become("failed", error="boom")
    assert running.upload_url("consoleOutput", 1)[0] == 200
    assert running.upload_url("resourceUtilizationLog", 1)[0] == 200

    monkeypatch.setattr("dendro_local.local_hub.arrived_files.LATE_LOG_SEC", 0)

    assert running.upload_url("consoleOutput", 1) == NOT_RUNNING


# Files in parts


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Run:
    """A job that runs on a hub where files come in parts of at most 1000 bytes."""
    monkeypatch.setenv("DENDRO_PART_BYTES", "1000")
    run = request.getfixturevalue("running")
    assert isinstance(run, Run)
    return run


def test_a_large_output_comes_in_parts(in_parts: Run) -> None:
    for size, parts in ((999, 0), (1000, 1), (1001, 2), (2500, 3)):
        status, reply = in_parts.upload_url(size=size)

        assert status == 200
        if parts:
            assert list(reply) == ["type", "parts", "uploadId", "downloadUrl"]
            assert [part["partNumber"] for part in reply["parts"]] == list(range(1, parts + 1))
        else:
            assert list(reply) == ["type", "signedUrl", "downloadUrl"]


def test_only_outputs_come_in_parts(in_parts: Run) -> None:
    for kind, more in (("consoleOutput", {}), ("other", {"otherName": "a"})):
        assert "signedUrl" in in_parts.upload_url(kind, 5000, **more)[1]


class Parts:
    """An output of 2500 bytes on its way in three parts."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.content = bytes(n % 251 for n in range(2500))
        _, self.reply = run.upload_url(size=2500)
        self.tags: dict[int, str] = {}

    def put(self, number: int, *, other_bytes: bool = False) -> None:
        first = 834 * (number - 1)
        url = self.reply["parts"][number - 1]["signedUrl"]
        content = self.content[first : first + 834]
        if other_bytes:
            content = bytes(len(content))
        sent = self.run.served.send("PUT", url, content=content)
        assert sent.status_code == 200, sent.text
        self.tags[number] = sent.headers["ETag"]

    def finalize(self, **more: object) -> Answer:
        asked = {
            "url": self.reply["downloadUrl"],
            "size": 2500,
            "uploadId": self.reply["uploadId"],
            "parts": [{"PartNumber": number, "ETag": tag} for number, tag in self.tags.items()],
            **more,
        }
        return self.run.ask("finalizeMultipartUpload", **asked)

    def cancel(self) -> Answer:
        asked = {"url": self.reply["downloadUrl"], "uploadId": self.reply["uploadId"]}
        return self.run.ask("cancelMultipartUpload", **asked)

    @property
    def left(self) -> list[str]:
        folder = self.run.served.hub.store.folder.uploads
        return [file.name for file in folder.iterdir()] if folder.exists() else []


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (1, 1, 2, 3), (1, 2, 1, 3)])
def test_parts_may_come_in_any_order_and_again(in_parts: Run, order: tuple[int, ...]) -> None:
    parts = Parts(in_parts)
    for place, number in enumerate(order):
        parts.put(number, other_bytes=number in order[place + 1 :])

    done = parts.finalize()

    assert done == (200, {"type": "finalizeMultipartUploadResponse"})
    assert parts.finalize() == done  # the answer may have been lost
    assert in_parts.job.outputFileResults[0].size == 2500
    assert parts.left == []
    in_parts.become("completed")
    hub = in_parts.served.hub
    assert hub.output_file(in_parts.job.jobId, "output").read_bytes() == parts.content
    assert findings(hub) == []


def test_a_restart_between_two_parts_loses_nothing(
    in_parts: Run, served: Served, request: pytest.FixtureRequest
) -> None:
    parts = Parts(in_parts)
    parts.put(1)
    parts.put(2)

    vars(served.hub).pop("_parted")  # what a process knows by itself is gone
    parts.put(3)

    assert parts.finalize()[0] == 200
    in_parts.become("completed")
    found = served.hub.output_file(in_parts.job.jobId, "output").read_bytes()
    assert found == parts.content


def test_what_is_not_whole_is_not_finalized(in_parts: Run) -> None:
    parts = Parts(in_parts)
    assert parts.finalize() == FINALIZE_FAILED
    parts.put(1)
    parts.put(3)
    assert parts.finalize() == FINALIZE_FAILED
    parts.put(2)

    assert parts.finalize(parts=[]) == FINALIZE_FAILED
    assert parts.finalize(size=2499) == FINALIZE_FAILED
    assert parts.finalize(url="http://elsewhere.test/f") == FINALIZE_FAILED
    assert parts.finalize(uploadId="../../blobs") == FINALIZE_FAILED
    assert parts.finalize(uploadId="a" * 64) == FINALIZE_FAILED
    wrong = [{"PartNumber": n, "ETag": '"x"'} for n in (1, 2, 3)]
    assert parts.finalize(parts=wrong) == FINALIZE_FAILED
    assert parts.finalize()[0] == 200


def test_no_part_comes_while_the_file_is_put_together(
    in_parts: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = Parts(in_parts)
    for number in (3, 1, 2):
        parts.put(number)
    hub = in_parts.served.hub
    token = parts.reply["parts"][0]["signedUrl"].rpartition("/")[2]
    refused: list[Conflict] = []

    def digest_while_a_part_comes(file: Path) -> tuple[Digest, int]:
        with pytest.raises(Conflict, match="is being finalized") as caught:
            hub.begin_upload(token)
        refused.append(caught.value)
        return file_digest(file)

    monkeypatch.setattr(
        "dendro_local.local_hub.parted_uploads.file_digest", digest_while_a_part_comes
    )
    assert parts.finalize()[0] == 200

    assert len(refused) == 1
    in_parts.become("completed")
    assert hub.output_file(in_parts.job.jobId, "output").read_bytes() == parts.content


def test_parts_that_are_canceled_are_removed(in_parts: Run) -> None:
    parts = Parts(in_parts)
    parts.put(1)
    assert len(parts.left) == 1

    assert parts.cancel() == (200, {"type": "cancelMultipartUploadResponse"})

    assert parts.left == []
    assert parts.finalize() == FINALIZE_FAILED
    assert parts.cancel() == (200, {"type": "cancelMultipartUploadResponse"})


def test_parts_that_nobody_finalizes_are_removed(
    in_parts: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = Parts(in_parts)
    parts.put(1)
    monkeypatch.setattr("dendro_local.local_hub.upload_clearing.YOUNG_SEC", 0)
    in_parts.served.hub.clear_uploads()
    assert len(parts.left) == 1  # the job still runs

    in_parts.become("failed", error="boom")
    assert [each.check for each in findings(in_parts.served.hub)] == ["upload_left"]
    in_parts.served.hub.clear_uploads()

    assert parts.left == []


# Outputs with a URL of their own, inputs, and secrets


@pytest.fixture
def published(served: Served, client: Client, make_app: AppMaker) -> Run:
    """A job that runs: its output `output` is a file, and `published` gets a URL from the app."""
    body = """
    from typing import Annotated

    @app.processor
    def publish(
        input: InputFile,
        output: OutputFile,
        published: Annotated[OutputFile, "url_determined_at_runtime"],
    ):
        '''Publishes.

        Args:
            input: A file
            output: A file
            published: Somewhere else
        '''
    """
    served.hub.add_app(str(make_app("publisher", body)), SERVICE)
    (job,) = served.hub.submit(
        [
            NewJob(
                serviceName=SERVICE,
                jobDefinition=JobDefinition(
                    appName="publisher",
                    processorName="publish",
                    inputFiles=[
                        JobInputFile(
                            name="input", fileBaseName="a.nwb", url="https://example.org/a.nwb"
                        )
                    ],
                    outputFiles=[
                        JobOutputFile(name="output", fileBaseName="out.txt"),
                        JobOutputFile(
                            name="published", fileBaseName="p.nwb", urlDeterminedAtRuntime=True
                        ),
                    ],
                    parameters=[],
                ),
                requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60),
                secrets=[Secret(name="DANDI_API_KEY", value="the key")],
            )
        ]
    )
    return Run(served, client.id, job.jobId)


def test_an_app_says_where_it_has_put_an_output(published: Run) -> None:
    published.begin()
    url = "https://dandi.test/published.nwb"

    done = published.ask("setOutputFileUrl", outputName="published", url=url)

    assert done == (200, {"type": "setOutputFileUrlResponse"})
    assert [result.url for result in published.job.outputFileResults][1] == url
    again = published.ask("setOutputFileUrl", outputName="published", url=url)
    assert again == refusal(400, "Output file url is already set")
    published.put(b"x")
    assert published.become("completed")[0] == 200
    assert url in published.job.outputFileUrlList


@pytest.mark.parametrize("call", ["setOutputFileUrl", "getDandiApiKey"])
def test_calls_for_published_outputs_are_refused_alike(published: Run, call: str) -> None:
    more = {"url": "https://a.test"} if call == "setOutputFileUrl" else {}
    asked: dict[str, object] = {"jobId": published.job_id, "outputName": "published", **more}
    served = published.served

    assert served.ask(call, {**asked, "jobId": "none"}) == NO_KEY
    assert served.ask(call, {**asked, "jobId": "none"}, published.key) == NO_JOB
    assert served.ask(call, asked, "x" * 32) == refusal(403, "Unauthorized")
    assert served.ask(call, asked, published.key) == NOT_RUNNING
    published.begin()
    unknown = served.ask(call, {**asked, "outputName": "none"}, published.key)
    assert unknown == refusal(400, "Output name not found in job definition")
    file = served.ask(call, {**asked, "outputName": "output"}, published.key)
    assert file == refusal(
        400,
        "Output url is not determined at run time"
        if call == "setOutputFileUrl"
        else "Cannot get DANDI API key because output url is not determined at run time",
    )


def test_a_published_output_is_no_file_to_upload(published: Run) -> None:
    published.begin()

    answer = published.upload_url(size=1, outputName="published")

    assert answer == refusal(400, "Output url is determined at run time")


def test_an_empty_url_is_none(published: Run) -> None:
    published.begin()

    answer = published.ask("setOutputFileUrl", outputName="published", url="")

    assert answer == refusal(400, "Output file url is empty")


def test_the_key_for_dandi_is_given_while_the_job_runs(published: Run) -> None:
    published.begin()
    asked = {"outputName": "published"}

    given = published.ask("getDandiApiKey", **asked)
    published.become("failed", error="boom")

    assert given == (200, {"type": "getDandiApiKeyResponse", "dandiApiKey": "the key"})
    assert published.ask("getDandiApiKey", **asked) == NOT_RUNNING


def test_an_input_is_read_where_it_lies(published: Run) -> None:
    url = "https://example.org/a.nwb"
    assert published.ask("getSignedDownloadUrl", url=url) == NOT_RUNNING
    published.begin()

    given = published.ask("getSignedDownloadUrl", url=url)
    other = published.ask("getSignedDownloadUrl", url="https://example.org/b.nwb")

    assert given == (200, {"type": "getSignedDownloadUrlResponse", "signedUrl": url})
    message = "Cannot generate signed download URL. No input file with this URL in job."
    assert other == refusal(400, message)


class Archive(http.server.BaseHTTPRequestHandler):
    """A DANDI Archive: leads whoever has the key to where a file lies."""

    asked: list[tuple[str, str | None]]

    def do_HEAD(self) -> None:
        key = self.headers.get("Authorization")
        self.asked.append((self.path, key))
        self.send_response(302 if key == "token the key" else 401)
        self.send_header("Location", "https://bucket.test/blob?signature=1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of the API of an archive of DANDI's kind."""
    handler = type("Asked", (Archive,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/api"
        monkeypatch.setenv("DENDRO_DANDI_API_URL", url)
        yield url
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("secret", "found"),
    [("the key", "https://bucket.test/blob?signature=1"), ("another", None)],
)
def test_a_file_of_dandi_is_found_with_the_jobs_key(
    served: Served, client: Client, archive: str, secret: str, found: str | None
) -> None:
    url = f"{archive}/assets/1/download/"
    definition = {
        "appName": "hello_world",
        "processorName": "count_characters",
        "inputFiles": [{"name": "input", "fileBaseName": "input.txt", "url": url}],
        "outputFiles": [{"name": "output", "fileBaseName": "output.json"}],
        "parameters": [],
    }
    job = served.create_job(
        jobDefinition=definition, secrets=[{"name": "DANDI_API_KEY", "value": secret}]
    )
    run = Run(served, client.id, job["jobId"]).begin()

    reply = run.ask("getSignedDownloadUrl", url=url)

    assert reply == (200, {"type": "getSignedDownloadUrlResponse", "signedUrl": found or url})


def test_an_archive_that_does_not_answer_is_named(
    served: Served, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DENDRO_DANDI_API_URL", "http://127.0.0.1:9/api")
    url = "http://127.0.0.1:9/api/assets/1/download/"
    definition = {
        "appName": "hello_world",
        "processorName": "count_characters",
        "inputFiles": [{"name": "input", "fileBaseName": "input.txt", "url": url}],
        "outputFiles": [{"name": "output", "fileBaseName": "output.json"}],
        "parameters": [],
    }
    job = served.create_job(jobDefinition=definition)
    run = Run(served, client.id, job["jobId"]).begin()

    status, reply = run.ask("getSignedDownloadUrl", url=url)

    assert status == 502
    assert "did not answer" in reply["error"]
