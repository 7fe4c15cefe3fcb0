"""Whoever runs jobs is woken by what gives work, and not by each of its own steps."""

from collections.abc import Iterator

import pytest

from dendro_local.hub import RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.store import Listener
from tests.hub.conftest import NewJobMaker, Worker

LIMIT_SEC = 60


@pytest.fixture
def for_work(local_hub: LocalHub) -> Iterator[Listener]:
    """What a compute client waits with."""
    listener = local_hub.changes(for_work=True)
    yield listener
    listener.close()


def is_woken(listener: Listener) -> bool:
    """Whether there was something to hear of; then it is forgotten."""
    return listener.wait(0.01)


def test_a_new_job_is_heard_of(
    local_hub: LocalHub, greeting: NewJobMaker, for_work: Listener
) -> None:
    local_hub.submit([greeting()])

    assert for_work.wait(LIMIT_SEC)


def test_a_claim_and_an_end_that_nothing_waits_for_are_not(
    local_hub: LocalHub, greeting: NewJobMaker, worker: Worker, for_work: Listener
) -> None:
    local_hub.submit([greeting("a"), greeting("b")])
    for_all = local_hub.changes()
    assert for_work.wait(LIMIT_SEC)
    first, second = worker.claim(), worker.claim()
    assert for_all.wait(LIMIT_SEC)
    assert not is_woken(for_work)
    local_hub.set_running(first)
    local_hub.set_running(second)
    assert for_work.wait(LIMIT_SEC)  # there is a time limit to keep, from now on

    worker.hub.complete(first, _nothing_but_output(worker))
    local_hub.fail(second, "ValueError: boom", None)

    assert for_all.wait(LIMIT_SEC)
    assert not is_woken(for_work)
    for_all.close()


def test_an_end_that_lets_another_job_run_is_heard_of(
    local_hub: LocalHub,
    greeting: NewJobMaker,
    counting: NewJobMaker,
    worker: Worker,
    for_work: Listener,
) -> None:
    [parent] = local_hub.submit([greeting()])
    local_hub.submit([counting(parent)])
    claim = worker.claim()
    local_hub.set_running(claim)
    assert for_work.wait(LIMIT_SEC)

    local_hub.complete(claim, _nothing_but_output(worker))

    assert for_work.wait(LIMIT_SEC)


def test_a_job_that_is_canceled_is_heard_of(
    local_hub: LocalHub, greeting: NewJobMaker, worker: Worker, for_work: Listener
) -> None:
    [job] = local_hub.submit([greeting()])
    worker.claim()
    assert for_work.wait(LIMIT_SEC)

    local_hub.cancel(job.jobId)

    assert for_work.wait(LIMIT_SEC)


def _nothing_but_output(worker: Worker) -> RunResult:
    return RunResult(
        outputs={"output": worker.file("output.txt", b"Hello!")},
        console=worker.file("console.txt", b""),
    )
