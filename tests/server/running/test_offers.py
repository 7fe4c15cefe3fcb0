"""Which jobs a compute client, or a user, is given to run: each row of the contract."""

from msgspec.structs import replace

from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.compute_clients import ComputeClientChanges
from dendro_local.model import ComputeSlot, JobId, ServiceUser
from tests.conftest import AppMaker
from tests.hub.conftest import Worker
from tests.server.conftest import ADA, BOB, OWNER, SERVICE, Answer, Served, refusal
from tests.server.running.conftest import Client, Run

LAB = "lab"

JOB_KEYS = [
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
]


def test_a_compute_client_is_given_jobs_with_their_keys(served: Served, client: Client) -> None:
    secret = [{"name": "A", "value": "b"}]
    job = served.create_job(secrets=secret)

    reply = client.find()

    assert list(reply) == ["runnableJobs", "runningJobs"]
    (found,) = reply["runnableJobs"]
    assert list(found) == JOB_KEYS
    assert found.pop("jobPrivateKey") == served.hub.keyed_job(JobId(job["jobId"])).key
    assert found == {name: value for name, value in job.items() if name != "jobPrivateKey"}
    assert found["secrets"] is None
    assert reply["runningJobs"] == []


def test_a_key_is_made_for_each_attempt(served: Served) -> None:
    job_id = JobId(served.create_job()["jobId"])
    other_id = JobId(served.create_job("other")["jobId"])
    key = served.hub.keyed_job(job_id).key

    assert len(key) == 32
    assert key.isalnum()
    assert key == served.hub.keyed_job(job_id).key
    assert key != served.hub.keyed_job(other_id).key


def test_an_unknown_compute_client_is_given_nothing(served: Served, client: Client) -> None:
    asked = {"computeClientId": "nobody"}
    found = served.ask("getRunnableJobsForComputeClient", asked, client.key)
    assert found == refusal(404, "Compute client not found")


def test_a_compute_client_needs_its_key(served: Served, client: Client) -> None:
    call = "getRunnableJobsForComputeClient"
    asked = {"type": f"{call}Request", "computeClientId": client.id}
    for key in (None, "x" * 32, "é"):
        headers = {} if key is None else {"authorization": f"Bearer {key}".encode("latin-1")}
        reply = served.send("POST", f"/api/{call}", headers=headers, json=asked)
        message = "Unauthorized: incorrect or missing compute client private key"
        assert (reply.status_code, reply.json()) == refusal(401, message)


def test_the_machines_own_compute_client_has_no_key(served: Served, worker: Worker) -> None:
    asked = {"computeClientId": worker.run.compute_client_id}
    status, _ = served.ask("getRunnableJobsForComputeClient", asked, "")
    assert status == 401


def test_jobs_of_other_services_are_not_given(served: Served) -> None:
    served.hub.add_service(LAB, ADA)
    served.create_job()

    assert Client(served, ADA, (LAB,)).offered() == []


def test_whoever_may_not_process_jobs_any_more_is_given_none(served: Served) -> None:
    _set_user(served.hub, ADA, process_jobs=True)
    job = served.create_job()
    client = Client(served, ADA)
    assert client.offered() == [job["jobId"]]

    _set_user(served.hub, ADA, process_jobs=False)

    assert client.offered() == []


def test_targets_are_kept(served: Served, client: Client) -> None:
    given = [
        served.create_job(f"given {number}", targetComputeClientIds=targets)["jobId"]
        for number, targets in enumerate([[], ["*"], [client.id], ["x", "*"]])
    ]
    given.append(served.create_job("untargeted")["jobId"])
    other = served.create_job("other", targetComputeClientIds=["x"])["jobId"]
    slot = ComputeSlot(numCpus=1, numGpus=0, memoryGb=1, timeSec=60, multiplicity=9)
    served.hub.change_compute_client(client.id, ComputeClientChanges(slots=[slot]))

    assert client.offered() == given
    assert client.offered(jobId=other) == []


