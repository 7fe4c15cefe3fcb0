"""How a job that is run over the contract goes on: each row of setJobStatus, and what follows."""

import asyncio
from typing import Any

import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.model import JobId
from tests.hub.conftest import Worker
from tests.server.conftest import Answer, Served, refusal
from tests.server.running.conftest import NO_JOB, NO_KEY, WRONG_KEY, Client, Run, let_lapse

DONE: Answer = (200, {"type": "setJobStatusResponse"})

OTHER_CLIENT = refusal(401, "Mismatch between computeClientId in request and job")


def test_a_run_goes_its_way(run: Run, client: Client) -> None:
    assert run.become("starting") == DONE
    starting = run.job
    assert run.become("running") == DONE
    running = run.job
    assert run.put(b"Hello!") == (200, "")
    assert run.become("completed") == DONE
    completed = run.job

    assert (starting.status, starting.computeClientId) == ("starting", client.id)
    assert (starting.computeClientName, starting.computeClientUserId) == (
        "elsewhere",
        run.served.hub.user_id,
    )
    assert starting.timestampStartingSec is not None
    assert (running.status, running.outputFileUrlList) == ("running", [])
    assert running.timestampStartedSec is not None
    assert (completed.status, completed.error) == ("completed", None)
    assert completed.timestampFinishedSec is not None
    assert completed.outputFileUrlList == [completed.outputFileResults[0].url]
    assert completed.outputFileResults[0].size == 6


def test_a_run_fails_with_an_error(running: Run) -> None:
    assert running.become("failed", error="Error running job: return code 1") == DONE

    assert running.job.status == "failed"
    assert running.job.error == "Error running job: return code 1"


def test_a_user_runs_a_job_without_a_compute_client(served: Served) -> None:
    run = Run(served, "", served.create_job()["jobId"]).begin()
    run.put(b"Hello!")

    assert run.become("completed") == DONE
    assert (run.job.computeClientId, run.job.computeClientName) == ("", "")
    assert run.job.computeClientUserId is None


def test_a_user_may_fail_a_job_that_could_not_be_started(served: Served) -> None:
    run = Run(served, "", served.create_job()["jobId"])

    assert run.become("failed", error="no image") == DONE
    assert (run.job.status, run.job.error) == ("failed", "no image")


STEPS: dict[str, Any] = {
    "pending": {
        "running": refusal(400, "Job is not in starting status"),
        "completed": refusal(400, "Job is not in running status"),
    },
    "starting": {
        "starting": refusal(
            400, "Trying to start job. Job is not in pending status. Status is starting"
        ),
        "completed": refusal(400, "Job is not in running status"),
    },
    "running": {
        "starting": refusal(
            400, "Trying to start job. Job is not in pending status. Status is running"
        ),
        "running": refusal(400, "Job is not in starting status"),
    },
    "failed": {
        "starting": refusal(
            400, "Trying to start job. Job is not in pending status. Status is failed"
        ),
        "running": refusal(400, "Job is not in starting status"),
        "completed": refusal(400, "Job is not in running status"),
        "failed": refusal(400, "Invalid status for failed job: failed"),
    },
}


@pytest.mark.parametrize("now", STEPS)
def test_steps_that_are_none_are_refused(served: Served, now: str) -> None:
    run = Run(served, "", served.create_job()["jobId"])
    for status in {"pending": [], "starting": ["starting"], "running": ["starting", "running"]}.get(
        now, ["starting", "failed"]
    ):
        assert run.become(status, **({"error": "e"} if status == "failed" else {})) == DONE

    answers = {
        then: run.become(then, **({"error": "e"} if then == "failed" else {}))
        for then in STEPS[now]
    }

    assert answers == STEPS[now]
    assert run.become("pending") == refusal(400, "Invalid status")
    assert run.job.status == now


def test_the_end_must_fit_its_error(running: Run) -> None:
    completed = running.become("completed", error="but")
    failed = running.become("failed")
    empty = running.become("failed", error="")

    assert completed == refusal(400, "Error should not be set for completed job")
    assert failed == empty == refusal(400, "Error must be set for failed job")
    assert running.job.status == "running"


def test_only_with_the_jobs_key(run: Run) -> None:
    asked = {"jobId": run.job_id, "computeClientId": run.client_id, "status": "starting"}
    served = run.served

    assert served.ask("setJobStatus", asked) == NO_KEY
    assert served.ask("setJobStatus", asked, "x" * 32) == WRONG_KEY
    assert served.ask("setJobStatus", {**asked, "jobId": "none"}, run.key) == NO_JOB
    assert served.ask("setJobStatus", {**asked, "jobId": "none"}) == NO_KEY
    assert run.job.status == "pending"


def test_a_compute_client_must_be_known_and_the_one_that_runs_the_job(running: Run) -> None:
    unknown = running.become("failed", computeClientId="nobody", error="e")
    other = running.become("failed", computeClientId=Client(running.served).id, error="e")
    nobody = running.become("failed", computeClientId="", error="e")

    assert unknown == refusal(404, "Compute client not found")
    assert other == nobody == OTHER_CLIENT
    assert running.job.status == "running"


