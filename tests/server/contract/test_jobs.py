"""createJob, findJobByDefinition, findJobs, deleteJobs and cancelJob: each row of the contract."""

from typing import Any

import pytest

from dendro_local.errors import JobNotFound
from dendro_local.model import JobId
from tests.hub.conftest import Worker
from tests.server.conftest import (
    ADA,
    BASE_URL,
    BOB,
    OWNER,
    SERVICE,
    Answer,
    Served,
    job_request,
    refusal,
)

JOB_KEYS = {
    "jobId",
    "jobPrivateKey",
    "serviceName",
    "userId",
    "batchId",
    "tags",
    "jobDefinition",
    "jobDefinitionHash",
    "jobDependencies",
    "requiredResources",
    "targetComputeClientIds",
    "secrets",
    "inputFileUrlList",
    "outputFileUrlList",
    "outputFileResults",
    "consoleOutputUrl",
    "resourceUtilizationLogUrl",
    "timestampCreatedSec",
    "timestampStartingSec",
    "timestampStartedSec",
    "timestampFinishedSec",
    "timestampUpdatedSec",
    "canceled",
    "status",
    "isRunnable",
    "error",
    "computeClientId",
    "computeClientName",
    "computeClientUserId",
    "imageUri",
}

UNKNOWN_KEY = "x" * 32


def let(served: Served, *user_ids: str, **rights: bool) -> None:
    """Give users rights on the service; ``createJobs`` unless others are named."""
    given = {"admin": False, "createJobs": not rights, "processJobs": False, **rights}
    users = [{"userId": user_id, **given} for user_id in user_ids]
    served.get("setServiceInfo", {"serviceName": SERVICE, "users": users}, served.key_of(OWNER))


def other(field: str, value: object) -> dict[str, Any]:
    """A request whose definition differs in one field."""
    request = job_request()
    request["jobDefinition"] = {**request["jobDefinition"], field: value}
    return request


# createJob


def test_a_job_is_created_with_exactly_the_documented_keys(served: Served) -> None:
    reply = served.get("createJob", job_request("Ada"), served.key_of(OWNER))

    job = reply["job"]
    assert set(reply) == {"job"}
    assert set(job) == JOB_KEYS
    assert (job["status"], job["userId"], job["isRunnable"]) == ("pending", OWNER, True)
    assert (job["jobPrivateKey"], job["secrets"]) == (None, None)
    place = f"{BASE_URL}/f/{SERVICE}/hello_world/hello_world_2/{job['jobId']}"
    assert job["outputFileResults"] == [
        {
            "name": "output",
            "fileBaseName": "output.txt",
            "url": f"{place}/output/output.txt",
            "size": None,
        }
    ]
    assert job["consoleOutputUrl"] == f"{place}/console_output/output.txt"


def test_an_equal_job_is_not_created_again_whoever_asks(served: Served) -> None:
    let(served, ADA)
    first = served.create_job("Ada", user=OWNER)

    again = served.create_job("Ada", user=ADA)

    assert (again["jobId"], again["userId"]) == (first["jobId"], OWNER)


def test_new_tags_are_merged_into_the_job_that_is_there(served: Served) -> None:
    first = served.create_job("Ada", tags=["a", "b"])

    again = served.create_job("Ada", tags=["b", "c"])

    assert (again["jobId"], again["tags"]) == (first["jobId"], ["a", "b", "c"])


def test_a_failed_job_is_returned_unless_it_is_to_run_again(served: Served, worker: Worker) -> None:
    failed = served.create_job("Ada")
    worker.fail(worker.claim())

    assert served.create_job("Ada")["jobId"] == failed["jobId"]
    again = served.create_job("Ada", rerunFailing=True)
    assert (again["jobId"] != failed["jobId"], again["status"]) == (True, "pending")
    assert served.hub.get_job(JobId(failed["jobId"])).status == "failed"


def test_a_failed_job_can_be_deleted_for_the_one_that_runs_again(
    served: Served, worker: Worker
) -> None:
    failed = served.create_job("Ada")
    worker.fail(worker.claim())

    served.create_job("Ada", rerunFailing=True, deleteFailing=True)

    with pytest.raises(JobNotFound):
        served.hub.get_job(JobId(failed["jobId"]))


def test_the_user_of_a_job_may_be_named_if_the_key_is_theirs(served: Served) -> None:
    let(served, ADA)

    assert served.create_job("Ada", user=ADA, userId=ADA)["userId"] == ADA


def test_everybody_with_a_key_may_create_jobs_where_the_service_lets_them(served: Served) -> None:
    let(served, "*")

    assert served.create_job("Ada", user=BOB)["userId"] == BOB
    assert served.ask("createJob", job_request("Bob"), UNKNOWN_KEY)[0] == 401


