"""Pruning over the network."""

from typing import Any

import pytest

from dendro_local.hub import JobQuery
from dendro_local.model import Job
from tests.hub.conftest import Worker
from tests.server.conftest import ADA
from tests.server.v1.conftest import V1, new_job


@pytest.fixture
def done(v1: V1, worker: Worker) -> list[Job]:
    """Two finished jobs, with outputs of 2000 and 1000 bytes; the second has a tag."""
    v1.submit(new_job("a"), new_job("b", tags=["old"]))
    return [worker.complete(worker.claim(), bytes(2000 - 1000 * each)) for each in range(2)]


def prune(v1: V1, **rules: Any) -> dict[str, Any]:
    reply = v1.send("POST", "/storage/prune", json=rules)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def left(v1: V1) -> set[str]:
    return {each.jobId for each in v1.hub.find_jobs(JobQuery())}


def test_what_would_go_is_told_and_goes_when_it_is_to(v1: V1, done: list[Job]) -> None:
    told = prune(v1, tags=["old"])

    assert (told["isDryRun"], told["freedBytes"]) == (True, 1000)
    [entry] = told["jobs"]
    assert (entry["jobId"], entry["status"], entry["sizeBytes"]) == (
        done[1].jobId,
        "completed",
        1000,
    )
    assert left(v1) == {each.jobId for each in done}
    gone = prune(v1, tags=["old"], dryRun=False)
    assert (gone["isDryRun"], gone["jobs"]) == (False, told["jobs"])
    assert left(v1) == {done[0].jobId}


def test_a_job_that_ended_after_the_dry_run_stays(v1: V1, worker: Worker, done: list[Job]) -> None:
    told = prune(v1, largerThanBytes=0)
    (late,) = v1.submit(new_job("late"))
    worker.complete(worker.claim())

    prune(v1, largerThanBytes=0, endedBy=told["asOf"], dryRun=False)

    assert left(v1) == {late["jobId"]}


def test_pruning_is_for_the_hubs_own_user_and_by_some_rule(v1: V1, done: list[Job]) -> None:
    body = {"tags": ["old"], "dryRun": False}

    assert v1.refusal("POST", "/storage/prune", by=ADA, json=body)[0] == 403
    assert v1.refusal("POST", "/storage/prune", by=None, json=body)[0] == 401
    assert v1.refusal("POST", "/storage/prune", json={"dryRun": False})[0] == 400
    assert len(left(v1)) == 2
