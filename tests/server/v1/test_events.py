"""Jobs as they change: a stream of events over a real connection."""

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job
from dendro_local.server.v1 import events
from tests.hub.conftest import Worker
from tests.server.conftest import SERVICE
from tests.server.v1.conftest import LIMIT_SEC, Events, Live

Greeting = Callable[..., NewJob]


def submitted(hub: LocalHub, request: NewJob) -> Job:
    return hub.submit([request])[0]


def told(events: Events) -> tuple[str, str]:
    """Name of the next event, and what became of which job."""
    name, data, _ = events.next()
    return (name, data["job"]["status"]) if name == "job" else (name, data.get("jobId", ""))


def test_every_change_of_a_job_is_told_as_it_happens(
    live: Live,
    hub: LocalHub,
    worker: Worker,
    greeting: Greeting,
) -> None:
    stream = live.follow("/events")
    name, began, id_ = stream.next()

    job = submitted(hub, greeting("a"))

    assert name == "began"
    assert began == {"cursor": id_}
    name, data, _ = stream.next()
    assert (name, data["job"]["jobId"], data["job"]["status"]) == ("job", job.jobId, "pending")
    assert data["job"]["outputFileResults"][0]["url"].startswith(f"{live.server.url}/f/")
    claim = worker.claim()
    assert told(stream) == ("job", "starting")
    worker.complete(claim)
    assert told(stream)[1] in ("running", "completed")
    hub.delete([job.jobId])
    while (last := told(stream))[0] == "job":
        pass
    assert last == ("deleted", job.jobId)


def test_whoever_comes_back_is_told_what_happened_meanwhile(
    live: Live,
    hub: LocalHub,
    worker: Worker,
    greeting: Greeting,
) -> None:
    stream = live.follow("/events")
    stream.next()
    gone = submitted(hub, greeting("gone"))
    _, _, last = stream.next()
    live.hang_up()
    hub.delete([gone.jobId])
    submitted(hub, greeting("a"))
    worker.complete(worker.claim())
    submitted(hub, greeting("b"))

    again = live.follow("/events", last_event_id=last)

    assert again.next() == ("began", {"cursor": last}, last)
    assert told(again) == ("deleted", gone.jobId)
    # Each job once, as it is now.
    assert told(again) == ("job", "completed")
    assert told(again) == ("job", "pending")
    hub.cancel(submitted(hub, greeting("b")).jobId)
    assert told(again) == ("job", "failed")


def test_a_cursor_can_be_given_in_the_address(
    live: Live,
    hub: LocalHub,
    greeting: Greeting,
) -> None:
    stream = live.follow("/events")
    _, began, _ = stream.next()
    live.hang_up()
    submitted(hub, greeting("a"))

    again = live.follow("/events", after=began["cursor"])

    assert [again.next()[0], told(again)] == ["began", ("job", "pending")]


def test_only_jobs_that_were_asked_for_are_told(
    live: Live,
    hub: LocalHub,
    greeting: Greeting,
) -> None:
    wanted = [submitted(hub, greeting(name)) for name in "ab"]
    stream = live.follow("/events", job=[job.jobId for job in wanted])
    elsewhere = live.follow("/events", service="elsewhere")
    here = live.follow("/events", service=SERVICE)
    for each in (stream, elsewhere, here):
        assert each.next()[0] == "began"

    other = submitted(hub, greeting("other"))
    hub.delete([other.jobId])
    hub.cancel(wanted[1].jobId)
    hub.delete([wanted[0].jobId])

    assert told(stream) == ("job", "failed")
    assert told(stream) == ("deleted", wanted[0].jobId)
    # A job that is gone has no service any more.
    assert told(elsewhere) == ("deleted", other.jobId)
    assert told(elsewhere) == ("deleted", wanted[0].jobId)
    assert told(here)[0] in ("job", "deleted")


def test_a_cursor_of_another_store_makes_the_listener_load_anew(live: Live) -> None:
    for cursor in ("0123456789abcdef-3", f"{live.hub.store_id()}-{10**12}"):
        stream = live.follow("/events", last_event_id=cursor)

        name, began, _ = stream.next()

        assert (name, began["cursor"]) == ("began", f"{live.hub.store_id()}-0")
        assert stream.next()[0] == "reset"


def test_whoever_missed_very_much_is_told_to_load_anew(
    live: Live,
    hub: LocalHub,
    greeting: Greeting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(events, "MOST_MISSED", 3)
    for number in range(5):
        submitted(hub, greeting(str(number)))

    stream = live.follow("/events", last_event_id=f"{hub.store_id()}-0")

    assert stream.next()[1] == {"cursor": f"{hub.store_id()}-5"}
    assert stream.next()[0] == "reset"
    submitted(hub, greeting("new"))
    assert told(stream) == ("job", "pending")


def test_what_is_no_cursor_is_refused(live: Live) -> None:
    for cursor in ("x", "-", "a-b", "a-1x", "a-" + "9" * 30):
        reply = live.client.get("/events", headers={"last-event-id": cursor})
        assert reply.status_code == 400
        assert reply.json()["error"]["code"] == "invalid_request"


def test_a_quiet_stream_shows_that_it_is_there(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SEC", 0.05)
    with live.client.stream("GET", "/events") as reply:
        lines = reply.iter_lines()

        found = next(line for line in lines if line.startswith(":"))

    assert found == ": still here"


def test_a_listener_that_falls_behind_misses_no_job(
    live: Live,
    hub: LocalHub,
    greeting: Greeting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dendro_local.server import news

    monkeypatch.setattr(news, "READ_AT_ONCE", 7)
    stream = live.follow("/events")
    cursor = stream.next()[2]
    jobs = hub.submit([greeting(str(number)) for number in range(100)])
    live.hang_up()

    again = live.follow("/events", last_event_id=cursor)
    again.next()

    told = [again.next()[1]["job"]["jobId"] for _ in jobs]
    assert told == [job.jobId for job in jobs]


def test_all_of_many_listeners_are_told(
    live: Live,
    hub: LocalHub,
    greeting: Greeting,
) -> None:
    found: list[tuple[str, str]] = []
    ready = threading.Barrier(21)

    def listen() -> None:
        with httpx.Client(timeout=LIMIT_SEC, trust_env=False) as client:
            url = f"{live.server.url}/v1/events"
            with client.stream("GET", url) as reply:
                stream = Events(reply)
                stream.next()
                ready.wait(LIMIT_SEC)
                found.append(told(stream))

    threads = [threading.Thread(target=listen) for _ in range(20)]
    for thread in threads:
        thread.start()
    ready.wait(LIMIT_SEC)
    submitted(hub, greeting("a"))
    for thread in threads:
        thread.join(LIMIT_SEC)

    assert found == [("job", "pending")] * 20


def test_listeners_do_not_hold_up_the_end_of_the_server(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    streams = [live.follow("/events") for _ in range(3)]
    for stream in streams:
        stream.next()

    live.stop()

    assert [stream.rest() for stream in streams] == [[], [], []]
    assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


def test_nothing_is_waited_for_when_nobody_listens(live: Live, hub: LocalHub) -> None:
    wake: Any = hub.store.folder.wake
    stream = live.follow("/events")
    stream.next()
    assert len(list(wake.iterdir())) == 1

    live.hang_up()

    until_gone(lambda: list(wake.iterdir()) == [])


def until_gone(is_gone: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(int(LIMIT_SEC / 0.01)):
        if is_gone():
            return
        waiting.wait(0.01)
    raise AssertionError("it is still there")
