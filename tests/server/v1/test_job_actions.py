"""The same with many jobs at once, tags that are taken away, and the figures of the last day."""

from tests.hub.conftest import Worker, worker  # noqa: F401 - a fixture
from tests.server.conftest import ADA
from tests.server.v1.conftest import V1, new_job


def test_each_job_is_told_of_in_order_and_what_fails_keeps_no_other(v1: V1) -> None:
    first, second = v1.submit(new_job("a"), new_job("b"))
    ids = [first["jobId"], "nothing", second["jobId"], first["jobId"]]

    reply = v1.send("POST", "/jobs/actions", json={"action": "cancel", "jobIds": ids})

    one, lost, other = reply.json()["jobs"]
    assert [each["jobId"] for each in (one, lost, other)] == ids[:3]
    assert (one["job"]["canceled"], other["job"]["canceled"]) == (True, True)
    assert (lost["job"], lost["error"]["code"]) == (None, "job_not_found")
    again = v1.send("POST", "/jobs/actions", json={"action": "cancel", "jobIds": ids[:1]}).json()
    assert again["jobs"][0]["error"]["code"] == "conflict"


def test_jobs_are_run_again_tagged_and_deleted(v1: V1) -> None:
    ids = [each["jobId"] for each in v1.submit(new_job("a", tags=["x"]), new_job("b"))]

    def do(action: str, **more: object) -> list[dict[str, dict[str, object]]]:
        body = {"action": action, "jobIds": ids, **more}
        jobs: list[dict[str, dict[str, object]]] = v1.send(
            "POST", "/jobs/actions", json=body
        ).json()["jobs"]
        return jobs

    assert [each["job"]["tags"] for each in do("addTags", tags=["y"])] == [["x", "y"], ["y"]]
    assert [each["job"]["tags"] for each in do("removeTags", tags=["y", "z"])] == [["x"], []]
    assert {each["job"]["jobId"] for each in do("rerun")}.isdisjoint(ids)
    assert [each["error"] for each in do("delete")] == [None, None]
    assert len(v1.get("/jobs")["jobs"]) == 2


def test_tags_are_taken_from_a_job(v1: V1) -> None:
    [job] = v1.submit(new_job(tags=["x", "y", "z/a b"]))
    path = f"/jobs/{job['jobId']}/tags"

    reply = v1.send("DELETE", path, params={"tag": ["x", "z/a b", "never"]})

    assert (reply.status_code, reply.json()["tags"]) == (200, ["y"])
    assert v1.get("/jobs", tag="x")["jobs"] == []
    assert v1.refusal("DELETE", path, by=None, params={"tag": "y"})[0] == 401
    assert v1.refusal("DELETE", path, by=ADA, params={"tag": "y"})[0] == 403
    assert v1.refusal("DELETE", path)[0] == 400


def test_what_cannot_be_asked_for_is_refused_whole(v1: V1) -> None:
    [job] = v1.submit(new_job())
    path, ids = "/jobs/actions", [job["jobId"]]

    for body in (
        {"action": "explode", "jobIds": ids},
        {"action": "cancel", "jobIds": []},
        {"action": "cancel"},
        {"action": "addTags", "jobIds": ids},
        {"action": "addTags", "jobIds": ids, "tags": [""]},
    ):
        assert v1.refusal("POST", path, json=body)[:2] == (400, "invalid_request"), body
    assert v1.refusal("POST", path, by=None, json={"action": "cancel", "jobIds": ids})[0] == 401
    assert v1.get(f"/jobs/{ids[0]}")["job"]["status"] == "pending"


def test_the_last_day_is_told(v1: V1, worker: Worker) -> None:  # noqa: F811 - the fixture
    v1.submit(new_job("a"), new_job("b"))
    worker.complete(worker.claim())
    worker.fail(worker.claim())

    half_hours = v1.get("/throughput")["halfHours"]

    assert len(half_hours) == 48
    assert [sum(each[name] for each in half_hours) for name in ("completed", "failed")] == [1, 1]
    waited = [each["waitedSec"] for each in half_hours if each["waitedSec"] is not None]
    assert waited
    assert min(waited) >= 0
