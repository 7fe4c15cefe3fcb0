"""Claims, dependencies and ends."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dendro_local.errors import ClaimLost, Conflict, JobFailed, JobNotFound, OutputNotFound
from dendro_local.hub import Hub, JobQuery, RunResult
from dendro_local.local_hub import LocalHub
from tests.hub.conftest import EITHER_HUB, NewJobMaker, Worker

pytestmark = EITHER_HUB


def test_jobs_are_claimed_in_the_order_of_their_submission(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    jobs = [hub.submit([greeting(name)])[0].jobId for name in "abc"]

    assert [worker.claim().job.jobId for _ in jobs] == jobs
    assert worker.finds_nothing()


def test_of_many_claims_at_once_one_gets_the_job(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])

    with ThreadPoolExecutor(8) as threads:
        claims = list(
            threads.map(
                lambda _: hub.claim_next(worker.run, worker.slots, worker.capacity), range(16)
            )
        )

    assert sum(claim is not None for claim in claims) == 1


def test_a_job_that_is_too_large_is_passed_over_and_says_why(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    import msgspec

    from tests.hub.conftest import RESOURCES

    huge = msgspec.structs.replace(RESOURCES, numCpus=1000)
    [large] = hub.submit([greeting("large", requiredResources=huge)])
    [small] = hub.submit([greeting("small")])

    assert worker.claim().job.jobId == small.jobId
    assert "needs 1000 CPUs" in hub.why(large.jobId)


def test_a_job_runs_only_on_its_targets(hub: Hub, greeting: NewJobMaker, worker: Worker) -> None:
    [job] = hub.submit([greeting(targetComputeClientIds=["somebodyElse"])])
    [mine] = hub.submit([greeting("x", targetComputeClientIds=[worker.run.compute_client_id])])

    assert worker.claim().job.jobId == mine.jobId
    assert worker.finds_nothing()
    assert "somebodyElse" in hub.why(job.jobId)


def test_a_dependent_job_waits_and_then_runs(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    [parent] = hub.submit([greeting()])
    [child] = hub.submit([counting(parent)])
    claim = worker.claim()

    assert (child.isRunnable, child.jobDependencies) == (False, [parent.jobId])
    assert parent.jobId in hub.why(child.jobId)
    assert worker.finds_nothing()

    worker.complete(claim)

    assert hub.get_job(child.jobId).isRunnable
    assert worker.claim().job.jobId == child.jobId


def test_an_input_of_a_dependent_job_is_the_parents_file(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    [parent] = hub.submit([greeting()])
    hub.submit([counting(parent)])
    worker.complete(worker.claim(), b"Hello, world!")
    claim = worker.claim()

    fetched = hub.fetch_input(claim, claim.job.jobDefinition.inputFiles[0])

    assert fetched.path is not None
    assert fetched.path.read_bytes() == b"Hello, world!"


def test_dependents_of_a_failed_job_fail_and_name_it(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    [parent] = hub.submit([greeting()])
    [child] = hub.submit([counting(parent)])

    worker.fail(worker.claim(), "ValueError: boom")

    child = hub.get_job(child.jobId)
    assert child.status == "failed"
    assert child.error is not None
    assert parent.jobId in child.error
    assert "ValueError: boom" in child.error


def test_a_long_chain_fails_with_the_first_line_of_the_first_error_alone(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    [first] = hub.submit([greeting()])
    chain = [first]
    for _ in range(3):
        chain += hub.submit([counting(chain[-1])])
    error = "ValueError: boom\nTraceback (most recent call last):\n  ..."

    worker.fail(worker.claim(), error)
    chain += hub.submit([counting(chain[-1])])  # at submit the same is found

    assert hub.get_job(first.jobId).error == error
    name = f"{first.jobId} (hello_world/hello_world_2)"
    assert {hub.get_job(job.jobId).error for job in chain[1:]} == {
        f"Its dependency {name} failed: ValueError: boom"
    }


def test_an_app_that_speaks_of_dependencies_itself_is_named(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    [parent] = hub.submit([greeting()])
    [child] = hub.submit([counting(parent)])

    worker.fail(worker.claim(), "Its dependency numpy is missing")

    error = hub.get_job(child.jobId).error
    assert error is not None
    assert error.startswith(f"Its dependency {parent.jobId} ")
    assert error.endswith("failed: Its dependency numpy is missing")


def test_a_job_on_a_failed_dependency_fails_at_submit(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    [parent] = hub.submit([greeting()])
    worker.fail(worker.claim())

    [child] = hub.submit([counting(parent)])

    assert child.status == "failed"
    assert parent.jobId in (child.error or "")


def test_an_input_from_an_unknown_job_is_refused(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker
) -> None:
    [parent] = hub.submit([greeting()])
    hub.delete([parent.jobId])

    with pytest.raises(JobNotFound, match=parent.jobId):
        hub.submit([counting(parent)])


def test_a_late_writer_is_refused(
    hub: Hub, greeting: NewJobMaker, worker: Worker, tmp_path: Path
) -> None:
    hub.submit([greeting()])
    first = worker.claim()
    hub.release(first)
    second = worker.claim()

    with pytest.raises(ClaimLost):
        worker.complete(first)
    assert worker.complete(second).status == "completed"
    with pytest.raises(ClaimLost):
        hub.fail(second, "too late", None)


def test_releasing_a_claim_does_not_count_as_an_attempt(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    hub.release(worker.claim())

    assert worker.claim().attempt == 1


def test_cancel_ends_a_pending_job_and_what_waits_for_it(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker
) -> None:
    [parent] = hub.submit([greeting()])
    [child] = hub.submit([counting(parent)])

    canceled = hub.cancel(parent.jobId)

    assert (canceled.status, canceled.canceled, canceled.error) == ("failed", True, "canceled")
    child = hub.get_job(child.jobId)
    assert child.status == "failed"
    assert f"{parent.jobId} (hello_world/hello_world_2) was canceled" in (child.error or "")


def test_cancel_of_a_running_job_takes_its_claim_away(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)

    hub.cancel(job.jobId)

    assert hub.lost_claims([claim]) == [claim]
    with pytest.raises(ClaimLost):
        hub.complete(claim, RunResult())


def test_a_job_may_be_recorded_as_started_when_it_has_ended(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    started_at = time.time()

    hub.complete(
        claim,
        RunResult(outputs={"output": worker.file("output", b"Hello!")}, started_at=started_at),
    )

    ended = hub.get_job(job.jobId)
    assert ended.status == "completed"
    assert ended.timestampStartedSec == pytest.approx(started_at, abs=10)  # by another's clock
    assert ended.timestampStartedSec is not None
    assert ended.timestampFinishedSec is not None
    assert ended.timestampFinishedSec >= ended.timestampStartedSec


def test_a_job_that_nobody_started_cannot_be_completed(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()

    with pytest.raises(Conflict, match="it is starting"):
        hub.complete(claim, RunResult(outputs={"output": worker.file("output", b"Hello!")}))

    assert hub.get_job(job.jobId).status == "starting"


def test_what_a_canceled_job_printed_is_kept(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)
    hub.cancel(job.jobId)

    hub.fail(claim, "ended by a signal", worker.file("console", b"so far\n"))

    assert hub.console(job.jobId) == b"so far\n"
    assert hub.get_job(job.jobId).error == "canceled"


def test_cancel_of_a_finished_job_is_refused(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    done = worker.complete(worker.claim())

    with pytest.raises(Conflict, match="completed"):
        hub.cancel(done.jobId)


def test_delete_removes_the_record_and_the_bytes_that_only_it_held(
    hub: Hub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    [first] = hub.submit([greeting("a")])
    [second] = hub.submit([greeting("b")])
    worker.complete(worker.claim(), b"same", console=b"only of a")
    worker.complete(worker.claim(), b"same", console=b"only of b")

    hub.delete([first.jobId])

    with pytest.raises(JobNotFound):
        hub.get_job(first.jobId)
    assert hub.output_file(second.jobId, "output").read_bytes() == b"same"
    blobs = [file for file in local_hub.store.folder.blobs.rglob("*") if file.is_file()]
    assert sorted(file.read_bytes() for file in blobs) == [b"only of b", b"same"]


def test_what_waits_for_a_deleted_job_fails(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker
) -> None:
    [parent] = hub.submit([greeting()])
    [child] = hub.submit([counting(parent)])

    hub.delete([parent.jobId])

    child = hub.get_job(child.jobId)
    assert child.status == "failed"
    assert parent.jobId in (child.error or "")


def test_an_output_is_read_under_its_own_name_and_cannot_be_changed(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    worker.complete(worker.claim(), b"Hello!")

    file = hub.output_file(job.jobId, "output")

    assert file.name == "output.txt"
    assert file.stat().st_mode & 0o222 == 0


def test_a_file_that_the_app_added_is_read_by_its_name(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)
    others = {"figures/a.png": worker.file("figure", b"png"), "b": worker.file("b", b"...")}
    hub.complete(claim, RunResult(outputs={"output": worker.file("o", b"Hello!")}, others=others))

    figure = hub.output_file(job.jobId, "figures/a.png")

    assert (figure.name, figure.read_bytes()) == ("a.png", b"png")
    assert hub.output_file(job.jobId, "b").read_bytes() == b"..."
    assert hub.output_file(job.jobId, "output").read_bytes() == b"Hello!"
    with pytest.raises(OutputNotFound, match="no output 'a.png'. It has: output, figures/a.png, b"):
        hub.output_file(job.jobId, "a.png")


def test_outputs_that_are_not_there_say_why(
    hub: Hub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])

    with pytest.raises(OutputNotFound, match="It has: output"):
        hub.output_file(job.jobId, "outptu")
    with pytest.raises(Conflict, match="pending"):
        hub.output_file(job.jobId, "output")
    worker.fail(worker.claim(), "ValueError: boom")
    with pytest.raises(JobFailed, match="boom"):
        hub.output_file(job.jobId, "output")


def test_jobs_are_found_by_everything_that_can_be_asked(
    hub: Hub,
    local_hub: LocalHub,
    greeting: NewJobMaker,
    counting: NewJobMaker,
    worker: Worker,
) -> None:
    [parent] = hub.submit([greeting(tags=["a", "b"], batchId="batch")])
    [child] = hub.submit([counting(parent, tags=["b"])])
    worker.complete(worker.claim())
    url = parent.outputFileResults[0].url

    def found(**query: object) -> set[str]:
        return {job.jobId for job in hub.find_jobs(JobQuery(**query))}  # type: ignore[arg-type]  # of many kinds

    both = {parent.jobId, child.jobId}
    assert found() == found(service="hello_world_service") == found(tags=("b",)) == both
    assert found(tags=("a", "b")) == found(batch="batch") == {parent.jobId}
    assert found(processor="hello_world_2") == found(output_url=url) == {parent.jobId}
    assert found(input_url=url) == found(status="pending") == {child.jobId}
    assert found(compute_client=worker.run.compute_client_id) == {parent.jobId}
    assert found(user=local_hub.user_id, app="hello_world", status="completed") == {parent.jobId}
    assert found(job_id=child.jobId) == {child.jobId}
    assert found(app="nothing") == set()
    assert found(text="world counT_") == {child.jobId}
    assert found(id_prefix=child.jobId[:12], since=1.5, created_since=2) == {child.jobId}
    assert found(until=1e9) == found(created_until=1e9) == set()


def test_pages_of_jobs_follow_one_another(
    hub: Hub, local_hub: LocalHub, greeting: NewJobMaker
) -> None:
    hub.submit([greeting(str(number)) for number in range(7)])
    seen: list[str] = []
    after: tuple[float, int] | None = None

    for _ in range(3):
        page = local_hub.store.find_jobs(JobQuery(limit=3, after=after))
        seen += [stored.record.jobId for stored in page]
        last = page[-1]
        after = (last.record.timestampUpdatedSec or 0, last.number)

    assert len(seen) == len(set(seen)) == 7


def test_an_id_may_be_given_by_its_beginning(hub: Hub, greeting: NewJobMaker) -> None:
    [job] = hub.submit([greeting()])

    assert hub.job_id(job.jobId[:6]) == hub.job_id(f"dendro:{job.jobId}") == job.jobId
    assert hub.job_id(f"http://hub.test/jobs/{job.jobId}/") == job.jobId
    with pytest.raises(JobNotFound, match="no job id"):
        hub.job_id("../etc")
    with pytest.raises(JobNotFound, match="begins with"):
        hub.job_id("zzzzzz" if not job.jobId.startswith("z") else "yyyyyy")


def test_an_ambiguous_beginning_names_some_that_it_may_mean(
    hub: Hub, greeting: NewJobMaker
) -> None:
    # Of 63 ids at least two begin alike: there are 62 letters and digits.
    jobs = hub.submit([greeting(str(number)) for number in range(63)])
    firsts = [job.jobId[0] for job in jobs]
    twice = next(letter for letter in firsts if firsts.count(letter) > 1)

    with pytest.raises(JobNotFound, match="Several"):
        hub.job_id(twice)
