"""Files that are put at a signed URL: taken whole, or not at all."""

import hashlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import requests

from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.upload_tickets import UploadTickets
from dendro_local.model import JobId
from dendro_local.store.store_key import StoreKey
from tests.server.conftest import refusal
from tests.server.running.conftest import WAIT_SEC, Run, let_lapse, wait_until

SMALL = b"Hello!"

NO_URL = refusal(403, "This is no upload URL of this hub. Ask for one with the job's key.")


def url_of(run: Run, size: int, kind: str = "output", **more: object) -> str:
    status, reply = run.upload_url(kind, size, **more)
    assert status == 200
    url: str = reply["signedUrl"]
    return url


def put(run: Run, url: str, content: object) -> httpx.Response:
    return run.served.send("PUT", url, content=content)


def left(hub: LocalHub) -> list[str]:
    """What is in the folder of uploads."""
    folder = hub.store.folder.uploads
    return [file.name for file in folder.iterdir()] if folder.exists() else []


def output(run: Run) -> bytes:
    """The output of a run that has not ended, as it is kept so far."""
    found = run.served.hub.stored(JobId(run.job_id)).files.outputs["output"]
    assert found.digest is not None
    return run.served.hub.store.blobs.path(found.digest).read_bytes()


async def in_chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 4096], ids=["0", "1", "1 MiB"])
def test_a_file_is_kept_with_its_digest(running: Run, content: bytes) -> None:
    reply = put(running, url_of(running, len(content)), content)

    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert output(running) == content
    assert running.job.outputFileResults[0].size == len(content)
    assert left(running.served.hub) == []


def test_a_file_may_come_in_chunks(running: Run) -> None:
    url = url_of(running, 3_000_000)
    chunks = [bytes([n]) * 100_000 for n in range(30)]

    assert put(running, url, in_chunks(*chunks)).status_code == 200
    assert output(running) == b"".join(chunks)


def test_other_bytes_than_announced_are_refused(running: Run) -> None:
    url = url_of(running, len(SMALL))
    for content in (SMALL[:-1], SMALL + b"!", b"", b"x" * 3_000_000):
        for reply in (put(running, url, content), put(running, url, in_chunks(content))):
            assert reply.status_code == 400
            assert reply.json()["error"].startswith("6 bytes were announced, and ")

    assert left(running.served.hub) == []
    assert running.job.outputFileResults[0].size is None
    assert put(running, url, SMALL).status_code == 200


def test_an_output_that_is_uploaded_again_is_the_later_one(running: Run) -> None:
    url = url_of(running, 6)
    put(running, url, b"first!")

    put(running, url, b"second")

    assert output(running) == b"second"
    blobs = list(running.served.hub.store.folder.blobs.glob("??/*"))
    assert [blob.read_bytes() for blob in blobs] == [b"second"]


def test_a_changed_url_is_refused(running: Run) -> None:
    text, _, signature = url_of(running, len(SMALL)).rpartition("/")[2].partition(".")

    for token in (
        f"{text}.{'A' * len(signature)}",
        f"{text[:-2]}AA.{signature}",
        "",
        text,
        f"{text}.",
        f"{text}.é%00",
    ):
        reply = put(running, f"/u/{token}", SMALL)
        assert (reply.status_code, reply.json()) == NO_URL


def test_a_url_of_another_store_is_refused(running: Run, tmp_path: Path) -> None:
    other = StoreKey(tmp_path / "key")
    tokens, _ = UploadTickets(other).issue(JobId(running.job_id), 1, "output", "output", 6, None)

    reply = put(running, f"/u/{tokens[0]}", SMALL)

    assert (reply.status_code, reply.json()) == NO_URL


