"""What a job on another machine prints, uses and waits for is seen on the hub while it runs."""

import os
from pathlib import Path

import httpx
import pytest

from dendro_local.hub import Claim, RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.remote_hub import RemoteHub
from tests.faults.scripts import wait_until
from tests.hub.conftest import NewJobMaker, Worker
from tests.live_hub import LIMIT_SEC, LiveHub
from tests.remote_hub.proxy import Proxy

MB = 1 << 20


@pytest.fixture
def claim(hub: RemoteHub, greeting: NewJobMaker, worker: Worker) -> Claim:
    """A job that runs."""
    hub.submit([greeting()])
    claim = worker.claim()
    claim.folder.mkdir(parents=True)
    hub.set_running(claim)
    return claim


def add(file: Path, text: bytes) -> None:
    with file.open("ab") as stream:
        stream.write(text)


def result(worker: Worker, console: Path) -> RunResult:
    """What the job has left in the end."""
    return RunResult(outputs={"output": worker.file("output", b"Hello!")}, console=console)


def test_what_it_prints_and_uses_is_seen_as_it_comes(
    claim: Claim, hub: RemoteHub, local_hub: LocalHub, worker: Worker
) -> None:
    job_id, console = claim.job.jobId, claim.folder / "console.txt"
    add(console, b"one\n")
    wait_until(lambda: local_hub.console(job_id) == b"one\n", "the first line")
    add(console, b"two\n")
    add(claim.folder / "usage.jsonl", b"{}\n")
    wait_until(lambda: local_hub.console(job_id) == b"one\ntwo\n", "the second line")
    wait_until(lambda: local_hub.usage(job_id) == b"{}\n", "what it used")

    # The app was started anew, since its host had died.
    console.unlink()
    add(console, b"1\n")
    wait_until(lambda: local_hub.console(job_id) == b"1\n", "the console to begin anew")

    hub.complete(claim, result(worker, console))
    assert hub.console(job_id) == b"1\n"


def test_what_was_sent_is_not_sent_again_at_the_end(
    claim: Claim, hub: RemoteHub, local_hub: LocalHub, network: Proxy, worker: Worker
) -> None:
    console, printed = claim.folder / "console.txt", os.urandom(MB)
    add(console, printed)
    wait_until(lambda: local_hub.console(claim.job.jobId) == printed, "all to be sent")
    add(console, b"the end\n")

    hub.complete(claim, result(worker, console))

    assert network.sent < 1.2 * MB
    assert hub.console(claim.job.jobId) == printed + b"the end\n"


def test_what_it_does_before_its_app_starts_is_told(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    claim.folder.mkdir(parents=True)
    note = claim.folder / "preparation.txt"

    note.write_text("installing numpy")
    wait_until(lambda: "installing numpy" in local_hub.why(job.jobId), "the step to be told")
    note.unlink()
    wait_until(lambda: "installing" not in local_hub.why(job.jobId), "the step to be over")


def test_a_network_that_breaks_holds_up_no_line_for_ever(
    claim: Claim, local_hub: LocalHub, network: Proxy
) -> None:
    network.split()
    add(claim.folder / "console.txt", b"one\n")
    network.heal()

    wait_until(lambda: local_hub.console(claim.job.jobId) == b"one\n", "the line to be sent")


def test_a_job_that_was_taken_over_goes_on_where_its_console_was(
    claim: Claim, hub: RemoteHub, local_hub: LocalHub, worker: Worker, tmp_path: Path
) -> None:
    job_id, console = claim.job.jobId, claim.folder / "console.txt"
    add(console, b"one\n")
    wait_until(lambda: local_hub.console(job_id) == b"one\n", "the first line")
    hub.end_run(worker.run)
    next_ = Worker(hub, tmp_path / "next")

    [left] = hub.abandoned()
    adopted = hub.adopt(left, next_.run)
    add(adopted.folder / "console.txt", b"two\n")

    wait_until(lambda: local_hub.console(job_id) == b"one\ntwo\n", "the second line")


def test_who_follows_it_on_the_hub_is_told_line_by_line(
    claim: Claim, live: LiveHub, hub: RemoteHub, worker: Worker
) -> None:
    console = claim.folder / "console.txt"
    add(console, b"one\n")
    url = f"{live.url}/v1/jobs/{claim.job.jobId}/console"
    headers = {"accept": "text/event-stream"}

    with httpx.stream("GET", url, headers=headers, timeout=LIMIT_SEC) as reply:
        lines = (line for line in reply.iter_lines() if line.startswith("data: "))
        assert next(lines) == 'data: {"attempt":1}'
        assert next(lines) == 'data: {"text":"one\\n"}'
        add(console, b"two\n")
        assert next(lines) == 'data: {"text":"two\\n"}'
        hub.complete(claim, result(worker, console))
        assert next(lines) == 'data: {"status":"completed"}'
