"""A job that is canceled or deleted while it runs is over: its app ends, and nothing comes late."""

from pathlib import Path

import pytest

from dendro_local import DendroJob
from dendro_local.client.default_hub import default_hub
from dendro_local.compute import machine_capacity, machine_slots
from dendro_local.errors import ClaimLost, Conflict, JobNotFound
from dendro_local.hub import Claim, RunResult
from dendro_local.model import JobId
from tests.faults.asking import define, hello, refused, run, submit
from tests.faults.conftest import JobMaker
from tests.faults.scripts import Script, Slow, is_alive, wait_until

pytestmark = pytest.mark.process

WAITING = """
job = submit(define("work", app="slow"), service="lab")
job.wait_until_done()
"""


@pytest.fixture
def running(slow: Slow) -> tuple[DendroJob, Script, int]:
    """A job that a script runs, that script, and the process of the app."""
    script = Script(WAITING)
    pid = slow.wait_for_run(1)
    job = submit(define("work", app="slow"), service="lab")
    wait_until(lambda: job.refresh().status == "running", "the job to run")
    return job, script, pid


def test_the_app_of_a_canceled_job_is_ended(running: tuple[DendroJob, Script, int]) -> None:
    job, script, pid = running

    job.cancel()
    printed, complaints = script.end()

    assert not is_alive(pid)
    assert (job.status, job.error, job.canceled) == ("failed", "canceled", True)
    assert printed.endswith("failed\nError: canceled\n")
    assert complaints == ""
    assert job.console() == "at work\n"


def test_the_app_of_a_deleted_job_is_ended(running: tuple[DendroJob, Script, int]) -> None:
    job, script, pid = running

    default_hub().delete([job.jobId])
    _, complaints = script.end()

    assert not is_alive(pid)
    assert f"JobNotFound: There is no job '{job.jobId}'" in complaints
    with pytest.raises(JobNotFound):
        job.refresh()


def claim(job: DendroJob) -> Claim:
    """Play the compute client that has just started the job's app."""
    hub = default_hub()
    slots = machine_slots(machine_capacity())
    token = hub.begin_run(slots, serves_all=True)
    claimed = hub.claim_next(token, slots, machine_capacity(), {job.jobId})
    assert claimed is not None
    hub.set_running(claimed)
    hub.end_run(token)
    return claimed


@pytest.fixture
def late(tmp_path: Path) -> RunResult:
    """What a run gives that nobody waits for any more."""
    for name in ("output", "console"):
        (tmp_path / name).write_text(f"late {name}")
    return RunResult(outputs={"output": tmp_path / "output"}, console=tmp_path / "console")


def test_a_result_that_comes_after_a_cancel_is_refused_and_leaves_nothing(
    whole_store: Path, late: RunResult
) -> None:
    job = hello()
    claimed = claim(job)
    job.cancel()

    with refused(ClaimLost, job.jobId, "failed"):
        default_hub().complete(claimed, late)

    assert job.refresh().status == "failed"


def test_a_result_that_comes_after_a_deletion_is_refused_and_leaves_nothing(
    whole_store: Path, late: RunResult
) -> None:
    job = hello()
    claimed = claim(job)
    default_hub().delete([job.jobId])

    with refused(ClaimLost, job.jobId, "deleted"):
        default_hub().complete(claimed, late)
    with refused(ClaimLost, job.jobId, "deleted"):
        default_hub().fail(claimed, "late", late.console)


def test_a_result_that_comes_after_the_job_was_given_to_another_is_refused(
    whole_store: Path, late: RunResult
) -> None:
    job = hello()
    claimed = claim(job)
    default_hub().give_up(claimed)
    second = claim(job)

    with refused(ClaimLost, job.jobId, "running"):
        default_hub().complete(claimed, late)

    default_hub().complete(second, late)
    assert job.refresh().get_output("output").read_text() == "late output"


def count(job: DendroJob) -> DendroJob:
    """A job that counts the characters of the output of another one."""
    return submit(define("count_characters", inputs={"input": job.get_output("output")}))


def test_what_waits_for_a_canceled_job_fails_naming_it(whole_store: Path) -> None:
    job = hello()
    child = count(job)
    grandchild = count(child)

    job.cancel()

    words = f"Its dependency {job.jobId} (hello_world/hello_world_2) was canceled."
    assert (child.refresh().status, child.error) == ("failed", words)
    assert (grandchild.refresh().status, grandchild.canceled) == ("failed", False)
    assert grandchild.error == words


def test_what_waits_for_a_deleted_job_fails_naming_it(whole_store: Path) -> None:
    job = hello()
    child = count(job)

    default_hub().delete([job.jobId])

    assert child.refresh().status == "failed"
    assert f"Its dependency {job.jobId}" in str(child.error)
    assert str(child.error).endswith("was deleted.")


def test_what_waits_for_a_job_that_fails_names_it_with_its_error(job_of: JobMaker) -> None:
    job = job_of("raise ValueError('no spikes')")
    child = count(job)

    run(child)

    assert child.status == "failed"
    assert f"Its dependency {job.jobId} (faulty/work) failed: ValueError: no spikes" in str(
        child.error
    )


def test_a_completed_job_cannot_be_canceled(whole_store: Path) -> None:
    job = run(hello())

    with refused(Conflict, job.jobId, "is completed already"):
        job.cancel()

    assert job.refresh().status == "completed"


def test_a_canceled_job_cannot_be_canceled_again(whole_store: Path) -> None:
    job = hello().cancel()

    with refused(Conflict, job.jobId, "is failed already"):
        job.cancel()


def test_a_job_that_is_not_there_cannot_be_canceled(whole_store: Path) -> None:
    with refused(JobNotFound, "TR4Gr2HPFe3JcHFlkZjP", "dendro-local jobs"):
        default_hub().cancel(JobId("TR4Gr2HPFe3JcHFlkZjP"))