def test_an_expired_url_is_refused(running: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dendro_local.local_hub.upload_tickets.VALID_SEC", -10)

    reply = put(running, url_of(running, len(SMALL)), SMALL)

    message = "This upload URL has expired. Ask for a new one with the job's key."
    assert (reply.status_code, reply.json()) == refusal(403, message)


@pytest.mark.parametrize("end", ["completed", "failed", "canceled", "deleted"])
def test_after_the_end_nothing_is_replaced(running: Run, end: str) -> None:
    hub = running.served.hub
    url = url_of(running, len(SMALL))
    put(running, url, SMALL)
    if end == "canceled":
        hub.cancel(JobId(running.job_id))
    elif end == "deleted":
        hub.delete([JobId(running.job_id)])
    else:
        running.become(end, **({"error": "boom"} if end == "failed" else {}))

    reply = put(running, url, b"other!")

    if end == "deleted":
        assert (reply.status_code, reply.json()) == refusal(
            404, "The job of this upload was deleted."
        )
    else:
        assert (reply.status_code, reply.json()) == refusal(409, "Job is not running")
    assert left(hub) == []


def test_an_end_while_a_file_comes_refuses_it(running: Run) -> None:
    hub = running.served.hub
    url = url_of(running, len(SMALL))

    async def canceled_half_way() -> AsyncIterator[bytes]:
        yield SMALL[:3]
        hub.cancel(JobId(running.job_id))
        yield SMALL[3:]

    reply = put(running, url, canceled_half_way())

    assert (reply.status_code, reply.json()) == refusal(409, "Job is not running")
    assert left(hub) == []
    assert list(hub.store.folder.blobs.glob("??/*")) == []


def test_another_file_appears_when_it_is_there(running: Run) -> None:
    url = url_of(running, 1, "other", otherName="figures/a.png")
    assert not running.job.otherFileOutputs

    assert put(running, url, b"x").status_code == 200
    again = put(running, url, b"y")

    (other,) = running.job.otherFileOutputs or []
    assert other.name == "figures/a.png"
    assert (again.status_code, again.json()) == refusal(400, "Other file already exists")


def test_a_log_is_served_while_the_job_runs(running: Run) -> None:
    hub = running.served.hub
    console = running.job.consoleOutputUrl
    assert hub.served_file(console).size == 0

    put(running, url_of(running, 3, "consoleOutput"), b"so ")
    first = hub.served_file(console)
    put(running, url_of(running, 6, "consoleOutput"), b"so far")
    second = hub.served_file(console)

    assert (first.size, first.is_growing, first.digest) == (3, True, None)
    assert (second.size, second.path.read_bytes()) == (6, b"so far")
    assert second.name == "output.txt"


def test_a_late_log_takes_the_place_of_the_one_before(running: Run) -> None:
    hub, job_id = running.served.hub, JobId(running.job_id)
    running.put(b"so far", "consoleOutput")
    running.become("failed", error="boom")

    assert running.put(b"so far, and the end", "consoleOutput") == (200, "")
    assert running.put(b"", "resourceUtilizationLog") == (200, "")

    assert hub.console(job_id) == b"so far, and the end"
    assert [blob.read_bytes() for blob in hub.store.folder.blobs.glob("??/*")] == [
        b"so far, and the end"
    ]


def test_an_upload_keeps_the_run_alive(running: Run) -> None:
    hub = running.served.hub
    url = url_of(running, len(SMALL))
    stored = hub.stored(JobId(running.job_id))
    with hub.store.transaction():
        hub.store.jobs.renew([(stored.number, stored.claim_token or "")], 1.0)

    put(running, url, SMALL)

    assert hub.abandoned() == []


def test_a_full_disk_is_told(running: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    url = url_of(running, 900_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))

    reply = put(running, url, SMALL)

    message = "No room is left on the disk of the hub; nothing was changed."
    assert (reply.status_code, reply.json()) == refusal(507, message)


def test_only_put_is_for_uploads(running: Run) -> None:
    url = url_of(running, 1)
    for method in ("GET", "POST", "DELETE"):
        reply = running.served.send(method, url)
        assert (reply.status_code, reply.json()) == refusal(405, "Method not allowed")
    assert running.served.send("OPTIONS", url).status_code == 200


# Over a real connection


@pytest.mark.process
def test_a_client_that_goes_away_leaves_nothing(running: Run, address: str, hub: LocalHub) -> None:
    path = urlsplit(url_of(running, 3_000_000)).path
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"PUT {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 3000000\r\n\r\n"
        connection.sendall(head.encode() + bytes(1_500_000))
        wait_until(lambda: bool(left(hub)))

    wait_until(lambda: not left(hub))
    assert running.job.outputFileResults[0].size is None
    sent = requests.put(f"http://{address}{path}", data=bytes(3_000_000), timeout=WAIT_SEC)
    assert sent.status_code == 200


@pytest.mark.process
def test_the_library_of_the_original_puts_files(
    running: Run, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for content in (b"", b"x" * 1_000_000):  # an empty file comes in chunks
        file = tmp_path / "file"
        file.write_bytes(content)
        path = urlsplit(url_of(running, len(content))).path
        with file.open("rb") as stream:
            sent = requests.put(f"http://{address}{path}", data=stream, timeout=WAIT_SEC)
        assert (sent.status_code, sent.text) == (200, "")
        assert output(running) == content


@pytest.mark.process
def test_a_server_keeps_runs_and_removes_what_is_left(
    running: Run, hub: LocalHub, request: pytest.FixtureRequest
) -> None:
    let_lapse(hub, running.job_id)
    old = hub.store.folder.uploads / "gone.1.12345678.whole"
    old.parent.mkdir()
    old.touch()
    os.utime(old, (1.0, 1.0))

    request.getfixturevalue("address")

    wait_until(lambda: not old.exists())
    assert hub.abandoned() == []  # while no server was there, nobody could be heard of
    assert running.job.status == "running"