def test_a_compute_client_may_work_for_certain_users(served: Served, client: Client) -> None:
    _set_user(served.hub, ADA)
    _set_user(served.hub, BOB)
    mine = served.create_job("mine", user=ADA)
    served.create_job("other", user=BOB)

    served.hub.change_compute_client(client.id, ComputeClientChanges(process_for=[ADA]))

    assert client.offered() == [mine["jobId"]]


def test_no_more_jobs_are_given_than_slots_are_free(served: Served, client: Client) -> None:
    slot = ComputeSlot(numCpus=1, numGpus=0, memoryGb=1, timeSec=60, multiplicity=2)
    served.hub.change_compute_client(client.id, ComputeClientChanges(slots=[slot]))
    ids = [served.create_job(name)["jobId"] for name in "abcd"]
    assert client.offered() == ids[:2]

    Run(served, client.id, ids[0]).begin()

    reply = client.find()
    assert [job["jobId"] for job in reply["runnableJobs"]] == [ids[1]]
    assert [job["jobId"] for job in reply["runningJobs"]] == [ids[0]]
    assert reply["runningJobs"][0]["jobPrivateKey"] == served.hub.keyed_job(JobId(ids[0])).key


def test_jobs_that_do_not_fit_are_passed_over(served: Served, client: Client) -> None:
    large = {"numCpus": 1000, "numGpus": 0, "memoryGb": 1, "timeSec": 60}
    served.create_job("large", requiredResources=large)
    small = served.create_job("small")

    assert client.offered() == [small["jobId"]]


def test_whoever_runs_a_single_job_is_given_one(served: Served, client: Client) -> None:
    slot = ComputeSlot(numCpus=1, numGpus=0, memoryGb=1, timeSec=60, multiplicity=5)
    served.hub.change_compute_client(client.id, ComputeClientChanges(slots=[slot]))
    ids = [served.create_job(name)["jobId"] for name in "abc"]
    Run(served, client.id, ids[0]).begin()

    reply = client.find(singleJob=True)

    assert [job["jobId"] for job in reply["runnableJobs"]] == [ids[1]]
    assert [job["jobId"] for job in reply["runningJobs"]] == [ids[0]]


def test_a_job_that_is_asked_for_is_given_though_no_slot_is_free(
    served: Served, client: Client
) -> None:
    served.hub.change_compute_client(client.id, ComputeClientChanges(slots=[]))
    job = served.create_job()
    assert client.offered() == []

    reply = client.find(jobId=job["jobId"])

    assert [job["jobId"] for job in reply["runnableJobs"]] == [job["jobId"]]
    assert reply["runningJobs"] == []
    assert client.offered(jobId="no such job") == []


def test_jobs_that_wait_or_run_are_not_given(served: Served, client: Client) -> None:
    parent = served.create_job("parent")
    child = served.create_job("child", jobDependencies=[parent["jobId"]])
    Run(served, client.id, parent["jobId"]).begin()

    assert client.offered() == []
    assert client.offered(jobId=child["jobId"]) == []
    assert client.offered(jobId=parent["jobId"]) == []


def test_the_first_service_comes_first(served: Served) -> None:
    hub = served.hub
    hub.add_service(LAB, OWNER)
    app = hub.app(SERVICE, "hello_world").record
    hub.add_service_app(replace(app, serviceName=LAB))
    first = served.create_job("first")
    second = served.create_job("second", serviceName=LAB)
    slot = ComputeSlot(numCpus=1, numGpus=0, memoryGb=1, timeSec=60, multiplicity=5)
    client = Client(served, OWNER, (LAB, SERVICE))
    hub.change_compute_client(client.id, ComputeClientChanges(slots=[slot]))

    assert client.offered() == [second["jobId"], first["jobId"]]


def test_a_job_without_an_image_is_given_only_if_asked_for(
    served: Served, client: Client, make_app: AppMaker
) -> None:
    folder = make_app("plain", "@app.processor\ndef nothing():\n    '''Nothing.'''\n")
    served.hub.add_app(str(folder), SERVICE)
    definition = {
        "appName": "plain",
        "processorName": "nothing",
        "inputFiles": [],
        "outputFiles": [],
        "parameters": [],
    }
    job = served.create_job(jobDefinition=definition)

    assert client.offered() == []
    assert client.offered(jobId=job["jobId"]) == [job["jobId"]]