def test_a_compute_client_must_be_allowed_to_run_the_job(served: Served, client: Client) -> None:
    served.hub.add_service("lab", "github|ada")
    stranger = Client(served, "github|ada", ("lab",))
    targeted = served.create_job("targeted", targetComputeClientIds=[client.id])

    strange = Run(served, stranger.id, served.create_job()["jobId"]).become("starting")
    other = Run(served, Client(served).id, targeted["jobId"]).become("starting")

    message = "This compute client is not allowed to process jobs for this service"
    assert strange == refusal(401, message)
    assert other == refusal(401, "Job is targeted to be run by specific compute clients")


def test_a_compute_client_first_starts_a_job(run: Run) -> None:
    failed = run.become("failed", error="no image")

    message = "Trying to set job to a status other than starting when compute client is not set"
    assert failed == refusal(400, message)


def test_a_job_that_waits_is_not_started(served: Served, client: Client) -> None:
    parent = served.create_job("parent")["jobId"]
    child = Run(served, client.id, served.create_job("child", jobDependencies=[parent])["jobId"])

    assert child.become("starting") == refusal(400, "Job is not runnable")


def test_of_many_that_start_at_once_one_wins(served: Served) -> None:
    job_id = served.create_job()["jobId"]
    runs = [Run(served, Client(served).id, job_id) for _ in range(8)]

    async def start_all() -> list[int]:
        replies = await asyncio.gather(
            *(
                served.client.post(
                    "/api/setJobStatus",
                    json={
                        "type": "setJobStatusRequest",
                        "jobId": job_id,
                        "computeClientId": run.client_id,
                        "status": "starting",
                    },
                    headers={"authorization": f"Bearer: {run.key}"},
                )
                for run in runs
            )
        )
        return sorted(reply.status_code for reply in replies)

    assert served.loop.run(start_all()) == [200] + [400] * 7


# The machine's own compute client


def test_what_is_run_over_the_contract_is_not_claimed_here(run: Run, worker: Worker) -> None:
    run.become("starting")

    assert worker.finds_nothing()


def test_what_is_claimed_here_is_not_run_over_the_contract(run: Run, worker: Worker) -> None:
    claim = worker.claim()

    message = "Trying to start job. Job is not in pending status. Status is starting"
    assert run.become("starting") == refusal(400, message)
    # It was told the key of this attempt before somebody else made it.
    assert run.become("failed", error="lost the race") == OTHER_CLIENT
    assert run.upload_url(size=1) == refusal(400, "Job is not running")
    assert worker.complete(claim).status == "completed"
    assert run.upload_url("consoleOutput", 1) == refusal(400, "Job is not running")


def test_the_machines_own_compute_client_does_not_come_this_way(
    served: Served, worker: Worker
) -> None:
    run = Run(served, worker.run.compute_client_id, served.create_job()["jobId"])

    assert run.become("starting") == OTHER_CLIENT


# What follows from an end


def test_dependents_become_runnable(running: Run, client: Client) -> None:
    child = running.served.create_job("child", jobDependencies=[running.job_id])
    assert client.offered() == []

    running.put(b"Hello!")
    running.become("completed")

    assert client.offered() == [child["jobId"]]


def test_dependents_of_a_failed_job_fail(running: Run) -> None:
    child = running.served.create_job("child", jobDependencies=[running.job_id])

    running.become("failed", error="boom")

    record = running.served.hub.get_job(JobId(child["jobId"]))
    assert record.status == "failed"
    assert record.error is not None
    assert "failed: boom" in record.error


def test_equal_inputs_are_not_computed_twice(served: Served, client: Client) -> None:
    def count_of(name: str) -> tuple[Run, str]:
        """A parent that runs, and what counts the characters of its output."""
        parent = served.create_job(name)
        definition = {
            "appName": "hello_world",
            "processorName": "count_characters",
            "inputFiles": [
                {
                    "name": "input",
                    "fileBaseName": "input.txt",
                    "url": parent["outputFileResults"][0]["url"],
                }
            ],
            "outputFiles": [{"name": "output", "fileBaseName": "output.json"}],
            "parameters": [],
        }
        child = served.create_job(jobDefinition=definition)
        return Run(served, client.id, parent["jobId"]), child["jobId"]

    first, first_child = count_of("a")
    second, second_child = count_of("b")
    for run in (first, Run(served, client.id, first_child), second):
        run = Run(served, client.id, run.job_id).begin()
        run.put(b"the same")
        run.become("completed")

    record = served.hub.get_job(JobId(second_child))
    assert record.status == "completed"
    assert "its outputs were taken over" in served.hub.why(JobId(second_child))


