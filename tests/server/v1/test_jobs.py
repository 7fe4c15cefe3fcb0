"""Submitting jobs, and one job with all that is known of it."""

import hashlib
from pathlib import Path

import pytest

from tests.hub.conftest import Worker
from tests.server.conftest import ADA, BASE_URL, BOB, SERVICE
from tests.server.v1.conftest import V1, body_of_job, new_job


def test_a_submission_records_its_jobs_in_order(v1: V1) -> None:
    v1.let(ADA, createJobs=True)

    jobs = v1.submit(new_job("a", tags=["t"], batchId="b"), new_job("b"), by=ADA)

    assert [job["jobDefinition"]["parameters"][0]["value"] for job in jobs] == ["a", "b"]
    assert [job["status"] for job in jobs] == ["pending", "pending"]
    assert (jobs[0]["userId"], jobs[0]["tags"], jobs[0]["batchId"]) == (ADA, ["t"], "b")
    assert jobs[0]["outputFileResults"][0]["url"].startswith(f"{BASE_URL}/f/{SERVICE}/")


def test_equal_jobs_are_one(v1: V1) -> None:
    first, second = v1.submit(new_job("a"), new_job("a"))
    (third,) = v1.submit(new_job("a"))

    assert first["jobId"] == second["jobId"] == third["jobId"]
    assert v1.submit(new_job("a", skipCache=True))[0]["jobId"] != first["jobId"]


def test_of_a_submission_with_a_fault_nothing_is_recorded(v1: V1) -> None:
    faulty = new_job("b")
    faulty["jobDefinition"]["parameters"] = [{"name": "nome", "value": "x"}]

    refusal = v1.refusal("POST", "/jobs", json={"jobs": [new_job("a"), faulty]})

    assert refusal[:2] == (400, "incompatible_definition")
    assert v1.get("/jobs")["jobs"] == []


def test_what_depends_on_another_job_takes_its_url_as_replies_have_it(
    v1: V1, worker: Worker
) -> None:
    (parent,) = v1.submit(new_job("a"))
    url = parent["outputFileResults"][0]["url"]
    request = new_job()
    request["jobDefinition"] |= {
        "processorName": "count_characters",
        "inputFiles": [{"name": "input", "fileBaseName": "input.txt", "url": url}],
        "outputFiles": [{"name": "output", "fileBaseName": "output.json"}],
        "parameters": [],
    }

    (child,) = v1.submit(request)

    assert child["jobDependencies"] == [parent["jobId"]]
    assert child["inputFileUrlList"] == [url]
    assert worker.claim().job.jobId == parent["jobId"]


def test_secrets_are_taken_and_never_told(v1: V1, worker: Worker) -> None:
    secret = {"name": "DANDI_API_KEY", "value": "very secret"}
    reply = v1.send("POST", "/jobs", json=body_of_job(secrets=[secret]))
    job_id = reply.json()["jobs"][0]["jobId"]

    assert reply.json()["jobs"][0]["secrets"] is None
    for path in ("", "/why", "/console"):
        assert "very secret" not in v1.send("GET", f"/jobs/{job_id}{path}").text


REFUSED = (
    (b"", "The request has no body"),
    (b"{", "Input data was truncated"),
    (b"[]", "In the body: Expected `object`, got `array`"),
    (b'{"jobs": []}', "jobs: Expected `array` of length >= 1"),
    (b'{"x": 1, "jobs": []}', "In the body: Object contains unknown field `x`"),
    (b'{"jobs": [{"serviceName": null}]}', "jobs[0].serviceName: Expected `str`, got `null`"),
    (b'{"jobs": [{"serviceName": "a", "userId": ""}]}', "jobs[0]: Object contains unknown"),
    (b'{"jobs": [{"serviceName": "a"}]}', "jobs[0]: Object missing required field"),
    (b'{"jobs": [{"serviceName": "\\ud800"}]}', ""),
    (b'{"jobs": [{"batchId": "\xff"}]}', "The body is not in UTF-8."),
    (b"[" * 100_000 + b"]" * 100_000, "The body is nested too deeply."),
    (b'{"jobs": [{"requiredResources": {"numCpus": 1e400}}]}', ""),
    (b'{"jobs": [{"tags": [""]}]}', "jobs[0].tags[0]: Expected `str` of length >= 1"),
)


def test_a_body_that_is_no_submission_is_refused_with_the_place_of_the_fault(v1: V1) -> None:
    for body, message in REFUSED:
        status, code, words = v1.refusal("POST", "/jobs", content=body)
        assert (status, code) == (400, "invalid_request"), body[:100]
        assert words.startswith(message), (body[:100], words)


