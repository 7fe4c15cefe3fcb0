"""The list of jobs as the hub answers it, without a browser."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_local.model import ServiceUser
from dendro_local.server.pages.jobs_filter import LIMITS
from dendro_local.server.store_figures import COUNTED, StoreFigures
from dendro_local.server.throughput import HALF_HOUR_SEC, Throughput
from tests.hub.conftest import NewJobMaker, Worker
from tests.server.conftest import ADA, BOB, SERVICE, Served
from tests.server.login.conftest import Browser

ACTIONS = "/jobs/actions"


@pytest.fixture
def owner(served: Served) -> Browser:
    """The browser of the hub's own user."""
    return Browser(served).log_in()


def listed(page: str) -> list[str]:
    """The ids of the jobs that a page lists."""
    return re.findall(r'<tr id="job-(\w+)">', page)


def find(browser: Browser, **wanted: str | list[str]) -> list[str]:
    """The ids of the jobs on the page with this address."""
    reply = browser.send("GET", f"/?{urlencode(wanted, doseq=True)}")
    assert reply.status_code == 200, reply.text
    return listed(reply.text)


def act(browser: Browser, action: str, jobs: list[str], **more: str) -> httpx.Response:
    """The reply to the form that does something with jobs."""
    form = {"action": action, "job": jobs, "back": "/?tag=a", **more}
    return browser.send("POST", ACTIONS, data=form)


def test_each_filter_finds_the_jobs_that_the_interface_finds(
    served: Served, greeting: NewJobMaker, worker: Worker
) -> None:
    guest = Browser(served)
    hub = served.hub
    first = hub.submit([greeting("a", tags=["x", "y"], batchId="one")])[0]
    worker.fail(worker.claim(), "ValueError: too few spikes")
    second = hub.submit([greeting("b", tags=["x"])])[0]
    both, one, two = [second.jobId, first.jobId], [first.jobId], [second.jobId]
    none: list[str] = []

    for wanted, expected in (
        ({}, both),
        ({"status": "failed"}, one),
        ({"status": "pending", "service": SERVICE}, two),
        ({"service": "another"}, none),
        ({"app": "hello_world"}, both),
        ({"processor": "hello_world_1"}, none),
        ({"tag": "x"}, both),
        ({"tag": ["x", "y", ""]}, one),
        ({"user": hub.user_id}, both),
        ({"user": "x"}, none),
        ({"batch": "one"}, one),
        ({"text": "SPIKES few"}, one),
        ({"text": second.jobId[:7]}, two),
        ({"since": "2025-01-01"}, both),
        ({"until": "2025-01-01"}, none),
        ({"status": "", "text": " "}, both),
        ({"compute_client": "x"}, none),
    ):
        assert find(guest, **wanted) == expected, wanted
        asked = {name: value for name, value in wanted.items() if value not in ("", " ")}
        if asked.get("tag") != ["x", "y", ""]:
            found = served.send("GET", f"/v1/jobs?{urlencode(asked)}").json()["jobs"]
            assert [each["jobId"] for each in found] == expected, wanted


def test_what_no_filter_can_be_is_refused_on_a_page_that_says_so(served: Served) -> None:
    for address in (
        "status=lost",
        "since=tomorrow",
        "after=x",
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=" + "9" * 99,
        "limit=00501",
        "limit=" + "0" * 5000,
    ):
        reply = served.send("GET", f"/?{address}", headers={"accept": "text/html"})

        assert reply.status_code == 400, address
        assert reply.headers["content-type"].startswith("text/html")
        assert f"{address.partition('=')[0]} is" in reply.text


def test_pages_follow_each_other_and_keep_the_filter(served: Served, greeting: NewJobMaker) -> None:
    guest = Browser(served)
    served.hub.submit([greeting(str(number), tags=["a&b"]) for number in range(5)])
    address, seen = "/?tag=a%26b&limit=2", []

    while address:
        page = guest.open(address).text
        seen.append(listed(page))
        older = re.search('<a class="button" href="([^"]+)" rel="next">', page)
        address = "" if older is None else older[1].replace("&amp;", "&")
        if address:
            assert parse_qs(urlsplit(address).query)["tag"] == ["a&b"]

    assert [len(each) for each in seen] == [2, 2, 1]
    assert len({job_id for each in seen for job_id in each}) == 5


def test_a_guest_sees_jobs_and_is_offered_nothing_to_do_with_them(
    served: Served, greeting: NewJobMaker
) -> None:
    job = served.hub.submit([greeting()])[0]

    page = Browser(served).open("/").text

    assert listed(page) == [job.jobId]
    assert 'name="job"' not in page
    assert 'name="action"' not in page
    assert act(Browser(served), "delete", [job.jobId]).status_code == 401


def test_what_cannot_be_taken_back_is_asked_about_first(
    owner: Browser, greeting: NewJobMaker
) -> None:
    hub = owner.served.hub
    ids = [str(job.jobId) for job in hub.submit([greeting("a"), greeting("b")])]

    for action in ("cancel", "delete"):
        question = act(owner, action, ids).text
        assert f"{action.capitalize()} these 2 jobs?" in question
        assert re.findall('name="job" value="([^"]+)"', question) == ids
        assert {job.status for job in hub.find_jobs(JobQuery())} == {"pending"}

    assert act(owner, "cancel", ids, confirmed="yes").headers["location"] == "/?tag=a"
    assert {job.status for job in hub.find_jobs(JobQuery())} == {"failed"}
    assert act(owner, "delete", ids, confirmed="yes").status_code == 303
    assert hub.find_jobs(JobQuery()) == []


