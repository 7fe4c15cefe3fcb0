"""Previews in a real browser: opened step by step, drawn, shown and played."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.hub.conftest import Worker
from tests.server.conftest import OWNER
from tests.server.previews.conftest import DATA
from tests.server.test_browser import SEEK, browser, live  # noqa: F401 - fixtures
from tests.server.v1.conftest import Live, body_of_job

pytestmark = pytest.mark.process

LIMIT_MS = 30_000

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)

LOADED = """async () => {
    const video = document.querySelector("video")
    video.preload = "auto"
    if (video.readyState < 2) await new Promise((resolve, reject) => {
        video.onloadeddata = resolve
        video.onerror = () => reject(video.error.message)
    })
    return video.duration
}"""


Open = Callable[..., Page]


@pytest.fixture
def open_file(
    browser: Browser,  # noqa: F811 - the fixtures
    live: Live,  # noqa: F811
    worker: Worker,
) -> Iterator[Open]:
    """Open the page of an output: ``open_file('a.json', b'{}')``. Nothing may go wrong in it."""
    faults: list[str] = []
    contexts: list[BrowserContext] = []
    _, key = live.hub.add_api_key(OWNER)

    def open_(name: str, content: bytes, **options: Any) -> Page:
        body = body_of_job(name)
        body["jobs"][0]["jobDefinition"]["outputFiles"][0]["fileBaseName"] = name
        reply = live.client.post("/jobs", json=body, headers={"authorization": f"Bearer {key}"})
        worker.complete(worker.claim(), content)
        job_id = reply.json()["jobs"][0]["jobId"]
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(LIMIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
        page.goto(f"{live.server.url}/jobs/{job_id}/files/output/output")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


def test_the_tree_of_an_nwb_file_opens_down_to_a_drawing(open_file: Open) -> None:
    page = open_file("a.nwb", (DATA / "ephys_tiny.nwb").read_bytes())

    page.locator("summary", has_text="ElectricalSeries/").click()
    page.locator("summary", has_text="int16 [150000").click()
    page.locator("img[alt^='Values as a picture']").wait_for()
    page.locator("summary", has_text="spike_times float64").click()
    page.locator(".plot svg path").wait_for()

    assert page.locator("img[alt^='Values']").evaluate("each => each.naturalWidth") == 640
    title = page.title()
    assert title.startswith("a.nwb")


def test_a_long_list_of_json_is_opened_and_goes_on(open_file: Open) -> None:
    content = b'{"text": "<b>", "list": [' + b"7, " * 30_000 + b"8]}"
    page = open_file("a.json", content)

    page.locator("summary", has_text="list").click()
    page.get_by_role("link", name="more, from 100").click()
    page.get_by_role("link", name="more, from 200").wait_for()

    assert page.locator(".tree.flat > li:not(.more)").count() == 200
    assert page.locator(".is-a-string").inner_text() == "<b>"


def test_a_film_is_played_at_any_place(open_file: Open) -> None:
    page = open_file("film.mp4", (DATA / "ten_grays.mp4").read_bytes())
    assert page.evaluate(LOADED) == pytest.approx(10.0, abs=0.1)
    grays = {second: page.evaluate(SEEK, second + 0.5) for second in (8, 1)}
    assert grays == {second: pytest.approx(20 + 20 * second, abs=8) for second in (8, 1)}


def test_an_image_is_shown(open_file: Open) -> None:
    page = open_file("a.png", PIXEL)
    image = page.locator("img.picture")
    image.evaluate("each => each.decode()")
    assert image.evaluate("each => each.naturalWidth") == 1


def test_without_scripts_the_tree_is_read_by_links(open_file: Open) -> None:
    page = open_file(
        "a.nwb",
        (DATA / "ephys_tiny.nwb").read_bytes(),
        java_script_enabled=False,
        viewport={"width": 390, "height": 800},
    )
    page.locator("summary", has_text="spike_times float64").click()
    page.get_by_role("link", name="Show spike_times", exact=True).click()
    page.locator(".plot svg").wait_for()
    page.get_by_role("link", name="units").click()
    page.locator("[aria-current=page]", has_text="units").wait_for()


@pytest.mark.parametrize("name", ["a.html", "a.svg"])
def test_what_can_run_runs_neither_in_its_preview_nor_in_the_hubs_origin(
    open_file: Open, tmp_path: Path, name: str
) -> None:
    script = "<script>document.documentElement.setAttribute('title', 'ran')</script>"
    content = {
        "a.html": f"<!doctype html><title>x</title>{script}",
        "a.svg": f"<svg xmlns='http://www.w3.org/2000/svg'>{script}</svg>",
    }[name]
    page = open_file(name, content.encode())
    assert page.locator("pre.text").inner_text() == content
    link = page.get_by_role("link", name="Download")
    address = link.evaluate("each => each.href")
    assert link.get_attribute("download") == name

    opened = page.context.browser.new_page() if page.context.browser else page.context.new_page()
    opened.goto(address)
    assert opened.evaluate("() => origin") == "null"
    assert opened.evaluate("() => document.documentElement.getAttribute('title')") is None
    opened.close()
