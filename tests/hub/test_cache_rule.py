"""When a submit gives an earlier job, and when it makes a new one."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from dendro_local.errors import IncompatibleDefinition
from dendro_local.hub import Hub
from dendro_local.local_hub import LocalHub
from tests.hub.conftest import EITHER_HUB, NewJobMaker, Worker

pytestmark = EITHER_HUB


def test_the_same_definition_gives_the_same_job(hub: Hub, greeting: NewJobMaker) -> None:
    [first] = hub.submit([greeting()])
    [second] = hub.submit([greeting()])

    assert second == first
    assert first.status == "pending"


def test_another_parameter_gives_another_job(hub: Hub, greeting: NewJobMaker) -> None:
    [first], [second] = hub.submit([greeting("Ada")]), hub.submit([greeting("Grace")])

    assert first.jobId != second.jobId


def test_a_completed_job_is_returned_with_its_outputs(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    worker.complete(worker.claim(), b"Hello, world!")

    [again] = hub.submit([greeting()])

    assert again.status == "completed"
    assert hub.output_file(again.jobId, "output").read_bytes() == b"Hello, world!"
    assert again.outputFileUrlList == [again.outputFileResults[0].url]
    assert again.outputFileResults[0].size == len(b"Hello, world!")


def test_other_resources_and_targets_do_not_make_another_job(
    hub: Hub, greeting: NewJobMaker
) -> None:
    [first] = hub.submit([greeting()])
    larger = msgspec.structs.replace(first.requiredResources, memoryGb=2)

    [second] = hub.submit([greeting(requiredResources=larger, targetComputeClientIds=["abc"])])

    assert second.jobId == first.jobId


def test_another_service_has_a_job_of_its_own(
    hub: Hub, local_hub: LocalHub, greeting: NewJobMaker
) -> None:
    source = local_hub.app_folder("bundled:hello_world")
    local_hub.add_app(str(source), "another_service")

    [here] = hub.submit([greeting()])
    [there] = hub.submit([msgspec.structs.replace(greeting(), serviceName="another_service")])

    assert here.jobId != there.jobId
    assert here.jobDefinitionHash == there.jobDefinitionHash


def test_a_failed_job_is_returned_too(hub: Hub, greeting: NewJobMaker, worker: Worker) -> None:
    hub.submit([greeting()])
    failed = worker.fail(worker.claim())

    [again] = hub.submit([greeting()])

    assert (again.jobId, again.status) == (failed.jobId, "failed")


def test_rerun_failing_makes_a_new_job_and_keeps_the_failed_one(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    failed = worker.fail(worker.claim())

    [again] = hub.submit([greeting(rerunFailing=True)])

    assert again.jobId != failed.jobId
    assert hub.get_job(failed.jobId).status == "failed"
    assert failed.jobId in hub.why(again.jobId)


def test_delete_failing_removes_the_failed_one(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    failed = worker.fail(worker.claim())

    [again] = hub.submit([greeting(rerunFailing=True, deleteFailing=True)])

    assert again.jobId != failed.jobId
    assert [job.jobId for job in hub.submit([greeting()])] == [again.jobId]
    assert hub.facts().jobs_by_status == {"pending": 1}


def test_delete_failing_without_rerun_failing_removes_nothing(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    failed = worker.fail(worker.claim())

    [again] = hub.submit([greeting(deleteFailing=True)])

    assert again.jobId == failed.jobId


def test_skip_cache_makes_a_new_job_and_the_newest_counts_from_then_on(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    [first] = hub.submit([greeting()])
    [second] = hub.submit([greeting(skipCache=True)])

    assert second.jobId != first.jobId
    assert hub.submit([greeting()])[0].jobId == second.jobId


def test_new_tags_are_added_to_the_job_that_is_found(hub: Hub, greeting: NewJobMaker) -> None:
    hub.submit([greeting(tags=["one"])])

    [again] = hub.submit([greeting(tags=["two", "one"])])

    assert again.tags == ["one", "two"]


def test_a_hit_is_none_when_its_output_is_gone(
    hub: Hub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    done = worker.complete(worker.claim())
    local_hub.output_file(done.jobId, "output").resolve().unlink()

    [again] = hub.submit([greeting()])

    assert again.status == "pending"
    assert done.jobId in hub.why(again.jobId)
    assert "is not in the store" in hub.why(again.jobId)


def test_of_many_equal_submissions_at_once_one_job_results(hub: Hub, greeting: NewJobMaker) -> None:
    with ThreadPoolExecutor(16) as threads:
        jobs = list(threads.map(lambda _: hub.submit([greeting()])[0].jobId, range(64)))

    assert len(set(jobs)) == 1
    assert hub.facts().jobs_by_status == {"pending": 1}


def test_many_are_submitted_all_or_none(hub: Hub, greeting: NewJobMaker) -> None:
    unfit = greeting()
    definition = msgspec.structs.replace(unfit.jobDefinition, outputFiles=[])
    unfit = msgspec.structs.replace(unfit, jobDefinition=definition)

    with pytest.raises(IncompatibleDefinition, match="output"):
        hub.submit([greeting("a"), greeting("b"), unfit])

    assert hub.facts().jobs_by_status == {}


def test_equal_requests_in_one_call_give_one_job(hub: Hub, greeting: NewJobMaker) -> None:
    first, second = hub.submit([greeting(), greeting()])

    assert first.jobId == second.jobId


def test_why_names_the_nearest_earlier_job_and_what_differs(
    hub: Hub, greeting: NewJobMaker
) -> None:
    [first] = hub.submit([greeting("Ada")])
    [second] = hub.submit([greeting("Grace")])

    assert "No job had this definition" not in hub.why(first.jobId)
    assert f"{first.jobId}, differs in:" in hub.why(second.jobId)
    assert "parameter 'name': 'Ada' there, 'Grace' here" in hub.why(second.jobId)
