"""The form for a new job in a real browser: filled in, checked, submitted, and watched."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from dendro_local.client.handle import DendroJob
from dendro_local.hub import NewJob, RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.model import JobId
from tests.hub.conftest import Worker
from tests.server.conftest import SERVICE
from tests.server.pages.conftest import Visit
from tests.server.pages.odd_app import APP, parameter, processor, register

pytestmark = pytest.mark.process

Making = Callable[..., NewJob]

PHONE = {"width": 390, "height": 800}

HELLO = f"/new?service={SERVICE}&app=hello_world&processor=hello_world_2"
COUNTING = f"/new?service={SERVICE}&app=hello_world&processor=count_characters"
ODD = f"/new?service={SERVICE}&app={APP}&processor=odd"

BAD = "\"'><img src=x onerror='window.hasRun = 1'>"


def job_of(page: Page) -> JobId:
    """The job whose page it is."""
    page.wait_for_url(re.compile("/jobs/[A-Za-z0-9]{20}$"))
    return JobId(page.url.rpartition("/")[2])


def test_a_job_is_submitted_and_watched_until_it_has_completed(
    visit: Visit, hub: LocalHub, worker: Worker
) -> None:
    page = visit("/new")
    page.click("a:text-is('hello_world_2')")
    page.fill("input[name='p.name']", "Ada")
    page.fill("#tags", "first, second")
    expect(page.locator("#verdict")).to_contain_text("It will run")
    page.wait_for_url("**&p.name=Ada&tags=first*")
    page.click("button.primary")
    job_id = job_of(page)
    page.evaluate("window.isSamePage = true")
    status = page.locator("#job-head .status").first

    expect(status).to_have_text("pending")
    claim = worker.claim()
    hub.set_running(claim)
    expect(status).to_have_text("running")
    hub.complete(claim, RunResult(outputs={"output": worker.file("output", b"Hello Ada!")}))
    expect(status).to_have_text("completed")

    assert page.evaluate("window.isSamePage")
    assert hub.get_job(job_id).tags == ["first", "second"]
    # The same again is told to be there before it is submitted.
    page.goto(visit.live.url + HELLO)
    page.fill("input[name='p.name']", "Ada")
    expect(page.locator("#verdict")).to_contain_text(f"It is there already: job {job_id[:8]}")
    expect(page.locator("#verdict time")).not_to_contain_text("UTC")  # it is local
    page.check("text=run even if it is there already")
    expect(page.locator("#verdict")).to_contain_text("It will run: The cache was skipped")


def test_what_is_wrong_is_told_beside_its_field_when_it_is_left(
    visit: Visit, hub: LocalHub
) -> None:
    register(hub, processor(parameter("n", "int"), parameter("other", "str")))
    page = visit(ODD)
    fault, other = page.locator("#p-0-fault"), page.locator("#p-1-fault")
    expect(page.locator("#verdict a")).to_have_text(["n", "other"])
    expect(fault).to_be_hidden()

    page.fill("#p-0", "x")
    page.press("#p-0", "Tab")
    expect(fault).to_have_text("Give a whole number; not 'x'.")
    expect(page.locator("#p-0")).to_have_attribute("aria-invalid", "true")
    expect(other).to_be_hidden()
    page.fill("#p-0", "7")
    expect(fault).to_be_hidden()
    page.click("#verdict a:text-is('other')")
    expect(page.locator("#p-1")).to_be_focused()
    page.click("button.primary")

    expect(other).to_have_text("Give a value.")
    assert page.input_value("#p-0") == "7"


def test_an_output_of_another_job_is_found_and_picked_by_keyboard_alone(
    visit: Visit, hub: LocalHub, worker: Worker, greeting: Making
) -> None:
    [job, _] = hub.submit([greeting("a", tags=["wanted"]), greeting("b")])
    worker.complete(worker.claim(), b"12345")
    page = visit(COUNTING)

    page.focus("#i-0")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#outputs-text")).to_be_focused()
    page.keyboard.type("wanted")
    expect(page.locator("[data-use]")).to_have_count(1)
    expect(page.locator("#outputs time")).not_to_contain_text("UTC")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#outputs")).to_be_hidden()
    expect(page.locator("#i-0")).to_be_focused()
    expect(page.locator("#i-0")).to_have_value(f"dendro:{job.jobId}/output")
    expect(page.locator("#verdict")).to_contain_text("It will run")
    page.keyboard.press("Enter")

    child = hub.get_job(job_of(page))
    assert child.jobDependencies == [job.jobId]
    assert child.jobDefinition.inputFiles[0].url == hub.get_job(job.jobId).outputFileUrlList[0]


def test_a_file_is_uploaded_and_a_job_reads_it(visit: Visit, hub: LocalHub, tmp_path: Path) -> None:
    file = tmp_path / "some file.txt"
    file.write_bytes(b"123456789")
    page = visit(COUNTING)

    page.set_input_files("[data-upload='i.input']", file)
    expect(page.locator("[data-upload-state]")).to_have_text("some file.txt is there.")
    expect(page.locator("#i-0")).to_have_value(
        re.compile("^dendro:sha256/[0-9a-f]{64} as input.txt$")
    )
    expect(page.locator("#verdict")).to_contain_text("It will run")
    file.unlink()
    page.click("button.primary")
    job_id = job_of(page)
    job = DendroJob(hub.get_job(job_id), hub)
    job.wait_until_done(wait_sec=100)

    expect(page.locator("#job-head .status").first).to_have_text("completed")
    assert b"9" in hub.output_file(job_id, job.outputFileResults[0].name).read_bytes()


def test_a_job_is_run_again_with_an_edit(visit: Visit, hub: LocalHub, greeting: Making) -> None:
    text = "a very long text " * 1000 + "\nof two lines "
    [job] = hub.submit([greeting(text)])
    page = visit(f"/jobs/{job.jobId}")

    page.click("text=Run with edits")
    name = page.locator("[name='p.name']")
    expect(name).to_have_value(text)
    expect(page.locator("#verdict")).to_contain_text(f"It is there already: job {job.jobId[:8]}")
    # As the browser sends it, nothing has changed.
    page.fill("#timeSec", "61")
    page.wait_for_url(f"**/new?from={job.jobId}&timeSec=61")
    expect(page.locator("#verdict")).to_contain_text(f"It is there already: job {job.jobId[:8]}")
    name.fill("short")
    page.wait_for_url(f"**/new?from={job.jobId}&p.name=short&timeSec=61")
    expect(page.locator("#verdict")).to_contain_text("It will run")
    page.reload()
    expect(name).to_have_value("short")
    page.click("button.primary")

    again = hub.get_job(job_of(page))
    assert [each.value for each in again.jobDefinition.parameters] == ["short"]
    assert again.requiredResources.timeSec == 61
    assert again.jobDefinition.outputFiles == job.jobDefinition.outputFiles


def test_without_a_script_a_form_is_checked_and_submitted(visit: Visit, hub: LocalHub) -> None:
    register(hub, processor(parameter("n", "int"), parameter("many", "List[str]")))
    page = visit(ODD, java_script_enabled=False)
    assert page.locator("[data-pick]").count() == 0

    page.fill("#p-0", "x")
    page.click("text=Check")
    expect(page.locator("#p-0-fault")).to_have_text("Give a whole number; not 'x'.")
    assert page.input_value("#p-0") == "x"
    page.fill("#p-0", "7")
    page.fill("#p-1", '["a, b",\n"c"]')
    page.click("text=Check")
    expect(page.locator("#verdict")).to_contain_text("It will run")
    assert parse_qs(urlsplit(page.url).query)["p.n"] == ["7"]
    page.click("button.primary")

    job = hub.get_job(job_of(page))
    given = {each.name: each.value for each in job.jobDefinition.parameters}
    assert given == {"n": 7, "many": ["a, b", "c"]}


def test_one_of_three_hundred_parameters_is_found_on_a_phone(visit: Visit, hub: LocalHub) -> None:
    names = [f"group{n // 20}.p{n}" for n in range(300)]
    register(hub, processor(*[parameter(name, "int", defaultValue=1) for name in names]))
    page = visit(ODD, viewport=PHONE)
    fields = page.locator(".group [data-field]:visible")
    expect(fields).to_have_count(300)

    page.fill("#find-parameter", "group7 p151")
    expect(fields).to_have_count(1)
    expect(page.locator("#num-found")).to_have_text("1 shown")
    page.fill("#p-151", "2")
    page.fill("#find-parameter", "")
    expect(fields).to_have_count(300)
    page.check("#only-changed")
    expect(fields).to_have_count(1)

    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    expect(page.locator("button.primary")).to_be_in_viewport()
    page.wait_for_url("**&p.group7.p151=2")


def test_names_that_an_app_gives_run_nothing_and_are_sent_as_they_are(
    visit: Visit, hub: LocalHub
) -> None:
    names = [BAD, "a b[0] ]", "x\ny", "__proto__", "id", "length"]
    register(
        hub,
        processor(
            *map(parameter, names),
            parameter("choice", options=[BAD, "other"], defaultValue="other"),
            inputs=(BAD.replace("/", ""),),
        ),
    )
    page = visit(ODD, viewport=PHONE)
    for index, name in enumerate(names):
        page.fill(f"#p-{index}", f"<b>{name[:1]}")
    page.select_option(f"#p-{len(names)}", BAD)
    page.fill("#i-0", f"https://x/{BAD}")
    expect(page.locator("#verdict")).to_contain_text("It will run")
    page.click("[data-pick] >> nth=0")
    page.keyboard.press("Escape")

    assert page.evaluate("window.hasRun") is None
    assert page.locator("main img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.reload()
    expect(page.locator("#p-0")).to_have_value(f"<b>{BAD[:1]}")
    page.click("button.primary")
    job = hub.get_job(job_of(page))
    given = {each.name: each.value for each in job.jobDefinition.parameters}
    assert given == {**{name: f"<b>{name[:1]}" for name in names}, "choice": BAD}
    assert page.evaluate("window.hasRun") is None
