"""Secrets of jobs: for the job's own run, and for nobody and nothing else."""

import json
import os
from collections.abc import Callable

import pytest

from dendro_local import get_job
from dendro_local.errors import InvalidRequest, StoreDamaged
from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job, JobDefinition, JobId, JobOutputFile, RequiredResources, Secret
from tests.compute.lab import wait_until, working
from tests.conftest import AppMaker
from tests.hub.conftest import NewJobMaker, Worker

VALUE = "the-value-of-the-secret"

SECRETS = [Secret(name="DANDI_API_KEY", value=VALUE), Secret(name="OTHER", value="é" * 10)]

SPY = """
import json, os, subprocess, sys
from pathlib import Path
from dendro_local.sdk import job_secret

@app.processor
def spy(output: OutputFile) -> None:
    '''Tells where it finds secrets.

    Args:
        output: What it found
    '''
    folder = Path(os.environ["DENDRO_JOB_FOLDER"])
    child = subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"],
                           capture_output=True, text=True, check=True).stdout
    found = {
        "secret": job_secret("DANDI_API_KEY"),
        "missing": job_secret("NONE"),
        "environment": str(dict(os.environ)) + child,
        "process": Path(f"/proc/{os.getpid()}/environ").read_text(errors="replace")
        if sys.platform == "linux" else "",
        "files": [file.read_text(errors="replace") for file in folder.rglob("*") if file.is_file()],
    }
    Path("found.json").write_text(json.dumps(found))
    output.upload("found.json")
"""


def test_a_run_gets_the_secrets_of_its_job(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    hub.submit([greeting("Ada", secrets=SECRETS), greeting("Bob")])

    first, second = worker.claim(), worker.claim()

    assert hub.app_of(first).secrets == SECRETS
    assert hub.app_of(second).secrets == []


def test_they_are_in_no_record_and_in_no_words(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    request = greeting("Ada", secrets=SECRETS)
    (job,) = hub.submit([request])
    claim = worker.claim()

    assert VALUE not in repr([request, job, claim, hub.app_of(claim), hub.stored(job.jobId)])
    assert job.secrets is None


def test_they_lie_in_the_store_sealed(hub: LocalHub, greeting: NewJobMaker) -> None:
    hub.submit([greeting("Ada", secrets=SECRETS)])

    for file in hub.store.folder.root.rglob("*"):
        if file.is_file():
            assert VALUE.encode() not in file.read_bytes(), file


def _complete(hub: LocalHub, worker: Worker, _: JobId) -> None:
    worker.complete(worker.claim())


def _fail(hub: LocalHub, worker: Worker, _: JobId) -> None:
    worker.fail(worker.claim())


def _cancel(hub: LocalHub, worker: Worker, job_id: JobId) -> None:
    hub.cancel(job_id)


def _delete(hub: LocalHub, worker: Worker, job_id: JobId) -> None:
    hub.delete([job_id])


@pytest.mark.parametrize("end", [_complete, _fail, _cancel, _delete])
def test_they_are_gone_when_the_job_has_ended(
    hub: LocalHub,
    worker: Worker,
    greeting: NewJobMaker,
    end: Callable[[LocalHub, Worker, JobId], None],
) -> None:
    (job,) = hub.submit([greeting("Ada", secrets=SECRETS)])
    stored = hub.stored(job.jobId)
    assert hub.secrets_of(stored) == SECRETS

    end(hub, worker, job.jobId)

    found = hub.store.job_secrets.get(stored.number)
    assert found is None or found.sealed is None
    assert hub.secrets_of(stored) == []


def test_a_run_again_keeps_what_is_there(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    (job,) = hub.submit([greeting("Ada", secrets=SECRETS)])

    while_it_waits = hub.rerun(job.jobId)
    worker.complete(worker.claim())
    after_its_end = hub.rerun(job.jobId)

    assert hub.secrets_of(hub.stored(while_it_waits.jobId)) == SECRETS
    assert "without the secrets" not in hub.why(while_it_waits.jobId)
    assert hub.secrets_of(hub.stored(after_its_end.jobId)) == []
    assert f"without the secrets that job {job.jobId} had (DANDI_API_KEY, OTHER)" in hub.why(
        after_its_end.jobId
    )


def test_a_run_again_without_secrets_says_nothing_of_them(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    (job,) = hub.submit([greeting("Ada")])
    worker.complete(worker.claim())

    assert "secret" not in hub.why(hub.rerun(job.jobId).jobId)


def test_a_name_twice_and_too_much_are_refused(hub: LocalHub, greeting: NewJobMaker) -> None:
    twice = [Secret(name="A", value=VALUE), Secret(name="A", value="b")]
    large = [Secret(name="A", value="x" * 65_536)]

    with pytest.raises(InvalidRequest, match="two secrets named 'A'") as refused:
        hub.submit([greeting("Ada", secrets=twice)])
    with pytest.raises(InvalidRequest, match="65,537 bytes; a job can have 65,536"):
        hub.submit([greeting("Ada", secrets=large)])
    assert VALUE not in str(refused.value)


def test_without_the_stores_key_they_cannot_be_read(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    hub.submit([greeting("Ada", secrets=SECRETS)])
    claim = worker.claim()
    hub.store.folder.key.write_text("0" * 64 + "\n")
    again = LocalHub(hub.store.folder.root)

    with pytest.raises(StoreDamaged, match="cannot be read with its key"):
        again.app_of(claim)
    again.close()


@pytest.mark.process
def test_an_app_finds_them_where_nobody_else_does(hub: LocalHub, make_app: AppMaker) -> None:
    hub.add_app(str(make_app("mine", SPY)), "lab")
    (alone,) = hub.submit([_spying("in a process of its own")])
    assert get_job(alone.jobId).wait_until_done().error is None
    with working(hub):
        (forked,) = hub.submit([_spying("in a child of its app's host")])
        wait_until(hub, lambda: _has_ended(hub, forked))
    assert hub.get_job(forked.jobId).error is None
    found = [
        json.loads(hub.output_file(job.jobId, "output").read_text()) for job in (alone, forked)
    ]

    for each in found:
        assert (each.pop("secret"), each.pop("missing")) == (VALUE, None)
        assert each["files"]
        assert VALUE not in str(each)
    assert os.environ.get("DANDI_API_KEY") is None


def _spying(where: str) -> NewJob:
    return NewJob(
        serviceName="lab",
        jobDefinition=JobDefinition(
            appName="mine",
            processorName="spy",
            cacheBust=where,
            inputFiles=[],
            outputFiles=[JobOutputFile(name="output", fileBaseName="found.json")],
            parameters=[],
        ),
        requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60),
        secrets=SECRETS,
    )


def _has_ended(hub: LocalHub, job: Job) -> bool:
    return hub.get_job(job.jobId).status in ("completed", "failed")
