"""The list of jobs as a person uses it, in a real browser."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from tests.hub.conftest import NewJobMaker, Worker
from tests.server.pages.conftest import Visit

pytestmark = pytest.mark.process


MOMENTS = """() => {
    const table = document.getElementById("half-hours")
    const {first, last} = table.dataset
    return [first, last, table.tBodies[0].rows[0].dataset.at].map(Number)
}"""
"""When the first and the last half hour of the chart begin, and that of the latest row."""


@pytest.fixture
def fill(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker, many_jobs: Callable[[int], None]
) -> Callable[[int], None]:
    """Give the hub one finished job, and so many copies, some of which failed."""

    def fill(count: int) -> None:
        hub.submit([greeting(tags=["first"])])
        worker.complete(worker.claim())
        many_jobs(count)

    return fill


def shown(page: Page) -> list[str]:
    """The ids of the jobs that are listed."""
    ids = page.eval_on_selector_all("#list tbody tr", "rows => rows.map(row => row.id)")
    return [str(each).removeprefix("job-") for each in ids]


def asked(page: Page) -> dict[str, list[str]]:
    """What the address asks for."""
    return parse_qs(urlsplit(page.url).query)


def test_a_hundred_thousand_jobs_are_counted_filtered_and_paged_through(
    visit: Visit, fill: Callable[[int], None]
) -> None:
    fill(100_000)
    page = visit()
    page.evaluate("window.isTheSamePage = true")
    expect(page.locator(".statuses")).to_contain_text("all 100,001")
    expect(page.locator(".statuses")).to_contain_text("failed 2,000")
    expect(page.locator("#ended-chart canvas")).to_be_visible()
    assert len(shown(page)) == 50

    page.locator(".statuses a", has_text="failed").click()
    expect(page).to_have_url(re.compile(r"\?status=failed$"))
    expect(page.locator("#list .of-status").first).to_have_text("failed")
    expect(page.locator("#list .error").first).to_contain_text("ValueError: no spikes in 13")
    page.fill("#filter-tag-0", "thousand-50")
    page.press("#filter-tag-0", "Tab")
    expect(page.locator("#list tbody tr")).to_have_count(20)
    assert asked(page) == {"status": ["failed"], "tag": ["thousand-50"]}
    assert page.evaluate("window.isTheSamePage") is True

    page.go_back()
    expect(page.locator("#list tbody tr")).to_have_count(50)
    assert asked(page) == {"status": ["failed"]}
    seen = shown(page)
    for _ in range(3):
        page.click("text=Older")
        expect(page.locator(f"#job-{seen[-1]}")).to_have_count(0)
        expect(page.locator("#list tbody tr")).to_have_count(50)
        seen += shown(page)
    numbers = [int(each.removeprefix("copy")) for each in seen]
    assert numbers == list(range(13, 13 + 200 * 50, 50))
    page.click("text=Newest")
    expect(page.locator(f"#job-{seen[0]}")).to_be_visible()


def test_a_search_that_finds_nothing_says_how_far_it_looked_and_goes_on(
    visit: Visit, fill: Callable[[int], None]
) -> None:
    fill(10_000)
    page = visit()

    page.fill("#filter-text", "no-job-has-this")
    expect(page.locator(".empty h2")).to_have_text("No job fits")
    expect(page.locator("#filter-text")).to_be_focused()
    page.click("text=Look further back")
    expect(page).to_have_url(re.compile("after="))
    expect(page.locator(".empty h2")).to_have_text("No job fits")
    assert asked(page)["text"] == ["no-job-has-this"]

    page.goto(page.url.partition("?")[0] + "?text=copy0000000000009999")
    assert shown(page) == ["copy0000000000009999"]


def test_many_are_selected_and_deleted_after_a_question(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker
) -> None:
    hub.submit([greeting(str(number)) for number in range(6)])
    page = visit()
    boxes = page.locator("#list tbody input[type=checkbox]")
    expect(page.locator("button:has-text('Delete')")).to_be_disabled()

    boxes.nth(1).click()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(page.locator("#num-selected")).to_have_text("4 selected")
    page.click("button:has-text('Delete')")
    expect(page.locator("h1")).to_have_text("Delete these 4 jobs?")
    assert len(hub.find_jobs(JobQuery())) == 6
    page.click("button:has-text('Delete these 4 jobs')")

    expect(page.locator("#list tbody tr")).to_have_count(2)
    expect(page.locator(".bulk button").first).to_be_disabled()  # its script runs
    page.check("#select-all")
    page.fill("#bulk-tag", "kept")
    page.click("button:has-text('Add')")
    expect(page.locator("a.tag", has_text="kept")).to_have_count(2)


def test_all_is_done_with_the_keyboard_alone(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker
) -> None:
    [job] = hub.submit([greeting()])
    page = visit()

    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("one => document.activeElement.matches(one)", selector):
                return
        raise AssertionError(f"no way to {selector} by the keyboard")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    tab_to("#filter-text")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    tab_to("input[name=job]")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+Tab")
    for _ in range(12):
        if page.evaluate("document.activeElement.value") == "cancel":
            break
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Cancel this job?")
    expect(page.locator("button.danger")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator(f"#job-{job.jobId} .status")).to_have_text("canceled")
    assert outline == "solid"


def test_without_scripts_it_reads_filters_pages_and_acts(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker
) -> None:
    hub.submit(
        [greeting(str(number), tags=["even"] if number % 2 == 0 else []) for number in range(8)]
    )
    page = visit("/?limit=3", java_script_enabled=False)
    assert len(shown_without_script(page)) == 3
    page.click("text=Older")
    expect(page).to_have_url(re.compile("after="))
    page.click("text=Newest")
    expect(page).to_have_url(re.compile(r"/\?limit=3$"))

    page.fill("#filter-tag-0", "even")
    page.click("button:has-text('Filter')")
    expect(page).to_have_url(re.compile("tag=even"))
    expect(page.locator("#list tbody tr")).to_have_count(3)
    expect(page.locator("#select-all")).to_be_hidden()
    page.locator("input[name=job]").first.check()
    page.click("button:has-text('Cancel')")
    page.click("button:has-text('Cancel this job')")

    expect(page.locator(".of-status", has_text="canceled")).to_have_count(1)
    assert asked(page)["tag"] == ["even"]
    assert page.locator("#list time").first.inner_text().endswith("UTC")


def shown_without_script(page: Page) -> list[str]:
    return [row.inner_text() for row in page.locator("#list tbody tr").all()]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker, worker: Worker, theme: str
) -> None:
    hub.submit([greeting(tags=["a-very-long-tag-" * 20, "b"], batchId="x" * 200)])
    worker.fail(worker.claim(), "ValueError: " + "word " * 200 + "x" * 500)
    page = visit(viewport={"width": 390, "height": 800}, color_scheme=theme)

    expect(page.locator(".of-status")).to_have_text("failed")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.check("#more-filters")
    expect(page.locator("#filter-user")).to_be_visible()
    page.locator("#list tbody input").check()
    expect(page.locator("button:has-text('Delete')")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_chart_is_also_a_table(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting("a"), greeting("b")])
    worker.complete(worker.claim())
    worker.fail(worker.claim())
    page = visit()

    page.click(".day summary")

    expect(page.locator(".day summary")).to_have_text("Last 24 hours: 1 completed, 1 failed")
    row = page.locator("#half-hours tbody tr").first
    expect(row.locator("td.num").nth(0)).to_have_text("1")
    plot = page.locator("#ended-chart .u-over")
    told = page.locator("#ended-title output")
    plot.hover(position={"x": 2, "y": 10})
    expect(told).to_contain_text("0 completed, 0 failed")
    box = plot.bounding_box()
    assert box is not None
    # A new half hour may have begun since they ended.
    first, last, at = page.evaluate(MOMENTS)
    plot.hover(position={"x": box["width"] * (at - first + 300) / (last - first + 1800), "y": 10})
    expect(told).to_contain_text("1 completed, 1 failed")


def test_no_name_that_an_app_or_a_user_sets_runs_anything(
    visit: Visit, hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    evil = "\"'><img src=x onerror=document.title='run'><script>document.title='run'</script>"
    hub.submit([greeting(tags=[evil, "javascript:document.title='run'"], batchId=evil)])
    worker.fail(worker.claim(), f"{evil}\n{evil}")
    page = visit()
    expect(page.locator("a.tag").first).to_have_text(evil)

    page.locator("a.tag").first.click()
    expect(page.locator("#filter-tag-1")).to_have_value(evil)
    expect(page.locator("#list .error")).to_contain_text("onerror")
    page.fill("#filter-text", evil)
    expect(page).to_have_url(re.compile("text="))
    hub.submit([greeting("again", tags=[evil])])
    expect(page.locator("#list tbody tr")).to_have_count(2)

    assert "run" not in page.title()