INCOMPATIBLE = "Job definition is not compatible with app: "


@pytest.mark.parametrize(
    ("request_", "user", "answer"),
    [
        (job_request(), None, refusal(400, "User API token must be provided")),
        (job_request(), UNKNOWN_KEY, refusal(401, "Unauthorized - no user for token")),
        (job_request(userId=ADA), UNKNOWN_KEY, refusal(401, "Unauthorized")),
        (job_request(userId=OWNER), ADA, refusal(401, "Unauthorized")),
        (job_request(userId=ADA), OWNER, refusal(401, "Unauthorized")),
        (
            job_request(),
            BOB,
            refusal(401, "This user is not allowed to create jobs for this service"),
        ),
        (job_request(serviceName="no"), ADA, refusal(400, "Service not found: no")),
        (other("appName", "no"), ADA, refusal(400, "Service app not found: no")),
    ],
)
def test_a_job_that_may_not_be_created_is_refused(
    served: Served, request_: dict[str, Any], user: str | None, answer: Answer
) -> None:
    let(served, ADA)
    key = user if user in (None, UNKNOWN_KEY) else served.key_of(user)

    assert served.ask("createJob", request_, key) == answer


@pytest.mark.parametrize(
    "change",
    [
        other("processorName", "no"),
        other("inputFiles", [{"name": "a", "fileBaseName": "a", "url": "https://x.org/a"}]),
        other("outputFiles", []),
        other("parameters", [{"name": "no", "value": 1}]),
    ],
)
def test_a_definition_that_does_not_fit_the_app_is_refused(
    served: Served, change: dict[str, Any]
) -> None:
    status, reply = served.ask("createJob", change, served.key_of(OWNER))

    assert (status, set(reply)) == (400, {"error"})
    assert reply["error"].startswith(INCOMPATIBLE)


@pytest.mark.parametrize(
    "change",
    [
        {"tags": None},
        {"skipCache": None},
        {"requiredResources": {"numCpus": 1, "numGpus": 0, "memoryGb": 1}},
        {"jobDefinition": {**job_request()["jobDefinition"], "more": 1}},
        other("parameters", [{"name": "name", "value": [1, "a"]}]),
        other("parameters", [{"name": "name", "value": {}}]),
        {"secrets": [{"name": "A", "value": "b", "more": 1}]},
        {"more": 1},
    ],
)
def test_the_shape_is_checked_before_the_token(served: Served, change: dict[str, Any]) -> None:
    assert served.ask("createJob", job_request(**change)) == refusal(400, "Invalid request")


def test_a_body_that_is_no_json_is_refused(served: Served) -> None:
    reply = served.send("POST", "/api/createJob", content=b'{"type": "createJobRequest"')

    assert (reply.status_code, reply.json()) == refusal(400, "Invalid request")


def test_a_job_that_is_to_wait_for_an_unknown_one_is_refused_without_telling_where_the_hub_is(
    served: Served,
) -> None:
    request = job_request(jobDependencies=["x" * 20])

    status, reply = served.ask("createJob", request, served.key_of(OWNER))

    assert status == 400
    assert "xxxxxxxxxxxxxxxxxxxx" in reply["error"]
    assert str(served.hub.store.folder.root) not in reply["error"]


@pytest.mark.parametrize("header", ["Bearer {}", "Bearer: {}", "Token {}"])
def test_the_second_word_of_the_authorization_is_the_token(served: Served, header: str) -> None:
    sent = {"authorization": header.format(served.key_of(OWNER))}
    body = {"type": "createJobRequest", **job_request()}

    assert served.send("POST", "/api/createJob", headers=sent, json=body).status_code == 200


@pytest.mark.parametrize("header", ["{}", "Bearer", "Bearer  {}"])
def test_a_key_that_is_not_the_second_word_is_none(served: Served, header: str) -> None:
    sent = {"authorization": header.format(served.key_of(OWNER))}
    body = {"type": "createJobRequest", **job_request()}

    reply = served.send("POST", "/api/createJob", headers=sent, json=body)

    assert (reply.status_code, reply.json()) == refusal(400, "User API token must be provided")


def test_a_whole_number_may_be_written_with_a_fraction_of_nought(served: Served) -> None:
    resources = b'{"numCpus": 1.0, "numGpus": 0.0, "memoryGb": 1, "timeSec": 60}'
    reply = served.send(
        "POST",
        "/api/createJob",
        key=served.key_of(OWNER),
        content=b'{"type": "createJobRequest", "serviceName": "hello_world_service", '
        b'"userId": "", "batchId": "", "tags": [], "secrets": [], "jobDependencies": [], '
        b'"jobDefinition": {"appName": "hello_world", "processorName": "hello_world_1", '
        b'"inputFiles": [], "outputFiles": [], "parameters": []}, '
        b'"requiredResources": ' + resources + b"}",
    )

    assert reply.status_code == 200
    assert b'"numCpus":1,' in reply.content