def test_a_job_without_its_outputs_does_not_complete(running: Run) -> None:
    answer = running.become("completed")

    assert answer == refusal(400, "The app gave no output 'output'.")
    assert running.job.status == "failed"
    assert running.job.error == "The app gave no output 'output'."


def test_logs_are_kept_with_the_job(running: Run) -> None:
    hub, job_id = running.served.hub, JobId(running.job_id)
    running.put(b"Hel", "consoleOutput")
    assert hub.console(job_id) == b"Hel"
    running.put(b"Hello", "consoleOutput")
    running.put(b"{}\n", "resourceUtilizationLog")
    assert (hub.console(job_id), hub.usage(job_id)) == (b"Hello", b"{}\n")

    running.become("failed", error="boom")

    assert (hub.console(job_id), hub.usage(job_id)) == (b"Hello", b"{}\n")
    assert list(hub.store.folder.jobs.iterdir()) == []


# Runs that are canceled, or not heard of


def test_a_canceled_run_can_only_hand_its_logs_over(running: Run) -> None:
    served = running.served
    canceled = served.ask("cancelJob", {"jobId": running.job_id}, served.key_of("local|owner"))

    assert canceled[0] == 200
    shown = served.get("getJob", {"jobId": running.job_id, "includePrivateKey": False})["job"]
    assert (shown["status"], shown["canceled"]) == ("failed", True)  # its monitor sees this
    assert running.upload_url(size=1) == refusal(400, "Job is not running")
    assert running.put(b"the end", "consoleOutput") == (200, "")
    assert running.become("completed") == refusal(400, "Job is not in running status")
    assert served.hub.console(JobId(running.job_id)) == b"the end"


def test_what_a_canceled_run_had_printed_is_kept(
    running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, job_id = running.served.hub, JobId(running.job_id)
    running.put(b"so far", "consoleOutput")
    hub.cancel(job_id)
    hub.clear_uploads()
    assert len(list(hub.store.folder.jobs.iterdir())) == 1  # more may come

    monkeypatch.setattr("dendro_local.local_hub.uploads.LATE_LOG_SEC", 0)
    hub.clear_uploads()

    assert list(hub.store.folder.jobs.iterdir()) == []
    assert hub.console(job_id) == b"so far"


def test_a_run_that_is_not_heard_of_is_given_up(running: Run, client: Client) -> None:
    hub = running.served.hub
    running.put(b"half", "consoleOutput")
    running.put(b"Hello!")
    let_lapse(hub, running.job_id)

    hub.end_lapsed_contract_runs()

    assert running.job.status == "pending"
    assert running.job.outputFileResults[0].size is None
    assert list(hub.store.folder.blobs.glob("??/*")) == []
    assert client.offered() == [running.job_id]


def test_a_late_writer_is_refused(running: Run) -> None:
    served = running.served
    status, place = running.upload_url(size=3)
    assert status == 200
    let_lapse(served.hub, running.job_id)
    served.hub.end_lapsed_contract_runs()

    again = Run(served, running.client_id, running.job_id)
    assert again.key != running.key
    again.begin()

    assert running.become("completed") == WRONG_KEY
    assert running.upload_url(size=3) == WRONG_KEY
    assert running.upload_url("consoleOutput", 3) == WRONG_KEY
    late = served.send("PUT", place["signedUrl"], content=b"abc")
    message = "The job of this upload was given to another compute client."
    assert (late.status_code, late.json()) == refusal(409, message)
    assert again.put(b"Hello!") == (200, "")
    assert again.become("completed") == DONE


def test_a_run_that_is_heard_of_goes_on(running: Run) -> None:
    hub = running.served.hub
    let_lapse(hub, running.job_id)

    running.put(b"alive", "consoleOutput")
    hub.end_lapsed_contract_runs()

    assert running.job.status == "running"


def test_after_some_attempts_a_lost_job_fails(running: Run) -> None:
    hub = running.served.hub
    let_lapse(hub, running.job_id)
    hub.end_lapsed_contract_runs()
    again = Run(running.served, running.client_id, running.job_id).begin()
    again.put(b"so far", "consoleOutput")
    let_lapse(hub, running.job_id)

    hub.end_lapsed_contract_runs()

    assert running.job.status == "failed"
    assert running.job.error is not None
    assert "was not heard of for too long (2 times)" in running.job.error
    assert hub.console(JobId(running.job_id)) == b"so far"


def test_after_a_restart_runs_may_come_back(running: Run) -> None:
    hub = running.served.hub
    let_lapse(hub, running.job_id)

    hub.let_contract_runs_come_back()
    hub.end_lapsed_contract_runs()

    assert running.job.status == "running"


def test_the_machines_own_compute_client_gives_a_lost_job_up_too(
    running: Run, hub: LocalHub, worker: Worker
) -> None:
    assert hub.abandoned() == []
    let_lapse(hub, running.job_id)

    (claim,) = hub.abandoned()
    hub.give_up(claim)

    assert worker.claim().job.jobId == running.job_id
