"""The page of what takes how much room, and what goes from it."""

import asyncio
import re
import threading
from html import unescape

import pytest

from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.pruning import PrunePlan, PruneRules
from dendro_local.model import Job
from dendro_local.server import store_figures
from dendro_local.server.store_figures import Rooms
from dendro_local.store import ProcessorRoom
from tests.hub.conftest import NewJobMaker, Worker, greeting  # noqa: F401 - a fixture
from tests.server.conftest import ADA, Served
from tests.server.login.conftest import Browser


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait until all is counted, however busy the machine is."""
    monkeypatch.setattr(store_figures, "SOON_SEC", 60.0)


@pytest.fixture
def owner(served: Served) -> Browser:
    """The browser of the hub's owner."""
    return Browser(served).log_in()


@pytest.fixture
def done(hub: LocalHub, worker: Worker, greeting: NewJobMaker) -> list[Job]:  # noqa: F811
    """Three finished jobs with outputs of 3000, 2000 and 1000 bytes; the last two have a tag."""
    tags: list[list[str]] = [[], ["old"], ["old"]]
    hub.submit([greeting(str(each), tags=tags[each]) for each in range(3)])
    return [
        worker.complete(worker.claim(), bytes([each]) * (3000 - 1000 * each)) for each in (0, 1, 2)
    ]


def shown_at(page: str) -> str:
    """When a page was shown, as its form tells it."""
    [found] = re.findall('name="shown_at" value="([0-9.]+)"', page)
    return str(found)


def words(page: str) -> str:
    return " ".join(unescape(re.sub("<[^>]*>", " ", page)).split()).replace(" .", ".")


def test_room_is_told_by_app_and_age(owner: Browser, done: list[Job]) -> None:
    page = words(owner.send("GET", "/storage").text)

    assert "Files 6.0 kB" in page
    assert "hello_world 3 6.0 kB 6.0 kB 6.0 kB 6.0 kB 0 B" in page
    told = owner.send("GET", "/v1/storage").json()
    assert told["blobBytes"] == 6000
    [room] = told["processors"]
    assert (room["processorName"], room["completed"], room["allBytes"]) == (
        "hello_world_2",
        3,
        6000,
    )


def test_what_would_go_is_shown_and_then_goes(
    owner: Browser, hub: LocalHub, done: list[Job]
) -> None:
    hub.pin([done[1].jobId])

    page = owner.send("GET", "/storage?tag=old").text
    assert "1 job would go, which frees 1.0 kB. 1 stays because it is pinned or needed." in words(
        page
    )
    assert f"/jobs/{done[2].jobId}" in page
    assert len(hub.find_jobs(JobQuery())) == 3, "nothing has gone yet"
    reply = owner.send("POST", "/storage/prune", data={"tag": "old", "shown_at": shown_at(page)})

    assert "1 job pruned" in reply.text
    assert "freed 1.0 kB" in reply.text
    assert {each.jobId for each in hub.find_jobs(JobQuery())} == {each.jobId for each in done[:2]}
    assert "Nothing would go." in owner.send("GET", "/storage?tag=old").text


def test_a_job_that_ended_after_the_page_was_shown_stays(
    owner: Browser,
    hub: LocalHub,
    worker: Worker,
    greeting: NewJobMaker,  # noqa: F811
    done: list[Job],
) -> None:
    page = owner.send("GET", "/storage?larger_than_mb=0").text
    [late] = hub.submit([greeting("late")])
    worker.complete(worker.claim())

    fields = {"larger_than_mb": "0", "shown_at": shown_at(page)}
    assert "3 jobs pruned" in owner.send("POST", "/storage/prune", data=fields).text

    assert [each.jobId for each in hub.find_jobs(JobQuery())] == [late.jobId]


