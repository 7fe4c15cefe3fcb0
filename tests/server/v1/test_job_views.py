"""Close looks at a job: its kin, where it came from, parts of its console, its usage."""

from collections.abc import Callable

import pytest

from dendro_local.hub import Claim, NewJob, RunResult
from dendro_local.local_hub import LocalHub, job_views
from dendro_local.model import Job
from dendro_local.store.lineage import LineageLimits
from tests.hub.conftest import Worker, counting  # noqa: F401 - a fixture
from tests.server.v1.conftest import V1, new_job
from tests.store_rows import came_from

Counting = Callable[..., NewJob]


def family(hub: LocalHub, worker: Worker, counting: Counting, greeting: Counting) -> list[Job]:  # noqa: F811
    """A completed job, and two that take its output."""
    [first] = hub.submit([greeting("a")])
    first = worker.complete(worker.claim())
    one, two = hub.submit([counting(first, skipCache=True) for _ in range(2)])
    return [first, one, two]


def test_the_kin_of_a_job_are_told_with_their_status(
    v1: V1,
    hub: LocalHub,
    worker: Worker,
    greeting: Counting,
    counting: Counting,  # noqa: F811
) -> None:
    first, one, two = family(hub, worker, counting, greeting)
    worker.complete(worker.claim())

    of_first = v1.get(f"/jobs/{first.jobId}/lineage")
    of_one = v1.get(f"/jobs/{one.jobId}/lineage")

    assert {job["jobId"]: job["relation"] for job in of_first["jobs"]} == {
        first.jobId: "self",
        one.jobId: "descendant",
        two.jobId: "descendant",
    }
    assert [(job["jobId"], job["status"]) for job in of_one["jobs"]] == [
        (first.jobId, "completed"),
        (one.jobId, hub.get_job(one.jobId).status),
    ]
    assert of_one["links"] == [{"parent": first.jobId, "child": one.jobId}]
    assert (of_first["numChildren"], of_first["hasAllDescendants"]) == (2, True)
    assert v1.refusal("GET", "/jobs/nothing/lineage")[:2] == (404, "job_not_found")


def test_of_very_many_kin_some_are_told_and_that_there_are_more(
    v1: V1,
    hub: LocalHub,
    worker: Worker,
    greeting: Counting,
    counting: Counting,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_views, "LIMITS", LineageLimits(jobs=5, next_of_kin=3))
    monkeypatch.setattr(job_views, "MOST_CHILDREN", 4)
    [first] = hub.submit([greeting("a")])
    first = worker.complete(worker.claim())
    children = hub.submit([counting(first, skipCache=True) for _ in range(6)])

    found = v1.get(f"/jobs/{first.jobId}/lineage")

    latest = [child.jobId for child in children[:2:-1]]
    assert [job["jobId"] for job in found["jobs"]] == [first.jobId, *latest]
    assert (found["numChildren"], found["hasAllDescendants"]) == (4, False)
    assert found["hasAllAncestors"]


def test_an_ancestor_that_is_deleted_is_told_as_such(
    v1: V1,
    hub: LocalHub,
    worker: Worker,
    greeting: Counting,
    counting: Counting,  # noqa: F811
) -> None:
    first, one, _ = family(hub, worker, counting, greeting)

    hub.delete([first.jobId])

    deleted = v1.get(f"/jobs/{one.jobId}/lineage")["jobs"][0]
    assert (deleted["jobId"], deleted["status"]) == (first.jobId, None)


def test_where_a_job_came_from_is_told(v1: V1, hub: LocalHub) -> None:
    (job,) = v1.submit(new_job("a"))
    path = f"/jobs/{job['jobId']}/origin"

    assert v1.get(path)["origin"] is None
    with hub.store.transaction():
        hub.store.sharing.trusted_keys.put("abc", "the lab", bytes(32))
    came_from(hub, job["jobId"], "bucket", "abc", is_verified=True)

    assert v1.get(path) == {
        "origin": "bucket",
        "arrivedAt": 1000.0,
        "isVerified": True,
        "keyId": "abc",
        "keyName": "the lab",
    }


@pytest.fixture
def running(hub: LocalHub, worker: Worker, greeting: Counting) -> Claim:
    """A job that runs and has printed three lines."""
    hub.submit([greeting("a")])
    claim = worker.claim()
    hub.set_running(claim)
    claim.folder.mkdir(parents=True)
    (claim.folder / "console.txt").write_bytes(b"one\n\x1b[31mtwo\nthree")
    return claim


def test_lines_of_a_console_are_told_with_their_places(
    v1: V1, hub: LocalHub, worker: Worker, running: Claim
) -> None:
    path = f"/jobs/{running.job.jobId}/console/window"

    assert v1.get(path, begin=5) == {
        "start": 4,
        "end": 18,
        "size": 18,
        "attempt": 1,
        "status": "running",
        "isLineOpen": True,
        "lines": [{"at": 4, "text": "\x1b[31mtwo"}, {"at": 13, "text": "three"}],
    }
    assert [line["text"] for line in v1.get(path, begin=-1)["lines"]] == ["three"]
    assert v1.get(path, begin=2, end=4, align="end")["lines"] == [{"at": 2, "text": "e"}]
    assert v1.refusal("GET", f"{path}?align=left")[:2] == (400, "invalid_request")
    console = running.folder / "console.txt"
    hub.complete(running, RunResult(outputs={"output": worker.file("o", b"x")}, console=console))
    ended = v1.get(path, begin=-1)
    assert (ended["status"], ended["size"]) == ("completed", 18)


def test_a_console_is_searched(v1: V1, running: Claim) -> None:
    path = f"/jobs/{running.job.jobId}/console/find"

    assert v1.get(path, text="THREE") == {
        "at": 13,
        "searchedTo": 13,
        "hasEnded": False,
        "size": 18,
    }
    assert v1.get(path, text="one", begin=18, backwards="true")["at"] == 0
    assert v1.get(path, text="four")["hasEnded"]
    assert v1.refusal("GET", f"{path}?text=")[:2] == (400, "invalid_request")


def test_a_job_that_has_not_run_has_used_and_printed_nothing(v1: V1) -> None:
    (job,) = v1.submit(new_job("a"))

    assert v1.get(f"/jobs/{job['jobId']}/usage/series")["at"] == []
    window = v1.get(f"/jobs/{job['jobId']}/console/window")
    assert (window["lines"], window["attempt"]) == ([], 0)