# findJobByDefinition


def test_the_newest_job_of_a_definition_is_found_without_a_key(served: Served) -> None:
    definition = job_request("Ada")["jobDefinition"]
    served.create_job("Ada")
    newest = served.create_job("Ada", skipCache=True)

    reply = served.get("findJobByDefinition", {"serviceName": SERVICE, "jobDefinition": definition})

    assert reply == {"found": True, "job": newest}


@pytest.mark.parametrize(("service", "name"), [(SERVICE, "Bob"), ("other", "Ada")])
def test_a_definition_without_a_job_is_told_so(served: Served, service: str, name: str) -> None:
    served.create_job("Ada")
    definition = job_request(name)["jobDefinition"]

    asked = {"serviceName": service, "jobDefinition": definition}

    assert served.get("findJobByDefinition", asked) == {"found": False}


# findJobs


def found(served: Served, **query: object) -> list[str]:
    """The names that the found jobs were made with."""
    jobs = served.get("findJobs", query)["jobs"]
    return [job["jobDefinition"]["parameters"][0]["value"] for job in jobs]


@pytest.fixture
def three_jobs(served: Served, worker: Worker) -> dict[str, Any]:
    """The completed job of Ada, after which jobs of Bob and Eve were made."""
    let(served, ADA, BOB)
    served.create_job("Ada", user=ADA, tags=["x", "y"], batchId="b1")
    done = worker.complete(worker.claim())
    served.create_job("Bob", user=BOB, tags=["x"], batchId="b2")
    served.create_job("Eve", user=BOB, tags=["y", "z"])
    [job] = served.get("findJobs", {"jobId": done.jobId})["jobs"]
    assert isinstance(job, dict)
    return job


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"userId": ADA}, ["Ada"]),
        ({"userId": BOB}, ["Eve", "Bob"]),
        ({"processorName": "hello_world_2"}, ["Eve", "Bob", "Ada"]),
        ({"serviceName": SERVICE}, ["Eve", "Bob", "Ada"]),
        ({"serviceName": "other"}, []),
        ({"serviceName": SERVICE, "appName": "hello_world"}, ["Eve", "Bob", "Ada"]),
        ({"serviceName": SERVICE, "appName": "other"}, []),
        ({"batchId": "b2"}, ["Bob"]),
        ({"tags": ["x"]}, ["Bob", "Ada"]),
        ({"tags": ["y", "x"]}, ["Ada"]),
        ({"tags": ["x", "z"]}, []),
        ({"serviceName": SERVICE, "status": "pending"}, ["Eve", "Bob"]),
        ({"serviceName": SERVICE, "status": "completed"}, ["Ada"]),
        ({"serviceName": SERVICE, "limit": 2}, ["Eve", "Bob"]),
        ({"serviceName": SERVICE, "limit": 0}, ["Eve", "Bob", "Ada"]),
        ({"serviceName": SERVICE, "userId": ""}, ["Eve", "Bob", "Ada"]),
        ({"inputFileUrl": "https://example.org/a.nwb"}, []),
    ],
)
def test_jobs_are_found_latest_update_first(
    served: Served, three_jobs: object, query: dict[str, object], names: list[str]
) -> None:
    assert found(served, **query) == names


def test_a_job_is_found_by_what_only_it_has(served: Served, three_jobs: dict[str, Any]) -> None:
    for query in (
        {"jobId": three_jobs["jobId"]},
        {"computeClientId": three_jobs["computeClientId"]},
        {"outputFileUrl": three_jobs["outputFileResults"][0]["url"]},
    ):
        assert served.get("findJobs", query)["jobs"] == [three_jobs]
    assert set(three_jobs) == JOB_KEYS


def test_the_jobs_that_take_an_output_are_found_by_its_url(
    served: Served, three_jobs: dict[str, Any]
) -> None:
    url = three_jobs["outputFileResults"][0]["url"]
    taking = job_request()
    taking["jobDefinition"] = {
        "appName": "hello_world",
        "processorName": "count_characters",
        "inputFiles": [{"name": "input", "fileBaseName": "input.txt", "url": url}],
        "outputFiles": [{"name": "output", "fileBaseName": "output.json"}],
        "parameters": [],
    }
    job = served.get("createJob", taking, served.key_of(OWNER))["job"]

    assert job["inputFileUrlList"] == [url]
    assert job["jobDependencies"] == [three_jobs["jobId"]]
    assert served.get("findJobs", {"inputFileUrl": url})["jobs"] == [job]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"appName": "hello_world"},
        {"status": "pending"},
        {"limit": 10},
        {"appName": "hello_world", "status": "pending", "limit": 10},
        {"serviceName": "", "jobId": ""},
    ],
)
def test_a_query_that_says_too_little_is_refused(served: Served, query: dict[str, object]) -> None:
    expected = refusal(400, "Not enough info provided in request for query for jobs")

    assert served.ask("findJobs", query) == expected