def test_a_job_that_ended_while_the_page_was_made_stays(
    owner: Browser,
    hub: LocalHub,
    worker: Worker,
    greeting: NewJobMaker,  # noqa: F811
    done: list[Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan_prune = hub.plan_prune
    late: list[Job] = []

    def plan_before_a_job_ends(rules: PruneRules) -> PrunePlan:
        plan = plan_prune(rules)
        late.extend(hub.submit([greeting("late")]))
        worker.complete(worker.claim())
        return plan

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(hub, "plan_prune", plan_before_a_job_ends)
        page = owner.send("GET", "/storage?larger_than_mb=0").text
    fields = {"larger_than_mb": "0", "shown_at": shown_at(page)}
    assert "3 jobs pruned" in owner.send("POST", "/storage/prune", data=fields).text

    assert [each.jobId for each in hub.find_jobs(JobQuery())] == [late[0].jobId]


def test_outputs_of_jobs_that_can_run_again_go_and_their_records_stay(
    owner: Browser, hub: LocalHub, done: list[Job]
) -> None:
    query = "larger_than_mb=0.0015&recomputable=yes"
    page = owner.send("GET", f"/storage?{query}").text
    assert "Remove the outputs of 2 jobs" in words(page)

    fields = {"larger_than_mb": "0.0015", "recomputable": "yes", "shown_at": shown_at(page)}
    reply = owner.send("POST", "/storage/prune", data=fields)

    assert "The outputs went, which freed 5.0 kB." in reply.text
    assert len(hub.find_jobs(JobQuery())) == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("older_than_days", "x"),
        ("older_than_days", "nan"),
        ("larger_than_mb", "-1"),
        ("larger_than_mb", "inf"),
        ("to_size_mb", "1e400"),
        ("to_size_mb", "9" * 5000),
        ("status", "running"),
    ],
)
def test_what_is_no_rule_is_refused_and_nothing_goes(
    owner: Browser, hub: LocalHub, done: list[Job], field: str, value: str
) -> None:
    shown = owner.send("GET", f"/storage?{field}={value}")
    sent = owner.send("POST", "/storage/prune", data={field: value, "shown_at": "1e11"})

    assert (shown.status_code, sent.status_code) == (400, 400)
    assert "Give " in shown.text
    assert len(hub.find_jobs(JobQuery())) == 3


def test_pruning_needs_a_rule_a_preview_and_the_hubs_own_user(
    owner: Browser, served: Served, hub: LocalHub, done: list[Job]
) -> None:
    served.key_of(ADA)
    ada, guest = Browser(served).log_in(ADA), Browser(served)
    fields = {"larger_than_mb": "0", "shown_at": "1e11"}

    assert owner.send("POST", "/storage/prune", data={"shown_at": "1e11"}).status_code == 400
    assert owner.send("POST", "/storage/prune", data={"larger_than_mb": "0"}).status_code == 400
    assert ada.send("POST", "/storage/prune", data=fields).status_code == 403
    assert guest.send("POST", "/storage/prune", data=fields).status_code == 401
    for who in (ada, guest):
        page = who.send("GET", "/storage?larger_than_mb=0").text
        assert "would go" not in words(page)
        assert str(hub.store.folder.root) not in page
    assert len(hub.find_jobs(JobQuery())) == 3


def test_a_page_is_shown_while_room_is_counted_and_asks_again(
    owner: Browser, hub: LocalHub, done: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    count = hub.store.rooms.by_processor

    def count_late(now: float) -> list[ProcessorRoom]:
        may_end.wait(60)
        return count(now)

    monkeypatch.setattr(hub.store.rooms, "by_processor", count_late)
    monkeypatch.setattr(store_figures, "SOON_SEC", 0.0)

    page = owner.send("GET", "/storage").text

    assert "being counted" in page
    assert '<section id="rooms" hx-get="/storage" hx-trigger="load delay:1s"' in page
    for address in ("/apps", "/apps/hello_world_service"):
        assert " hx-trigger=" in owner.send("GET", address).text
    may_end.set()
    monkeypatch.setattr(store_figures, "SOON_SEC", 60.0)
    page = owner.send("GET", "/storage", headers={"HX-Request": "true"}).text
    assert "hello_world 3 6.0 kB" in words(page)
    assert " hx-trigger=" not in page


def test_room_is_counted_once_for_all_who_look_and_told_as_it_was_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store_figures, "KEPT_SEC", 0.0)
    monkeypatch.setattr(store_figures, "MOST_WORK", 1e9)
    may_end = threading.Event()
    counted: list[list[ProcessorRoom]] = []

    def count() -> list[ProcessorRoom]:
        if counted:
            may_end.wait(60)
        counted.append([])
        return counted[-1]

    async def look() -> None:
        rooms = Rooms(count)
        assert await rooms.soon(asyncio.to_thread) is counted[0]
        monkeypatch.setattr(store_figures, "SOON_SEC", 0.0)
        told = [await rooms.soon(asyncio.to_thread) for _ in range(5)]
        assert all(each is counted[0] for each in told)
        may_end.set()
        monkeypatch.setattr(store_figures, "SOON_SEC", 60.0)
        assert await rooms.soon(asyncio.to_thread) is counted[1]

    asyncio.run(look())
    assert len(counted) == 2