def test_a_body_that_is_too_large_is_refused(v1: V1, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = v1.submit(new_job())

    status, code, _ = v1.refusal(
        "POST", f"/jobs/{job['jobId']}/tags", json={"tags": ["x" * (2 << 20)]}
    )

    assert (status, code) == (413, "too_large")


def test_too_many_jobs_at_once_are_refused(v1: V1) -> None:
    refusal = v1.refusal("POST", "/jobs", json={"jobs": [new_job()] * 1001})

    assert refusal == (400, "invalid_request", "jobs: Expected `array` of length <= 1000")


def test_whoever_may_not_create_jobs_is_refused(v1: V1) -> None:
    v1.let(ADA, processJobs=True)
    body = body_of_job()

    assert v1.refusal("POST", "/jobs", by=None, json=body)[:2] == (401, "not_authenticated")
    for authorization in ("Bearer nobody", "Bearer", "", "Basic a:b", "nobody", "Bearer é"):
        headers = {"authorization": authorization.encode("latin-1")}
        refusal = v1.refusal("POST", "/jobs", by=None, json=body, headers=headers)
        assert refusal[:2] == (401, "not_authenticated"), authorization
    assert v1.refusal("POST", "/jobs", by=ADA, json=body) == (
        403,
        "not_allowed",
        f"{ADA} may not create jobs on service {SERVICE}. Its owner can let them.",
    )
    assert v1.refusal("POST", "/jobs", by=BOB, json=body)[:2] == (403, "not_allowed")
    assert v1.get("/jobs")["jobs"] == []


def test_a_reply_without_a_key_says_how_to_give_one(v1: V1) -> None:
    reply = v1.send("POST", "/jobs", by=None, json=body_of_job())

    assert reply.headers["www-authenticate"] == "Bearer"
    assert "`Authorization: Bearer KEY`" in reply.json()["error"]["message"]


def test_a_service_or_app_that_is_not_there_is_named(v1: V1) -> None:
    missing_app = new_job()
    missing_app["jobDefinition"]["appName"] = "nothing"

    assert v1.refusal("POST", "/jobs", json=body_of_job(serviceName="nowhere"))[:2] == (
        404,
        "service_not_found",
    )
    assert v1.refusal("POST", "/jobs", json={"jobs": [missing_app]})[:2] == (404, "app_not_found")


def test_one_job_comes_with_all_that_is_known_of_it(v1: V1, worker: Worker) -> None:
    (job,) = v1.submit(new_job("a"))
    worker.complete(worker.claim(), b"Hello, a!", b"printed")

    details = v1.get(f"/jobs/{job['jobId']}")

    assert details["job"]["status"] == "completed"
    assert details["job"] == v1.get("/jobs")["jobs"][0]
    assert (details["attempts"], details["note"], details["isPinned"]) == (1, None, False)
    assert details["appVersion"] == "1.0.0"
    assert details["why"].startswith("Completed on ")
    output, console = details["files"]
    assert output == {
        "kind": "output",
        "name": "output",
        "url": job["outputFileResults"][0]["url"],
        "digest": hashlib.sha256(b"Hello, a!").hexdigest(),
        "size": 9,
        "isThere": True,
    }
    assert (console["kind"], console["size"], console["url"]) == (
        "console",
        7,
        job["consoleOutputUrl"],
    )


def test_a_job_that_has_not_run_tells_where_its_outputs_will_be(v1: V1) -> None:
    (job,) = v1.submit(new_job("a"))

    details = v1.get(f"/jobs/{job['jobId']}")

    assert details["attempts"] == 0
    assert details["files"] == [
        {
            "kind": "output",
            "name": "output",
            "url": job["outputFileResults"][0]["url"],
            "digest": None,
            "size": None,
            "isThere": False,
        }
    ]


def test_a_job_that_ran_although_there_was_one_says_why(v1: V1) -> None:
    (first,) = v1.submit(new_job("a"))
    (second,) = v1.submit(new_job("a", skipCache=True))

    note = v1.get(f"/jobs/{second['jobId']}")["note"]

    assert note == f"The cache was skipped; job {first['jobId']} had been there."


def test_why_a_job_waits_is_told_in_words(v1: V1) -> None:
    (job,) = v1.submit(new_job("a"))

    why = v1.get(f"/jobs/{job['jobId']}/why")["why"]

    assert why.startswith("Pending: No compute client is running")


JOB_PATHS = (
    ("GET", ""),
    ("GET", "/why"),
    ("GET", "/console"),
    ("GET", "/usage"),
    ("DELETE", ""),
    ("POST", "/cancel"),
    ("POST", "/rerun"),
    ("PUT", "/pin"),
    ("DELETE", "/pin"),
)


def test_a_job_that_is_not_there_is_not_found_whatever_is_asked_of_it(
    v1: V1, store_folder: Path
) -> None:
    for method, path in JOB_PATHS:
        refusal = v1.refusal(method, f"/jobs/nothing{path}")
        assert refusal == (
            404,
            "job_not_found",
            "There is no job 'nothing' in the hub's store. `dendro-local jobs` lists those that "
            "there are.",
        ), (method, path)


def test_odd_ids_are_not_found(v1: V1) -> None:
    for job_id in ("%00", "%ff", "x" * 3000, "..", "%2e%2e", "a%2fb", "%F0%9F%98%80"):
        assert v1.send("GET", f"/jobs/{job_id}").status_code in (200, 404), job_id


def test_a_message_tells_no_folder_of_the_hubs_machine(
    v1: V1, store_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "apps" / "moved"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(
        "from dendro_local.sdk import App\n\napp = App('moved', description='d')\n\n\n"
        "@app.processor\ndef work(name: str) -> None:\n    print(name)\n\n\napp.run()\n"
    )
    v1.hub.add_app(str(folder), SERVICE)
    request = new_job()
    request["jobDefinition"] |= {
        "appName": "moved",
        "processorName": "work",
        "outputFiles": [],
    }
    (job,) = v1.submit(request)
    folder.rename(tmp_path / "elsewhere")

    texts = [
        v1.send("POST", "/jobs", json={"jobs": [request]}).text,
        v1.send("GET", f"/services/{SERVICE}/apps/moved").text,
        v1.send("GET", f"/services/{SERVICE}/apps").text,
        v1.send("GET", f"/jobs/{job['jobId']}").text,
        v1.send("GET", f"/jobs/{job['jobId']}/why").text,
    ]

    assert "There is no folder (folder of moved)" in texts[0]
    for text in texts:
        assert str(tmp_path) not in text
