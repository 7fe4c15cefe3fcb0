"""How what a user may not have is answered."""

import hashlib
from collections.abc import Callable

import pytest

from tests.server.conftest import ADA, OWNER, SERVICE, Served, job_request
from tests.server.running.conftest import Client, Run


@pytest.fixture
def limit(served: Served, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Limit users, ``limit(pending_jobs=2)``; the key of one who may create jobs."""
    from dendro_local.model import ServiceUser

    def set_limits(**given: int) -> str:
        for name, value in given.items():
            monkeypatch.setenv(f"DENDRO_QUOTA_{name.upper()}", str(value))
        served.hub.limit_users()
        return served.key_of(ADA)

    rights = ServiceUser(userId=ADA, admin=False, createJobs=True, processJobs=True)
    served.hub.set_service_users(SERVICE, [rights])
    return set_limits


def test_a_job_too_many_is_answered_in_the_form_of_the_route(
    served: Served, limit: Callable[..., str]
) -> None:
    key = limit(pending_jobs=1)
    served.get("createJob", job_request("a"), key)
    message = "This hub lets up to 1 jobs of a user wait. Submit more when some of them have begun."
    body = {"type": "createJobRequest", **job_request("b")}
    theirs = served.send("POST", "/api/createJob", key=key, json=body)
    new = {name: value for name, value in job_request("b").items() if name != "userId"}
    ours = served.send("POST", "/v1/jobs", key=key, json={"jobs": [new]})

    assert (theirs.status_code, theirs.headers["retry-after"]) == (429, "60")
    assert theirs.json() == {"error": message}
    assert (ours.status_code, ours.headers["retry-after"]) == (429, "60")
    assert ours.json() == {"error": {"code": "quota_exceeded", "message": message}}
    assert served.ask("createJob", job_request("a"), key)[0] == 200


def test_an_output_that_is_too_large_is_refused_before_it_is_sent(
    served: Served, limit: Callable[..., str]
) -> None:
    key = limit(upload_bytes=100)
    job = served.get("createJob", job_request(), key)["job"]
    run = Run(served, Client(served).id, job["jobId"]).begin()

    def place(size: int, kind: str = "output") -> tuple[int, object]:
        name = {"outputName": "output"} if kind == "output" else {}
        return run.ask("getSignedUploadUrl", uploadType=kind, size=size, **name)

    message = "The file has 101 bytes; this hub takes files of up to 100."
    assert place(101) == (413, {"error": message})
    assert place(100)[0] == 200
    assert place(101, "consoleOutput")[0] == 200


def test_an_input_that_is_too_large_or_too_much_is_refused_as_it_comes(
    served: Served, limit: Callable[..., str]
) -> None:
    key = limit(upload_bytes=100, stored_bytes=150)

    def put(size: int, content: bytes = b"x") -> tuple[int, str]:
        body = content * size
        digest = hashlib.sha256(body).hexdigest()
        headers = {"upload-offset": "0", "upload-length": str(size)}
        reply = served.send("PATCH", f"/v1/blobs/{digest}", key=key, headers=headers, content=body)
        return reply.status_code, reply.json().get("error", {"code": ""})["code"]

    assert put(101) == (413, "too_large")
    assert put(100) == (200, "")
    assert put(51, b"y") == (429, "quota_exceeded")
    assert put(50, b"z") == (200, "")


def test_the_user_whose_store_it_is_is_refused_nothing(
    served: Served, limit: Callable[..., str]
) -> None:
    limit(pending_jobs=1, jobs_a_day=1, stored_bytes=1, upload_bytes=1)

    for name in "abc":
        served.create_job(name, user=OWNER)
