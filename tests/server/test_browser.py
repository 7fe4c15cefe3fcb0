"""A page of another site, in a real browser, that uses a hub as Neurosift does."""

import http.server
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from dendro_local.local_hub import LocalHub
from tests.hub.conftest import Worker
from tests.server.conftest import OWNER, job_request
from tests.server.v1.conftest import Live, body_of_job

pytestmark = pytest.mark.process

FILM = Path(__file__).parents[1] / "data" / "ten_grays.mp4"
"""Ten seconds of H.264, each in a gray of its own, which is 20 brighter than the one before."""

LIMIT_MS = 60_000
STRANGER = "stranger.example"
"""A site of which the hub knows nothing."""

ASK = """async ([url, key, body]) => {
    const headers = {"Content-Type": "application/json"}
    if (key) headers["Authorization"] = `Bearer ${key}`
    const reply = await fetch(url, {method: "POST", headers, body: JSON.stringify(body)})
    return [reply.status, await reply.json()]
}"""

READ_RANGE = """async ([url, range]) => {
    const reply = await fetch(url, {headers: {Range: range}, cache: "no-store"})
    const shown = Object.fromEntries(reply.headers.entries())
    return [reply.status, await reply.text(), shown]
}"""

FAILS = """async url => {
    try { return (await fetch(url)).status } catch (error) { return error.name }
}"""

LOAD_FILM = """async url => {
    const video = document.createElement("video")
    Object.assign(video, {crossOrigin: "anonymous", muted: true, preload: "auto", src: url})
    document.body.append(video)
    await new Promise((resolve, reject) => {
        video.oncanplay = resolve
        video.onerror = () => reject(video.error.message)
    })
    return [video.duration, video.seekable.end(0), video.videoWidth, video.videoHeight]
}"""

SEEK = """async second => {
    const video = document.querySelector("video")
    await new Promise(resolve => {
        video.onseeked = resolve
        video.currentTime = second
    })
    const canvas = document.createElement("canvas")
    Object.assign(canvas, {width: video.videoWidth, height: video.videoHeight})
    const context = canvas.getContext("2d")
    context.drawImage(video, 0, 0)
    return context.getImageData(5, 5, 1, 1).data[0]
}"""

PLAY = """async () => {
    const video = document.querySelector("video")
    await new Promise((resolve, reject) => {
        const from = video.currentTime
        video.ontimeupdate = () => { if (video.currentTime > from + 0.2) resolve() }
        video.play().catch(reject)
    })
    video.pause()
}"""


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = b"<!doctype html><title>A page</title><link rel=icon href='data:,'>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of a web site of its own."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this system, without a window."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium is not None, "chromium is not installed; .ci/run installs it where it may"
    arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


Opener = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, elsewhere: int) -> Iterator[Opener]:
    """Open the page of a site: ``open_page('localhost')``."""
    context = browser.new_context()
    context.set_default_timeout(LIMIT_MS)

    def open_(name: str, printed: list[str] | None = None) -> Page:
        page = context.new_page()

        def note(message: ConsoleMessage) -> None:
            if printed is not None:
                printed.append(message.text)

        page.on("console", note)
        page.goto(f"http://{name}:{elsewhere}/")
        return page

    yield open_
    context.close()


@pytest.fixture
def live(hub: LocalHub) -> Iterator[Live]:
    """The hub, served on a port."""
    live = Live(hub)
    yield live
    live.close()


@pytest.fixture
def page(open_page: Opener) -> Page:
    """A page of a site that the hub knows: one that is being developed on this machine."""
    return open_page("localhost")


def ask(
    page: Page, live: Live, call: str, body: Mapping[str, object], key: str = ""
) -> tuple[int, Any]:
    """What the page is answered by a call of the contract."""
    url = f"{live.server.url}/api/{call}"
    status, reply = page.evaluate(ASK, [url, key, {"type": f"{call}Request", **body}])
    return status, reply


def output_url(live: Live, worker: Worker, content: bytes, *, name: str = "a.txt") -> str:
    """Where the output of a completed job is served."""
    body = body_of_job()
    body["jobs"][0]["jobDefinition"]["outputFiles"][0]["fileBaseName"] = name
    _, key = live.hub.add_api_key(OWNER)
    reply = live.client.post("/jobs", json=body, headers={"authorization": f"Bearer {key}"})
    worker.complete(worker.claim(), content)
    url: str = reply.json()["jobs"][0]["outputFileResults"][0]["url"]
    return url


def test_a_page_submits_finds_and_follows_a_job(
    page: Page, live: Live, hub: LocalHub, worker: Worker
) -> None:
    _, key = hub.add_api_key(OWNER)

    status, created = ask(page, live, "createJob", job_request(tags=["neurosift"]), key)
    found = ask(page, live, "findJobs", {"tags": ["neurosift"]})
    worker.complete(worker.claim())
    got = ask(page, live, "getJob", {"jobId": created["job"]["jobId"], "includePrivateKey": False})

    assert (status, created["job"]["status"]) == (200, "pending")
    assert found == (200, {"type": "findJobsResponse", "jobs": [created["job"]]})
    assert got[1]["job"]["status"] == "completed"
    assert ask(page, live, "createJob", job_request(), "x" * 32)[0] == 401


def test_a_page_reads_parts_of_an_output(page: Page, live: Live, worker: Worker) -> None:
    url = output_url(live, worker, b"0123456789")

    status, text, shown = page.evaluate(READ_RANGE, [url, "bytes=2-5"])

    assert (status, text) == (206, "2345")
    assert shown["content-range"] == "bytes 2-5/10"
    assert shown["accept-ranges"] == "bytes"
    assert shown["content-length"] == "4"
    assert shown["etag"].startswith('"')
    status, _, shown = page.evaluate(READ_RANGE, [url, "bytes=10-"])
    assert (status, shown["content-range"]) == (416, "bytes */10")


def test_a_page_plays_a_film_and_goes_to_any_place_in_it(
    page: Page, live: Live, worker: Worker
) -> None:
    url = output_url(live, worker, FILM.read_bytes(), name="film.mp4")

    duration, seekable, width, height = page.evaluate(LOAD_FILM, url)
    grays = {second: page.evaluate(SEEK, second + 0.5) for second in (8, 1, 5)}
    page.evaluate(PLAY)

    assert duration == seekable == pytest.approx(10.0, abs=0.1)
    assert (width, height) == (640, 480)
    assert grays == {second: pytest.approx(20 + 20 * second, abs=8) for second in (8, 1, 5)}


def test_a_page_of_an_unknown_site_reads_nothing_and_changes_nothing(
    open_page: Opener, live: Live, hub: LocalHub, worker: Worker
) -> None:
    _, key = hub.add_api_key(OWNER)
    url = output_url(live, worker, b"0123456789")
    printed: list[str] = []
    page = open_page(STRANGER, printed)

    failures = [page.evaluate(FAILS, each) for each in (url, f"{live.server.url}/v1/jobs")]
    with pytest.raises(Exception, match="Failed to fetch"):
        ask(page, live, "createJob", job_request("from afar"), key)

    assert failures == ["TypeError"] * 2
    ends_at = time.monotonic() + LIMIT_MS / 1000
    while len([line for line in printed if "CORS policy" in line]) < 3:
        assert time.monotonic() < ends_at, printed
        page.wait_for_timeout(20)
    assert len(live.client.get("/jobs").json()["jobs"]) == 1
