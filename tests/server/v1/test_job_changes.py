"""What changes a job, and who may do it."""

from typing import Any

import pytest

from tests.hub.conftest import Worker
from tests.server.conftest import ADA, BOB, OWNER
from tests.server.v1.conftest import V1, new_job


@pytest.fixture
def job(v1: V1) -> dict[str, Any]:
    """A job of Ada's, who may create jobs."""
    v1.let(ADA, createJobs=True)
    return v1.submit(new_job("a"), by=ADA)[0]


def test_a_canceled_job_has_failed(v1: V1, job: dict[str, Any]) -> None:
    canceled = v1.send("POST", f"/jobs/{job['jobId']}/cancel", by=ADA).json()

    assert (canceled["status"], canceled["canceled"]) == ("failed", True)
    assert v1.refusal("POST", f"/jobs/{job['jobId']}/cancel", by=ADA)[:2] == (409, "conflict")


def test_a_rerun_is_a_new_job_of_whoever_asked(v1: V1, job: dict[str, Any]) -> None:
    again = v1.send("POST", f"/jobs/{job['jobId']}/rerun", by=OWNER).json()

    assert again["jobId"] != job["jobId"]
    assert again["jobDefinitionHash"] == job["jobDefinitionHash"]
    assert again["userId"] == OWNER


def test_a_rerun_by_another_user_has_no_secrets_of_the_first(v1: V1, worker: Worker) -> None:
    v1.let(ADA, createJobs=True)
    (job,) = v1.submit(new_job("a", secrets=[{"name": "KEY", "value": "secret"}]), by=ADA)

    again = v1.send("POST", f"/jobs/{job['jobId']}/rerun", by=OWNER).json()

    note = v1.get(f"/jobs/{again['jobId']}")["note"]
    assert "It runs without the secrets" in note
    assert "secret" not in note.replace("secrets", "")


def test_a_deleted_job_is_gone(v1: V1, job: dict[str, Any]) -> None:
    reply = v1.send("DELETE", f"/jobs/{job['jobId']}", by=ADA)

    assert (reply.status_code, reply.content) == (204, b"")
    assert v1.refusal("GET", f"/jobs/{job['jobId']}")[:2] == (404, "job_not_found")


def test_a_pinned_job_says_so_until_it_is_pinned_no_more(v1: V1, job: dict[str, Any]) -> None:
    path = f"/jobs/{job['jobId']}"

    for method, is_pinned in (("PUT", True), ("PUT", True), ("DELETE", False), ("DELETE", False)):
        assert v1.send(method, f"{path}/pin", by=ADA).status_code == 204
        assert v1.get(path)["isPinned"] is is_pinned


def test_tags_are_added_to_those_that_are_there(v1: V1, job: dict[str, Any]) -> None:
    path = f"/jobs/{job['jobId']}/tags"
    v1.send("POST", path, json={"tags": ["b", "a"]})

    tagged = v1.send("POST", path, json={"tags": ["a", "c"]}).json()

    assert tagged["tags"] == ["b", "a", "c"]
    assert v1.get("/jobs", tag="c")["jobs"] == [tagged]
    assert v1.refusal("POST", path, json={"tags": []})[:2] == (400, "invalid_request")
    assert v1.refusal("POST", path, json={"tags": [str(n) for n in range(998)]})[2] == (
        "A job has at most 1000 tags."
    )


CHANGES = (
    ("POST", "/cancel", None),
    ("POST", "/rerun", None),
    ("POST", "/tags", {"tags": ["t"]}),
    ("PUT", "/pin", None),
    ("DELETE", "/pin", None),
    ("DELETE", "", None),
)


def test_nothing_is_changed_without_a_key_or_the_right(v1: V1, job: dict[str, Any]) -> None:
    before = v1.get(f"/jobs/{job['jobId']}")

    for method, path, body in CHANGES:
        more = {} if body is None else {"json": body}
        url = f"/jobs/{job['jobId']}{path}"
        assert v1.refusal(method, url, by=None, **more)[:2] == (401, "not_authenticated"), path
        assert v1.refusal(method, url, by=BOB, **more)[:2] == (403, "not_allowed"), path

    assert v1.get(f"/jobs/{job['jobId']}") == before
    assert len(v1.get("/jobs")["jobs"]) == 1


def test_whoever_may_create_jobs_may_tag_and_rerun_those_of_others_but_not_cancel_them(
    v1: V1, job: dict[str, Any]
) -> None:
    v1.let(BOB, createJobs=True)
    url = f"/jobs/{job['jobId']}"

    assert v1.send("POST", f"{url}/tags", by=BOB, json={"tags": ["t"]}).status_code == 200
    assert v1.send("POST", f"{url}/rerun", by=BOB).status_code == 200
    assert v1.refusal("POST", f"{url}/cancel", by=BOB)[:2] == (403, "not_allowed")
    assert v1.refusal("PUT", f"{url}/pin", by=BOB)[:2] == (403, "not_allowed")


def test_a_method_that_a_path_does_not_take_is_refused_in_the_one_form(v1: V1) -> None:
    assert v1.refusal("PATCH", "/jobs") == (
        405,
        "method_not_allowed",
        "/v1/jobs does not take PATCH.",
    )
    assert v1.refusal("GET", "/nothing")[:2] == (404, "not_found")
