"""What is asked again, because the answer to it was lost, is not done twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from dendro_local.errors import Conflict, InputUnavailable, JobNotFound
from dendro_local.hub import JobQuery, RunResult
from dendro_local.local_hub import LocalHub, remote_running
from dendro_local.remote_hub import RemoteHub
from tests.hub.conftest import NewJobMaker, Worker
from tests.remote_hub.proxy import Proxy


def test_a_submission_makes_one_job_though_it_is_to_make_one_whatever_is_there(
    hub: RemoteHub, network: Proxy, greeting: NewJobMaker
) -> None:
    network.lose_answer("POST /v1/jobs ")

    [job] = hub.submit([greeting(skipCache=True)])

    assert network.has_lost
    assert [each.jobId for each in hub.find_jobs(JobQuery())] == [job.jobId]
    assert hub.submit([greeting(skipCache=True)])[0].jobId != job.jobId


def test_a_rerun_makes_one_job(hub: RemoteHub, network: Proxy, greeting: NewJobMaker) -> None:
    [job] = hub.submit([greeting()])
    network.lose_answer(f"POST /v1/jobs/{job.jobId}/rerun ")

    again = hub.rerun(job.jobId)

    assert {each.jobId for each in hub.find_jobs(JobQuery())} == {job.jobId, again.jobId}


def test_a_job_that_was_canceled_so_is_no_conflict(
    hub: RemoteHub, network: Proxy, greeting: NewJobMaker
) -> None:
    [job] = hub.submit([greeting()])
    network.lose_answer(f"POST /v1/jobs/{job.jobId}/cancel ")

    assert hub.cancel(job.jobId).canceled
    with pytest.raises(Conflict, match="failed already"):
        hub.cancel(job.jobId)


def test_a_job_that_was_deleted_so_is_not_missed(
    hub: RemoteHub, network: Proxy, greeting: NewJobMaker
) -> None:
    [job] = hub.submit([greeting()])
    network.lose_answer(f"DELETE /v1/jobs/{job.jobId} ")

    hub.delete([job.jobId])

    with pytest.raises(JobNotFound):
        hub.delete([job.jobId])


def test_a_claim_is_given_back(
    hub: RemoteHub,
    local_hub: LocalHub,
    network: Proxy,
    greeting: NewJobMaker,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_running, "UNKNOWN_SEC", 0.0)
    monkeypatch.setattr(remote_running, "RENEW_SEC", 0.0)
    [job] = hub.submit([greeting()])
    network.lose_answer(f"POST /v1/runs/{worker.run.run_id}/claim ")

    assert worker.finds_nothing()
    assert local_hub.get_job(job.jobId).status == "starting"
    assert hub.lost_claims([]) == []

    assert local_hub.get_job(job.jobId).status == "pending"
    assert worker.claim().attempt == 1


def test_the_end_of_a_job_is_known_to_be_told(
    hub: RemoteHub, local_hub: LocalHub, network: Proxy, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting("a")])
    hub.submit([greeting("b")])
    first, second = worker.claim(), worker.claim()
    for claim, step in ((first, "running"), (first, "complete"), (second, "fail")):
        network.lose_answer(f"POST /v1/claims/{claim.job.jobId}/{step} ")

    done = worker.complete(first, b"Hello!", console=b"so far\n")
    failed = worker.fail(second)

    assert network.has_lost
    assert (done.status, failed.status, failed.error) == ("completed", "failed", "ValueError: boom")
    assert hub.console(done.jobId) == b"so far\n"
    assert list(local_hub.store.folder.jobs.iterdir()) == []


def test_of_many_who_tell_the_end_of_a_job_at_once_all_are_told_that_it_is_done(
    hub: RemoteHub, greeting: NewJobMaker, worker: Worker
) -> None:
    printing = replace(greeting().jobDefinition, processorName="hello_world_1", outputFiles=[])
    [job] = hub.submit([replace(greeting(), jobDefinition=printing)])
    claim = worker.claim()
    hub.set_running(claim)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: hub.complete(claim, RunResult()), range(4)))

    assert hub.get_job(job.jobId).status == "completed"


def test_another_end_than_that_which_was_told_is_refused(
    hub: RemoteHub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    worker.complete(claim, b"Hello!")

    with pytest.raises(Conflict, match="no longer this run's"):
        worker.complete(claim, b"Good bye!")
    with pytest.raises(Conflict, match="no longer this run's"):
        worker.fail(claim)

    assert hub.output_file(job.jobId, "output").read_bytes() == b"Hello!"


def test_a_claim_that_was_taken_over_so_is_held(
    hub: RemoteHub, local_hub: LocalHub, network: Proxy, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    claim = worker.claim()
    local_hub.forget_remote_runs()
    network.lose_answer(f"POST /v1/claims/{claim.job.jobId}/adopt ")

    hub.lost_claims([claim])
    assert network.has_lost
    assert hub.lost_claims([claim]) == []

    assert worker.complete(claim).status == "completed"


def test_requests_that_are_known_by_one_key_belong_to_one_user(
    local_hub: LocalHub, greeting: NewJobMaker
) -> None:
    requests = [replace(greeting(), skipCache=True)]
    [mine] = local_hub.submit(requests, user_id="a", request_id="0123456789abcdef")
    [again] = local_hub.submit(requests, user_id="a", request_id="0123456789abcdef")
    [other] = local_hub.submit(requests, user_id="b", request_id="0123456789abcdef")

    assert mine.jobId == again.jobId != other.jobId


def test_an_input_that_the_hub_lacks_is_refused_before_anything_is_recorded(
    hub: RemoteHub, counting: NewJobMaker, greeting: NewJobMaker
) -> None:
    [job] = hub.submit([greeting()])
    missing = replace(job.outputFileResults[0], url=f"dendro:sha256/{'0' * 64}")
    request = counting(replace(job, outputFileResults=[missing]))

    with pytest.raises(InputUnavailable, match="Send it first"):
        hub.submit([greeting("other"), request])

    assert len(hub.find_jobs(JobQuery())) == 1