@pytest.mark.parametrize(
    "query", [{"tags": None}, {"tags": "x"}, {"jobId": 1}, {"status": "lost"}, {"limit": -1}]
)
def test_a_query_of_the_wrong_shape_is_refused(served: Served, query: dict[str, object]) -> None:
    assert served.ask("findJobs", query) == refusal(400, "Invalid request")


# deleteJobs


@pytest.mark.parametrize("user", [OWNER, ADA])
def test_jobs_are_deleted_by_their_user_and_by_the_owner_of_the_service(
    served: Served, user: str
) -> None:
    let(served, ADA)
    job = served.create_job("Ada", user=ADA)
    request = {"userId": user, "jobIds": [job["jobId"], "gone", job["jobId"]]}

    assert served.get("deleteJobs", request, served.key_of(user)) == {}

    assert served.get("findJobs", {"serviceName": SERVICE}) == {"jobs": []}


def test_who_may_create_jobs_on_the_service_may_delete_them(served: Served) -> None:
    let(served, ADA, BOB)
    job = served.create_job("Ada", user=ADA)

    request = {"userId": BOB, "jobIds": [job["jobId"]]}

    assert served.get("deleteJobs", request, served.key_of(BOB)) == {}


def test_who_may_create_jobs_only_as_everybody_may_not_delete_those_of_others(
    served: Served,
) -> None:
    let(served, "*")
    jobs = [served.create_job(user, user=user)["jobId"] for user in (ADA, BOB)]

    request = {"userId": BOB, "jobIds": jobs}

    assert served.ask("deleteJobs", request, served.key_of(BOB))[0] == 401
    assert len(served.get("findJobs", {"serviceName": SERVICE})["jobs"]) == 2


@pytest.mark.parametrize(
    ("user_id", "key_of", "answer"),
    [
        ("", OWNER, refusal(400, "userId must be provided")),
        (OWNER, None, refusal(401, "Unauthorized")),
        (OWNER, BOB, refusal(401, "Unauthorized")),
        (
            BOB,
            BOB,
            refusal(401, f"This user is not allowed to delete jobs for service {SERVICE}"),
        ),
    ],
)
def test_jobs_that_may_not_be_deleted_are_not(
    served: Served, user_id: str, key_of: str | None, answer: Answer
) -> None:
    let(served, BOB, processJobs=True)
    job = served.create_job("Ada")
    key = None if key_of is None else served.key_of(key_of)

    assert served.ask("deleteJobs", {"userId": user_id, "jobIds": [job["jobId"]]}, key) == answer
    assert served.get("findJobs", {"jobId": job["jobId"]})["jobs"] == [job]


# cancelJob


@pytest.mark.parametrize("user", [ADA, OWNER])
def test_a_job_is_canceled_by_its_user_and_by_the_owner_of_the_service(
    served: Served, user: str
) -> None:
    let(served, ADA)
    job = served.create_job("Ada", user=ADA)

    assert served.get("cancelJob", {"jobId": job["jobId"]}, served.key_of(user)) == {}

    [canceled] = served.get("findJobs", {"jobId": job["jobId"]})["jobs"]
    assert (canceled["status"], canceled["canceled"]) == ("failed", True)


@pytest.mark.parametrize("key_of", [None, BOB])
def test_a_job_of_another_is_not_canceled(served: Served, key_of: str | None) -> None:
    let(served, BOB)
    job = served.create_job("Ada")
    key = None if key_of is None else served.key_of(key_of)

    assert served.ask("cancelJob", {"jobId": job["jobId"]}, key) == refusal(401, "Unauthorized")


def test_a_job_that_is_not_there_is_not_canceled_whoever_asks(served: Served) -> None:
    assert served.ask("cancelJob", {"jobId": "no"}) == refusal(404, "Job not found")


def test_a_job_that_has_ended_is_not_canceled(served: Served, worker: Worker) -> None:
    ended = [served.create_job(name)["jobId"] for name in ("Ada", "Bob")]
    worker.complete(worker.claim())
    worker.fail(worker.claim())

    for job_id in ended:
        assert served.ask("cancelJob", {"jobId": job_id}, served.key_of(OWNER)) == refusal(
            400, "Job is already completed or failed"
        )
