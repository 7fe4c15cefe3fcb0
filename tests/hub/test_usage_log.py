"""The log of what a job used is kept with the job, however it ended, and goes with it."""

from pathlib import Path

from dendro_local.hub import FetchedInput, RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job, JobInputFile
from tests.hub.conftest import NewJobMaker, Worker

LOG = b'{"timestamp": 1}\n'


def blobs(hub: LocalHub) -> set[bytes]:
    return {file.read_bytes() for file in hub.store.folder.blobs.glob("??/*")}


def complete(hub: LocalHub, worker: Worker, request: NewJobMaker) -> Job:
    [job] = hub.submit([request()])
    claim = worker.claim()
    hub.set_running(claim)
    output, log = worker.file("output", b"Hello!"), worker.file("usage.jsonl", LOG)
    hub.complete(claim, RunResult(outputs={"output": output}, usage=log))
    return job


def test_the_log_of_a_completed_job_is_kept(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    job = complete(hub, worker, greeting)

    assert hub.usage(job.jobId) == LOG


def test_the_log_of_a_failed_job_is_kept(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)

    hub.fail(claim, "ValueError: boom", None, worker.file("usage.jsonl", LOG))

    assert hub.usage(job.jobId) == LOG


def test_the_log_of_a_running_job_is_read_as_far_as_it_has_come(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    assert hub.usage(job.jobId) == b""
    claim.folder.mkdir(parents=True)

    (claim.folder / "usage.jsonl").write_bytes(LOG)

    assert hub.usage(job.jobId) == LOG


def test_a_log_that_is_not_there_is_empty(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker, tmp_path: Path
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)

    hub.fail(claim, "ValueError: boom", None, tmp_path / "none.jsonl")

    assert hub.usage(job.jobId) == b""


def test_the_log_is_deleted_with_its_job(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    job = complete(hub, worker, greeting)
    assert LOG in blobs(hub)

    hub.delete([job.jobId])

    assert blobs(hub) == set()


def test_the_log_can_be_the_input_of_a_job(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    job = complete(hub, worker, greeting)
    hub.submit([greeting("Ada")])
    url = job.resourceUtilizationLogUrl

    fetched: FetchedInput = hub.fetch_input(
        worker.claim(), JobInputFile(name="log", fileBaseName="log.jsonl", url=url)
    )

    assert fetched.path is not None
    assert fetched.path.read_bytes() == LOG