def test_jobs_are_run_again_and_tagged_at_once(owner: Browser, greeting: NewJobMaker) -> None:
    hub = owner.served.hub
    ids = [str(job.jobId) for job in hub.submit([greeting("a", tags=["old"]), greeting("b")])]

    assert act(owner, "addTags", ids, tag=" new one ").status_code == 303
    assert act(owner, "removeTags", ids, tag="old").status_code == 303
    assert act(owner, "rerun", ids[:1]).status_code == 303

    assert [hub.get_job(hub.job_id(each)).tags for each in ids] == [["new one"], ["new one"]]
    assert len(hub.find_jobs(JobQuery())) == 3
    assert act(owner, "addTags", ids).status_code == 400


def test_what_could_not_be_done_is_told_job_by_job(served: Served, greeting: NewJobMaker) -> None:
    served.key_of(ADA)
    served.key_of(BOB)
    rights = ServiceUser(userId=ADA, admin=False, createJobs=True, processJobs=False)
    served.hub.set_service_users(SERVICE, [rights])
    ada = Browser(served).log_in(ADA)
    own = served.hub.submit([greeting("own")], user_id=ADA)[0]
    foreign = served.hub.submit([greeting("foreign")])[0]

    ids = [str(own.jobId), str(foreign.jobId), "nothing<b>"]
    page = act(ada, "cancel", ids, confirmed="yes").text

    assert "2 of 3 jobs could not be canceled" in page
    assert "1 was canceled." in page
    assert f"belongs to {foreign.userId}" in page
    assert "nothing&lt;b&gt;" in page
    assert served.hub.get_job(own.jobId).canceled
    assert served.hub.get_job(foreign.jobId).status == "pending"
    page = act(Browser(served).log_in(BOB), "rerun", [str(own.jobId)]).text
    assert "may not create jobs" in page


def test_a_form_without_jobs_or_with_too_many_or_of_another_kind_is_refused(owner: Browser) -> None:
    for action, jobs in (
        ("cancel", []),
        ("cancel", [f"job{number}" for number in range(LIMITS[-1] + 1)]),
        ("explode", ["a"]),
    ):
        assert act(owner, action, jobs).status_code == 400, (action, len(jobs))


def test_nobody_is_led_to_another_site_afterwards(owner: Browser, greeting: NewJobMaker) -> None:
    [job] = owner.served.hub.submit([greeting()])

    for back in ("//evil.example", "https://evil.example", "/\\evil", "/?a\r\nx: y", ""):
        reply = act(owner, "addTags", [job.jobId], tag="t", back=back)

        assert (reply.status_code, reply.headers["location"]) == (303, "/"), back


def test_a_hub_without_jobs_says_what_to_do_next(served: Served) -> None:
    page = Browser(served).open("/").text

    assert "No jobs yet" in page
    assert "dendro-local submit hello_world hello_world_2" in page
    assert "hello_world_1, hello_world_2" in page
    assert "No job fits" in Browser(served).open("/?tag=x").text


# Figures


def test_few_jobs_are_counted_as_they_are_and_very_many_as_they_were(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker, many_jobs: Callable[[int], None]
) -> None:
    figures = StoreFigures(hub)
    hub.submit([greeting()])
    assert figures.jobs_now()["pending"] == 1
    worker.complete(worker.claim())
    assert (figures.jobs_now()["pending"], figures.jobs_now()["completed"]) == (0, 1)

    many_jobs(COUNTED + 500)
    assert figures.jobs_now()["completed"] == COUNTED + 500 + 1 - (COUNTED + 500) // 50
    hub.submit([greeting("more")])

    assert (figures.jobs_now()["pending"], figures.jobs_now()["failed"]) == (1, 210)


def test_the_last_day_is_told_by_half_hours(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker, many_jobs: Callable[[int], None]
) -> None:
    hub.submit([greeting()])
    worker.complete(worker.claim())
    many_jobs(500)  # one every ten seconds
    now = hub.now()

    told = Throughput(hub, lambda: now)()

    assert len(told) == 48
    assert [each.begins_at for each in told] == sorted(each.begins_at for each in told)
    assert told[-1].begins_at == now - now % HALF_HOUR_SEC
    full = told[-2]
    assert full.completed + full.failed == pytest.approx(180, abs=1)
    assert full.failed == pytest.approx(4, abs=1)
    assert full.waited_sec == 3
    assert sum(each.completed for each in told) == 501 - 10
    assert told[0].waited_sec is None


def test_a_job_that_is_tagged_later_does_not_count_again(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker, many_jobs: Callable[[int], None]
) -> None:
    hub.submit([greeting()])
    worker.complete(worker.claim())
    many_jobs(1000)
    old = hub.find_jobs(JobQuery(text="copy0000000000001000"))[0]
    now = hub.now()
    latest = Throughput(hub, lambda: now)()[-1].completed

    hub.add_tags(old.jobId, ["late"])

    assert Throughput(hub, lambda: now)()[-1].completed == latest


def test_half_hours_that_are_over_are_not_asked_for_again(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    real = hub.ended_between

    def counting(status: str, since: float, until: float) -> object:
        asked.append(since)
        return real(status, since, until)  # type: ignore[arg-type]  # as it was given

    monkeypatch.setattr(hub, "ended_between", counting)
    now = hub.now()
    throughput = Throughput(hub, lambda: now)
    throughput()
    assert len(asked) == 96

    throughput()
    assert len(asked) == 96
    now += 10
    throughput()
    assert len(asked) in (98, 100)
    now += HALF_HOUR_SEC
    throughput()
    assert len(asked) <= 104
