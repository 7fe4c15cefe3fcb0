"""What a job has printed and used, whole and as it grows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dendro_local.hub import Claim, NewJob, RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.server.v1 import console_tail
from tests.hub.conftest import Worker
from tests.server.v1.conftest import V1, Events, Live, new_job

Greeting = Callable[..., NewJob]


@pytest.fixture
def running(hub: LocalHub, worker: Worker, greeting: Greeting) -> Claim:
    """A job that runs."""
    hub.submit([greeting("a")])
    claim = worker.claim()
    hub.set_running(claim)
    claim.folder.mkdir(parents=True)
    return claim


def prints(claim: Claim, content: bytes) -> None:
    """The job prints more."""
    with (claim.folder / "console.txt").open("ab") as console:
        console.write(content)


def completes(hub: LocalHub, worker: Worker, claim: Claim) -> None:
    """The job is completed with what it has printed, and its folder is gone."""
    output = worker.file("output", b"out")
    console = claim.folder / "console.txt"
    hub.complete(claim, RunResult(outputs={"output": output}, console=console))
    console.unlink(missing_ok=True)


def console_of(claim: Claim) -> str:
    return f"/jobs/{claim.job.jobId}/console"


def text_until(events: Events, length: int) -> str:
    """What is told next, until there are so many characters."""
    found = ""
    while len(found) < length:
        name, data, _ = events.next()
        assert name == "text"
        found += data["text"]
    return found


def test_the_console_of_a_finished_job_is_its_bytes(v1: V1, worker: Worker) -> None:
    v1.submit(new_job("a"))
    job = worker.complete(worker.claim(), console=b"\xffline 1\r\nline 2\n")

    reply = v1.send("GET", f"/jobs/{job.jobId}/console", by=None)

    assert reply.content == b"\xffline 1\r\nline 2\n"
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert v1.send("GET", f"/jobs/{job.jobId}/console?offset=9").content == b"line 2\n"
    assert v1.send("GET", f"/jobs/{job.jobId}/console?offset=999").content == b""
    assert v1.refusal("GET", f"/jobs/{job.jobId}/console?offset=-1")[:2] == (
        400,
        "invalid_request",
    )


def test_a_job_that_has_not_run_has_printed_nothing(v1: V1) -> None:
    (job,) = v1.submit(new_job("a"))

    assert v1.send("GET", f"/jobs/{job['jobId']}/console").content == b""
    assert v1.send("GET", f"/jobs/{job['jobId']}/usage").content == b""


def test_the_console_of_a_running_job_is_what_it_has_printed_so_far(v1: V1, running: Claim) -> None:
    prints(running, b"so far")

    assert v1.send("GET", console_of(running)).content == b"so far"


def test_a_large_console_is_sent_in_pieces(v1: V1, running: Claim) -> None:
    content = bytes(range(256)) * 4096 * 2
    prints(running, content)

    assert v1.send("GET", f"{console_of(running)}?offset=5").content == content[5:]


def test_the_usage_log_is_lines_of_json(v1: V1, running: Claim) -> None:
    (running.folder / "usage.jsonl").write_text('{"a": 1}\n{"a": 2}\n')

    reply = v1.send("GET", f"/jobs/{running.job.jobId}/usage", by=None)

    assert reply.text == '{"a": 1}\n{"a": 2}\n'
    assert reply.headers["content-type"] == "application/x-ndjson"


def test_a_console_is_followed_until_its_job_has_ended(
    live: Live, hub: LocalHub, worker: Worker, running: Claim
) -> None:
    stream = live.follow(console_of(running))
    assert stream.next() == ("began", {"attempt": 1}, "0")

    prints(running, b"one\n")
    assert stream.next() == ("text", {"text": "one\n"}, "4")
    prints(running, b"two\r\n")
    assert stream.next() == ("text", {"text": "two\r\n"}, "9")
    prints(running, b"last")
    completes(hub, worker, running)

    assert text_until(stream, 4) == "last"
    assert stream.next() == ("end", {"status": "completed"}, None)
    assert stream.rest() == []


def test_all_who_follow_a_console_are_told_all_of_it(
    live: Live, hub: LocalHub, worker: Worker, running: Claim
) -> None:
    prints(running, b"early\n")
    first = live.follow(console_of(running))
    assert [first.next()[0], first.next()[1]] == ["began", {"text": "early\n"}]
    prints(running, b"late\n")
    others = [live.follow(console_of(running)), live.follow(console_of(running), offset=3)]
    prints(running, b"x" * 100_000)

    completes(hub, worker, running)
    texts = [
        "".join(data["text"] for name, data, _ in stream.rest() if name == "text")
        for stream in (first, *others)
    ]

    whole = f"early\nlate\n{'x' * 100_000}"
    assert texts == [whole[6:], whole, whole[3:]]


def test_who_comes_back_is_told_the_rest_alone(
    live: Live, hub: LocalHub, worker: Worker, running: Claim
) -> None:
    prints(running, b"one two")

    stream = live.follow(console_of(running), last_event_id="4")

    assert stream.next() == ("text", {"text": "two"}, "7")
    completes(hub, worker, running)
    assert stream.next()[0] == "end"
    for begin in ({"last_event_id": "7"}, {"offset": 7}):
        assert live.follow(console_of(running), **begin).rest() == [
            ("end", {"status": "completed"}, None)
        ]


def test_a_character_that_is_printed_in_part_is_told_when_it_is_whole(
    live: Live, running: Claim
) -> None:
    stream = live.follow(console_of(running))
    stream.next()

    prints(running, b"caf\xc3")
    assert stream.next() == ("text", {"text": "caf"}, "3")
    prints(running, b"\xa9\xff!")

    assert stream.next() == ("text", {"text": "é\ufffd!"}, "7")


def test_half_a_character_at_the_end_is_told_when_no_more_can_come(
    live: Live, hub: LocalHub, worker: Worker, running: Claim
) -> None:
    prints(running, b"caf\xc3")
    completes(hub, worker, running)

    events = live.follow(console_of(running)).rest()

    assert "".join(data["text"] for name, data, _ in events if name == "text") == "caf\ufffd"
    assert events[-1] == ("end", {"status": "completed"}, None)


def test_a_job_that_runs_anew_begins_its_console_anew(
    live: Live, hub: LocalHub, worker: Worker, running: Claim
) -> None:
    prints(running, b"first attempt")
    stream = live.follow(console_of(running))
    assert [stream.next()[0], stream.next()[2]] == ["began", "13"]

    hub.give_up(running)
    second = worker.claim()
    second.folder.mkdir(parents=True)
    prints(second, b"second")

    assert stream.next() == ("began", {"attempt": 2}, "0")
    assert stream.next() == ("text", {"text": "second"}, "6")
    # Whoever has more of the first than there is of the second is told from its beginning.
    late = live.follow(console_of(running), last_event_id="13")
    assert [late.next()[2], late.next()[2]] == ["0", "6"]


def test_the_console_of_a_job_that_is_deleted_ends(
    live: Live, hub: LocalHub, running: Claim
) -> None:
    stream = live.follow(console_of(running))
    stream.next()

    hub.delete([running.job.jobId])

    assert stream.rest()[-1][:2] in (
        ("end", {"status": None}),
        ("end", {"status": "failed"}),
    )


def test_a_console_of_which_nothing_is_heard_shows_that_it_is_there(
    live: Live, running: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_tail, "HEARTBEAT_SEC", 0.01)
    monkeypatch.setattr(console_tail, "LOOK_SEC", 0.01)
    headers = {"accept": "text/event-stream"}
    with live.client.stream("GET", console_of(running), headers=headers) as reply:
        assert next(line for line in reply.iter_lines() if line.startswith(":"))


def test_a_console_that_is_followed_does_not_hold_up_the_end_of_the_server(
    live: Live, running: Claim
) -> None:
    stream = live.follow(console_of(running))
    stream.next()

    live.stop()

    assert stream.rest() == []


def test_what_is_no_place_in_a_console_is_refused(live: Live, running: Claim) -> None:
    for id_ in ("x", "-1", "1.5", "9" * 30):
        reply = live.client.get(
            console_of(running), headers={"accept": "text/event-stream", "last-event-id": id_}
        )
        assert reply.status_code == 400, id_


def test_following_a_job_that_is_not_there_is_refused(live: Live, store_folder: Path) -> None:
    reply: Any = live.client.get("/jobs/nothing/console", headers={"accept": "text/event-stream"})

    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "job_not_found"
