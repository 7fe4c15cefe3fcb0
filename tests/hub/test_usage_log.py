"""The log of what a job used is kept with the job, however it ended, and goes with it."""

from pathlib import Path

from msgspec.structs import replace

from dendro_local.hub import Hub, RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job
from tests.faults.scripts import wait_until
from tests.hub.conftest import EITHER_HUB, NewJobMaker, Worker

pytestmark = EITHER_HUB

LOG = b'{"timestamp": 1}\n'


def blobs(hub: LocalHub) -> set[bytes]:
    return {file.read_bytes() for file in hub.store.folder.blobs.glob("??/*")}


def complete(hub: Hub, worker: Worker, request: NewJobMaker) -> Job:
    [job] = hub.submit([request()])
    claim = worker.claim()
    hub.set_running(claim)
    output, log = worker.file("output", b"Hello!"), worker.file("usage.jsonl", LOG)
    hub.complete(claim, RunResult(outputs={"output": output}, usage=log))
    return job


def test_the_log_of_a_completed_job_is_kept(
    hub: Hub, worker: Worker, greeting: NewJobMaker
) -> None:
    job = complete(hub, worker, greeting)

    assert hub.usage(job.jobId) == LOG


def test_the_log_of_a_failed_job_is_kept(hub: Hub, worker: Worker, greeting: NewJobMaker) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)

    hub.fail(claim, "ValueError: boom", None, worker.file("usage.jsonl", LOG))

    assert hub.usage(job.jobId) == LOG


def test_the_log_of_a_running_job_is_read_as_far_as_it_has_come(
    hub: Hub, worker: Worker, greeting: NewJobMaker
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    assert hub.usage(job.jobId) == b""
    claim.folder.mkdir(parents=True)

    (claim.folder / "usage.jsonl").write_bytes(LOG)

    wait_until(lambda: hub.usage(job.jobId) == LOG, "the log to be sent")


def test_a_log_that_is_not_there_is_empty(
    hub: Hub, worker: Worker, greeting: NewJobMaker, tmp_path: Path
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)

    hub.fail(claim, "ValueError: boom", None, tmp_path / "none.jsonl")

    assert hub.usage(job.jobId) == b""


def test_the_log_is_deleted_with_its_job(
    hub: Hub, local_hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    job = complete(hub, worker, greeting)
    assert LOG in blobs(local_hub)

    hub.delete([job.jobId])

    assert blobs(local_hub) == set()


def test_the_log_can_be_the_input_of_a_job(
    hub: Hub, worker: Worker, greeting: NewJobMaker, counting: NewJobMaker
) -> None:
    job = complete(hub, worker, greeting)
    log = replace(job.outputFileResults[0], url=job.resourceUtilizationLogUrl)
    hub.submit([counting(replace(job, outputFileResults=[log]))])
    claim = worker.claim()

    fetched = hub.fetch_input(claim, claim.job.jobDefinition.inputFiles[0])

    assert fetched.path is not None
    assert fetched.path.read_bytes() == LOG
