"""The page of a job in a real browser: it follows the job, and leads on from it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from dendro_local.compute.usage_log import CpuUse, MemoryUse, UsageSample, usage_line
from dendro_local.hub import JobQuery, NewJob, RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.model import JobDefinition, JobId, JobOutputFile
from tests.hub.conftest import Worker, counting  # noqa: F401 - a fixture
from tests.server.conftest import SERVICE
from tests.server.pages.conftest import Visit

pytestmark = pytest.mark.process

Making = Callable[..., NewJob]

PHONE = {"width": 390, "height": 800}

BAD = "<img src=x onerror='window.hasRun = 1'>"


def usage(count: int) -> bytes:
    """The log of a job that used one CPU for so many seconds."""
    samples = [
        UsageSample(
            timestamp=1000.0 + number,
            cpu=CpuUse(percent=100),
            virtual_memory=MemoryUse(total=10**9, available=10**8, percent=1, used=5_000_000),
            scope="job",
        )
        for number in range(count)
    ]
    return b"".join(map(usage_line, samples))


def test_a_job_is_watched_from_pending_to_completed(
    visit: Visit, hub: LocalHub, greeting: Making
) -> None:
    [job] = hub.submit([greeting("a")])
    page = visit(f"/jobs/{job.jobId}")
    status = page.locator("#job-head .status").first
    expect(status).to_have_text("pending")
    expect(page.locator("#why")).to_contain_text("No compute client")
    page.click("#python-script summary")
    page.evaluate("window.isSamePage = true")

    worker = Worker(hub, hub.store.folder.root.parent / "worker")
    claim = worker.claim()
    hub.set_running(claim)
    claim.folder.mkdir(parents=True)
    (claim.folder / "console.txt").write_text("it runs\n")
    (claim.folder / "usage.jsonl").write_bytes(usage(5))
    expect(status).to_have_text("running")
    ticking = page.locator("#ran [data-ticking]")
    expect(ticking).to_have_text(re.compile(r"^\d+ s$"))
    expect(ticking).not_to_have_text(ticking.inner_text())
    expect(page.locator(".console-lines")).to_have_text("it runs")
    expect(page.locator("#usage-charts canvas").first).to_be_visible()
    output = worker.file("output", b"Hello a!")
    console = claim.folder / "console.txt"
    log = claim.folder / "usage.jsonl"
    hub.complete(claim, RunResult(outputs={"output": output}, console=console, usage=log))

    expect(status).to_have_text("completed")
    expect(page.locator("#why")).to_contain_text("Completed on")
    expect(page.locator("button:has-text('Cancel')")).to_have_count(0)
    expect(page).to_have_title(f"completed · hello_world_2 {job.jobId[:8]} · dendro-local")
    page.click("text=Preview of output.txt >> nth=0")
    expect(page.locator(".preview-slot .preview").first).to_contain_text("Hello a!")
    assert page.evaluate("window.isSamePage")
    assert page.locator("#python-script").get_attribute("open") is not None
    expect(page.locator("#usage-charts canvas")).to_have_count(2)
    page.click("#usage-table summary")
    expect(page.locator("#usage-table tbody tr")).to_have_count(5)


def test_buttons_cancel_pin_rerun_and_delete(visit: Visit, hub: LocalHub, greeting: Making) -> None:
    [job] = hub.submit([greeting("a")])
    page = visit(f"/jobs/{job.jobId}")

    page.click("button:has-text('Pin')")
    expect(page.locator(".badge")).to_have_text("pinned")
    page.click("button:has-text('Cancel')")
    expect(page.locator("#job-head .status")).to_have_text("canceled")
    with page.expect_navigation():
        page.click("button:has-text('Run again')")
    again = page.url.rpartition("/")[2]
    assert (again != job.jobId, hub.get_job(JobId(again)).status) == (True, "pending")
    # By keyboard alone; Escape puts away what is not meant.
    page.focus("#delete summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator("text=Delete this job")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")

    assert page.url == f"{visit.live.url}/"
    assert [each.jobId for each in hub.find_jobs(JobQuery())] == [job.jobId]


def test_kin_are_drawn_and_lead_to_their_pages_and_their_status_is_live(
    visit: Visit,
    hub: LocalHub,
    worker: Worker,
    greeting: Making,
    counting: Making,  # noqa: F811
) -> None:
    [parent] = hub.submit([greeting("a")])
    parent = worker.complete(worker.claim())
    [child] = hub.submit([counting(parent)])
    page = visit(f"/jobs/{parent.jobId}", viewport=PHONE)
    box = page.locator("#lineage svg a")
    expect(box.locator(".status")).to_have_text("pending")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.click("#delete summary")
    asked = page.locator("#delete form").bounding_box()
    assert asked is not None
    assert 0 <= asked["x"] <= asked["x"] + asked["width"] <= PHONE["width"]
    page.keyboard.press("Escape")

    worker.complete(worker.claim(), b"{}")
    expect(box.locator(".status")).to_have_text("completed")
    box.click()
    page.wait_for_url(f"**/jobs/{child.jobId}")

    page.click("#lineage-list summary")
    page.click(f"#lineage-list a[href='/jobs/{parent.jobId}']")
    page.wait_for_url(f"**/jobs/{parent.jobId}")


def test_without_a_script_a_job_is_read_and_canceled(
    visit: Visit, hub: LocalHub, worker: Worker, greeting: Making
) -> None:
    [job, other] = hub.submit([greeting("a"), greeting("b")])
    claim = worker.claim()
    hub.set_running(claim)
    output = worker.file("output", b"Hello!")
    log = worker.file("usage", usage(100))
    hub.complete(claim, RunResult(outputs={"output": output}, usage=log))
    page = visit(f"/jobs/{job.jobId}", java_script_enabled=False)

    assert page.inner_text("#job-head .status") == "completed"
    page.click("#usage-table summary")
    assert page.locator("#usage-table tbody tr").count() == 12
    assert "100 %" in page.inner_text("#usage-table")
    page.click("#definition-json summary")
    assert '"value": "a"' in page.inner_text("#definition-json")
    assert not page.is_visible("#console-search")
    page.goto(f"{visit.live.url}/jobs/{other.jobId}")
    page.click("button:has-text('Cancel')")
    expect(page.locator("#job-head .status")).to_have_text("canceled")


def test_nothing_that_is_named_runs(
    visit: Visit, hub: LocalHub, worker: Worker, greeting: Making
) -> None:
    request = greeting(BAD, tags=[BAD, "'\"><svg onload='window.hasRun = 1'>"], batchId=BAD)
    definition = JobDefinition(
        appName="hello_world",
        processorName="hello_world_2",
        inputFiles=[],
        outputFiles=[JobOutputFile(name="output", fileBaseName=f"{BAD.replace('/', '')}.html")],
        parameters=request.jobDefinition.parameters,
        cacheBust=BAD,
    )
    [job] = hub.submit(
        [
            NewJob(
                serviceName=SERVICE,
                jobDefinition=definition,
                requiredResources=request.requiredResources,
                tags=request.tags,
                batchId=BAD,
            )
        ]
    )
    worker.fail(worker.claim(), f"ValueError: {BAD}")

    page = visit(f"/jobs/{job.jobId}")
    page.wait_for_selector("#console[data-is-ready]")
    hub.add_tags(job.jobId, [f"{BAD} again"])
    expect(page.locator("#facts .tag")).to_have_count(3)

    assert page.evaluate("window.hasRun") is None
    assert page.locator("main img, main script").count() == 0
    assert page.inner_text("pre.error") == f"ValueError: {BAD}"
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
