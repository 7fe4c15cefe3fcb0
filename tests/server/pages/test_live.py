"""Pages that follow the hub without being loaded again, in a real browser."""

import pytest
from playwright.sync_api import Browser, Page, expect

from dendro_local.hub import RunResult
from dendro_local.local_hub import LocalHub
from tests.hub.conftest import NewJobMaker, Worker
from tests.live_hub import LiveHub
from tests.server.conftest import OWNER
from tests.server.pages.conftest import Visit

pytestmark = pytest.mark.process

STAY = "window.isTheSamePage = true"


def is_the_same(page: Page) -> bool:
    """Whether the page was not loaded again since `STAY`."""
    return bool(page.evaluate("window.isTheSamePage === true"))


def row_of(job_id: str) -> str:
    return f"#job-{job_id}"


def test_a_job_is_followed_from_its_submission_to_its_end(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    page = visit()
    page.evaluate(STAY)
    expect(page.locator(".empty h2")).to_have_text("No jobs yet")

    job = hub.submit([greeting()])[0]
    row = page.locator(row_of(job.jobId))
    expect(row.locator(".status")).to_have_text("pending")
    expect(row.locator(".of-took")).to_contain_text("waits")

    claim = worker.claim()
    hub.set_running(claim)
    expect(row.locator(".status")).to_have_text("running")
    took = row.locator(".of-took")
    before = took.inner_text()
    expect(took).not_to_have_text(before)  # it ticks

    output, console = worker.file("output", b"Hello!"), worker.file("console", b"")
    hub.complete(claim, RunResult(outputs={"output": output}, console=console))
    expect(row.locator(".status")).to_have_text("completed")
    expect(page.locator(".statuses")).to_contain_text("completed 1")
    assert is_the_same(page)


def test_what_the_user_is_doing_stays_as_it_is(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker
) -> None:
    first, second = hub.submit([greeting("a"), greeting("b")])
    page = visit(viewport={"width": 1000, "height": 300})
    box = page.locator(f"{row_of(first.jobId)} input")
    box.check()
    page.locator("#bulk-tag").fill("good")
    page.evaluate("window.scrollTo(0, 120)")
    cell = page.locator(f"{row_of(second.jobId)} .of-processor")
    cell.evaluate("cell => getSelection().selectAllChildren(cell)")
    selected = page.evaluate("getSelection().toString()")

    third = hub.submit([greeting("c")])[0]
    expect(page.locator(row_of(third.jobId))).to_be_visible()

    expect(box).to_be_checked()
    expect(page.locator("#num-selected")).to_have_text("1 selected")
    expect(page.locator("#bulk-tag")).to_have_value("good")
    expect(page.locator("#bulk-tag")).to_be_focused()
    assert page.evaluate("getSelection().toString()") == selected != ""
    assert page.evaluate("scrollY") >= 120


def test_the_page_says_that_the_hub_is_gone_and_recovers_when_it_is_back(
    browser: Browser, hub: LocalHub, greeting: NewJobMaker
) -> None:
    live = LiveHub(hub)
    visit = Visit(browser, live)
    job = hub.submit([greeting()])[0]
    page = visit()
    page.evaluate(STAY)
    banner = page.locator("#connection")
    expect(banner).to_be_empty()
    expect(page.locator(row_of(job.jobId))).to_be_visible()

    live.stop()
    expect(banner).to_have_text("Connection lost, trying again")
    hub.cancel(job.jobId)
    again = LiveHub(hub, port=live.port)

    expect(banner).to_be_empty()
    expect(page.locator(f"{row_of(job.jobId)} .status")).to_have_text("canceled")
    assert is_the_same(page)
    visit.close()
    again.stop()


def test_a_deleted_job_disappears_and_a_page_without_jobs_says_what_to_do(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker
) -> None:
    job = hub.submit([greeting()])[0]
    page = visit()
    expect(page.locator(row_of(job.jobId))).to_be_visible()

    hub.delete([job.jobId])

    expect(page.locator(".empty h2")).to_have_text("No jobs yet")


def test_who_was_logged_out_meanwhile_is_told_so(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker
) -> None:
    page = visit("/remotes")
    hub.end_sessions(OWNER)

    hub.submit([greeting()])

    expect(page.locator("#notice")).to_contain_text("You are not logged in any more.")
    expect(page.locator("h1")).to_have_text("Remotes")


def test_times_are_local_and_the_theme_is_kept(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker
) -> None:
    hub.submit([greeting()])
    page = visit(timezone_id="Asia/Tokyo", color_scheme="light")

    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = ground()
    time = page.locator("td.of-created time")
    shown = page.evaluate("new Date(document.querySelector('td time').dateTime).getHours()")
    expect(time).to_have_text(f"{time.inner_text()[:11]}{shown:02}{time.inner_text()[13:]}")
    assert "UTC" in (time.get_attribute("title") or "")

    page.select_option("#theme", "dark")
    dark = ground()
    page.reload()

    assert ground() == dark != light
    page.select_option("#theme", "")
    page.reload()
    assert ground() == light