# A user who runs a job


def test_a_user_is_given_a_job_to_run(served: Served) -> None:
    job = served.create_job()

    reply = served.get("getRunnableJob", {"jobId": job["jobId"]}, served.key_of(OWNER))

    assert list(reply) == ["job"]
    assert reply["job"]["jobPrivateKey"] == served.hub.keyed_job(JobId(job["jobId"])).key


def test_a_user_who_may_process_jobs_is_given_one(served: Served) -> None:
    job = served.create_job()
    asked = {"jobId": job["jobId"]}
    _set_user(served.hub, ADA)
    refused = served.ask("getRunnableJob", asked, served.key_of(ADA))
    _set_user(served.hub, ADA, process_jobs=True)

    message = f"This user is not allowed to process jobs for service {SERVICE}"
    assert refused == refusal(401, message)
    assert served.ask("getRunnableJob", asked, served.key_of(ADA))[0] == 200


def test_a_user_needs_a_key(served: Served) -> None:
    asked = {"jobId": served.create_job()["jobId"]}

    missing = served.ask("getRunnableJob", asked)
    wrong = served.ask("getRunnableJob", asked, "x" * 32)

    assert missing == refusal(400, "User API token must be provided")
    assert wrong == refusal(401, "Unauthorized - no user for token")


def test_a_user_is_not_given_what_cannot_be_started(served: Served, client: Client) -> None:
    def ask(job_id: str) -> Answer:
        return served.ask("getRunnableJob", {"jobId": job_id}, served.key_of(OWNER))

    parent = served.create_job("parent")["jobId"]
    child = served.create_job("child", jobDependencies=[parent])["jobId"]
    targeted = served.create_job("targeted", targetComputeClientIds=[client.id])["jobId"]
    Run(served, client.id, parent).begin()

    assert ask("none") == refusal(404, "Job not found")
    assert ask(parent) == refusal(400, "Job is not pending")
    assert ask(child) == refusal(400, "Job is not runnable")
    message = "Job is targeted to be run by specific compute clients"
    assert ask(targeted) == refusal(400, message)


# A job's key, for whoever runs it


def test_a_compute_client_is_told_the_key_of_what_it_runs(running: Run, client: Client) -> None:
    asked = {"jobId": running.job_id, "includePrivateKey": True, "computeClientId": client.id}

    reply = running.served.get("getJob", asked, client.key)

    assert reply["job"]["jobPrivateKey"] == running.key
    assert list(reply["job"]) == JOB_KEYS


def test_others_are_not_told_it(running: Run, client: Client) -> None:
    served = running.served
    other = Client(served)
    asked = {"jobId": running.job_id, "includePrivateKey": True}

    unnamed = served.ask("getJob", asked, client.key)
    mismatched = served.ask("getJob", {**asked, "computeClientId": other.id}, other.key)
    wrong = served.ask("getJob", {**asked, "computeClientId": client.id}, other.key)
    unknown = served.ask("getJob", {**asked, "jobId": "x", "computeClientId": "x"})

    message = "computeClientId must be provided if includePrivateKey is true"
    assert unnamed == refusal(400, message)
    message = "Mismatch between computeClientId in request and job"
    assert mismatched == refusal(401, message)
    assert wrong == refusal(401, "Unauthorized")
    assert unknown == (200, {"type": "getJobResponse"})


def _set_user(hub: LocalHub, user_id: str, *, process_jobs: bool = False) -> None:
    """Let a user create jobs on the hello world service, and process some."""
    user = ServiceUser(userId=user_id, admin=False, createJobs=True, processJobs=process_jobs)
    others = [each for each in hub.service(SERVICE).users if each.userId != user_id]
    hub.set_service_users(SERVICE, [*others, user])
