"""A job whose inputs have the same bytes as an earlier one's takes over its outputs."""

from dendro_local.hub import Hub, NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job
from tests.hub.conftest import EITHER_HUB, NewJobMaker, Worker

pytestmark = EITHER_HUB


def ran(hub: Hub, worker: Worker, request: NewJob, content: bytes = b"text") -> Job:
    hub.submit([request])
    return worker.complete(worker.claim(), content)


def test_a_rerun_parent_that_gives_the_same_bytes_does_not_make_its_child_run_again(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    parent = ran(hub, worker, greeting())
    child = ran(hub, worker, counting(parent), b"4")
    again = ran(hub, worker, greeting(skipCache=True))

    [child_again] = hub.submit([counting(again)])

    assert child_again.jobId != child.jobId
    assert child_again.jobDefinitionHash != child.jobDefinitionHash
    assert child_again.status == "completed"
    assert hub.output_file(child_again.jobId, "output").read_bytes() == b"4"
    assert worker.finds_nothing()
    assert child.jobId in hub.why(child_again.jobId)


def test_it_is_so_for_a_child_that_waited_too_and_for_its_own_children(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    parent = ran(hub, worker, greeting())
    child = ran(hub, worker, counting(parent), b"4")
    ran(hub, worker, counting(child), b"1")
    [again] = hub.submit([greeting(skipCache=True)])
    [child_again] = hub.submit([counting(again)])
    [grandchild_again] = hub.submit([counting(child_again)])

    worker.complete(worker.claim(), b"text")

    assert hub.get_job(child_again.jobId).status == "completed"
    assert hub.get_job(grandchild_again.jobId).status == "completed"


def test_other_bytes_make_the_child_run(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    parent = ran(hub, worker, greeting())
    ran(hub, worker, counting(parent), b"4")
    again = ran(hub, worker, greeting(skipCache=True), b"other text")

    [child_again] = hub.submit([counting(again)])

    assert child_again.status == "pending"


def test_a_job_that_is_to_run_whatever_is_there_runs(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    parent = ran(hub, worker, greeting())
    ran(hub, worker, counting(parent), b"4")
    again = ran(hub, worker, greeting(skipCache=True))

    [child_again] = hub.submit([counting(again, skipCache=True)])

    assert child_again.status == "pending"


def test_outputs_that_are_gone_are_not_taken_over(
    hub: Hub,
    local_hub: LocalHub,
    greeting: NewJobMaker,
    counting: NewJobMaker,
    worker: Worker,
) -> None:
    parent = ran(hub, worker, greeting())
    child = ran(hub, worker, counting(parent), b"4")
    local_hub.output_file(child.jobId, "output").resolve().unlink()
    again = ran(hub, worker, greeting(skipCache=True))

    [child_again] = hub.submit([counting(again)])

    assert child_again.status == "pending"


def test_deleting_the_earlier_job_keeps_the_bytes_that_were_taken_over(
    hub: Hub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    parent = ran(hub, worker, greeting())
    child = ran(hub, worker, counting(parent), b"4")
    again = ran(hub, worker, greeting(skipCache=True))
    [child_again] = hub.submit([counting(again)])

    hub.delete([child.jobId])

    assert hub.output_file(child_again.jobId, "output").read_bytes() == b"4"
