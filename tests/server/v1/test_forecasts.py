"""What would come of a submission."""

from typing import Any

import pytest

from tests.hub.conftest import Worker
from tests.server.conftest import ADA, SERVICE
from tests.server.v1.conftest import V1, new_job


def forecast(v1: V1, request: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The answer; nothing may have been recorded for it."""
    before = v1.hub.count_by_status()
    reply = v1.send("POST", "/jobs/forecast", json=request, **more)
    assert reply.status_code == 200, reply.text
    assert v1.hub.count_by_status() == before
    found: dict[str, Any] = reply.json()
    return found


def counting(url: str, **more: Any) -> dict[str, Any]:
    """A job that takes a file."""
    request = new_job(**more)
    request["jobDefinition"] |= {
        "processorName": "count_characters",
        "inputFiles": [{"name": "input", "fileBaseName": "input.txt", "url": url}],
        "outputFiles": [{"name": "output", "fileBaseName": "output.json"}],
        "parameters": [],
    }
    return request


def test_a_new_job_would_run_by_the_app_that_is_told(v1: V1) -> None:
    told = forecast(v1, new_job("a"))

    assert (told["outcome"], told["job"], told["mayCreate"]) == ("runs", None, True)
    assert told["appVersion"] == v1.get(f"/services/{SERVICE}/apps/hello_world")["version"]
    assert told["requiredResources"] == new_job()["requiredResources"]


def test_a_job_that_is_there_would_be_found(v1: V1) -> None:
    (job,) = v1.submit(new_job("a"))

    told = forecast(v1, new_job("a"))

    assert (told["outcome"], told["job"]["jobId"]) == ("found", job["jobId"])
    assert told["job"]["outputFileResults"] == job["outputFileResults"]
    told = forecast(v1, new_job("a", skipCache=True))
    assert (told["outcome"], told["job"]) == ("runs", None)
    assert job["jobId"] in told["note"]


def test_a_job_would_wait_for_what_it_takes_and_fail_with_it(v1: V1, worker: Worker) -> None:
    (parent,) = v1.submit(new_job("a"))
    request = counting(parent["outputFileResults"][0]["url"])

    told = forecast(v1, request)
    assert (told["outcome"], told["waitsFor"]) == ("waits", [parent["jobId"]])
    named = new_job("b", jobDependencies=[parent["jobId"]])
    assert forecast(v1, named)["waitsFor"] == [parent["jobId"]]

    worker.fail(worker.claim())
    told = forecast(v1, request)
    assert (told["outcome"], told["failedParent"]) == ("fails", parent["jobId"])


def test_inputs_that_were_not_sent_are_told(v1: V1) -> None:
    url = f"dendro:sha256/{'a' * 64}"

    told = forecast(v1, counting(url))

    assert told["outcome"] == "lacksInputs"
    assert told["lackingInputs"] == [{"name": "input", "url": url}]


def test_who_may_not_create_jobs_is_told_so(v1: V1) -> None:
    assert forecast(v1, new_job("a"), by=ADA)["mayCreate"] is False
    assert v1.refusal("POST", "/jobs/forecast", by=None, json=new_job("a"))[0] == 401


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"appName": "nothing"}, "app_not_found"),
        ({"processorName": "nothing"}, "incompatible_definition"),
        ({"parameters": [{"name": "nome", "value": 1}]}, "incompatible_definition"),
    ],
)
def test_what_would_be_refused_is_refused_with_the_same_words(
    v1: V1, change: dict[str, Any], code: str
) -> None:
    request = new_job("a")
    request["jobDefinition"] |= change

    refusal = v1.refusal("POST", "/jobs/forecast", json=request)

    assert refusal[1] == code
    assert refusal == v1.refusal("POST", "/jobs", json={"jobs": [request]})
