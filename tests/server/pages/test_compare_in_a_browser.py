"""Jobs side by side in a real browser: chosen from a list, drawn, and live."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from dendro_local.hub import NewJob, RunResult
from dendro_local.local_hub import LocalHub
from tests.hub.conftest import Worker
from tests.server.pages.conftest import Visit
from tests.server.pages.test_job_in_a_browser import usage

pytestmark = pytest.mark.process

Making = Callable[..., NewJob]

PHONE = {"width": 390, "height": 800}


def test_jobs_are_selected_compared_and_followed(
    visit: Visit, hub: LocalHub, worker: Worker, greeting: Making
) -> None:
    first, second = hub.submit([greeting("Ada"), greeting("Bob")])
    claim = worker.claim()
    hub.set_running(claim)
    log = worker.file("log", usage(20))
    hub.complete(claim, RunResult(outputs={"output": worker.file("o", b"a")}, usage=log))
    page = visit("/")
    page.check(f"[value='{first.jobId}']")
    page.check(f"[value='{second.jobId}']")
    page.click(".bulk >> text=Compare")
    page.wait_for_url(re.compile("/compare[?]job=.{20}&job=.{20}$"))

    row = page.locator("#compared tr", has_text="name")
    expect(row.locator("td").first).to_have_text(re.compile("Ada|Bob"))
    expect(page.locator("#usage-charts canvas")).to_have_count(2)
    page.click("#equal-resources summary")
    expect(page.locator("#equal-resources")).to_contain_text("numCpus")
    page.evaluate("window.isSamePage = true")
    expect(page.locator("#compared .is-pending")).to_have_count(1)
    claim = worker.claim()
    hub.set_running(claim)
    log = worker.file("other log", usage(30))
    hub.complete(claim, RunResult(outputs={"output": worker.file("p", b"b")}, usage=log))

    expect(page.locator("#compared .is-completed")).to_have_count(2)
    expect(page.locator("#equal-resources")).to_have_attribute("open", "")
    expect(page.locator("#usage-charts canvas")).to_have_count(2)
    expect(page.locator("#compared")).to_contain_text("SHA-256")
    assert page.evaluate("window.isSamePage")


def test_jobs_are_chosen_by_keyboard_and_read_on_a_phone_without_a_script(
    visit: Visit, hub: LocalHub, greeting: Making
) -> None:
    jobs = hub.submit([greeting(f"{'a very long name ' * 20}{number}") for number in range(4)])
    page = visit(f"/jobs/{jobs[0].jobId}", viewport=PHONE, java_script_enabled=False)
    page.click("a:text-is('Compare')")
    for job in jobs[1:]:
        page.focus(f"[value='{job.jobId}']")
        page.keyboard.press("Space")
    page.focus("#other")
    page.keyboard.press("Enter")

    page.wait_for_selector("#compared")
    assert page.locator("#compared thead >> nth=0 >> a").count() == 4
    assert "a very long name" in page.inner_text("#compared")
    page.click("text=Leave out >> nth=3")
    expect(page.locator("#compared thead >> nth=0 >> a")).to_have_count(3)
    wide = visit(f"/compare?{page.url.partition('?')[2]}", viewport=PHONE)
    assert wide.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
