"""A compute client that dies or leaves loses no job: another one runs it, once."""

import os
import signal
import sys
from pathlib import Path

import pytest

from dendro_local import DendroJob
from dendro_local.client.default_hub import default_hub
from dendro_local.hub import JobQuery
from tests.conftest import AppMaker
from tests.faults.asking import define, run, submit
from tests.faults.scripts import Script, Slow, is_alive, wait_until

pytestmark = pytest.mark.process

WAITING = """
job = submit(define("work", app="slow"), service="lab")
job.wait_until_done()
"""


def the_job() -> DendroJob:
    """The one job of the app in the store."""
    job = submit(define("work", app="slow"), service="lab")
    found = default_hub().find_jobs(JobQuery(app="slow"))
    assert [each.jobId for each in found] == [job.jobId]
    return job


def start_and_kill(slow: Slow, number: int) -> int:
    """A script that is killed while it runs the job; the process of the app that it leaves."""
    script = Script(WAITING)
    pid = slow.wait_for_run(number)
    wait_until(lambda: the_job().status == "running", "the job to run")
    script.kill()
    return pid


def kill_both(slow: Slow, number: int) -> None:
    """A compute client and its app that are killed in the middle of the job."""
    os.kill(start_and_kill(slow, number), signal.SIGKILL)


def test_a_job_whose_compute_client_was_killed_goes_on_under_the_next_that_waits(
    slow: Slow,
) -> None:
    left = start_and_kill(slow, 1)

    script = Script(WAITING)
    wait_until(lambda: default_hub().abandoned() == [], "the job to be taken over")
    was_left_alone = is_alive(left)
    slow.let_end()
    _, complaints = script.end()

    assert (was_left_alone, complaints) == (True, "")
    assert the_job().status == "completed"
    assert the_job().get_output("output").read_text() == "done"
    assert len(slow.pids()) == 1


def test_a_job_that_ended_while_no_compute_client_was_there_is_completed_by_the_next(
    slow: Slow,
) -> None:
    left = start_and_kill(slow, 1)
    slow.let_end()
    wait_until(lambda: not is_alive(left), "the app to end by itself")

    Script(WAITING).end()

    assert the_job().status == "completed"
    assert the_job().console() == "at work\n"
    assert len(slow.pids()) == 1


def test_a_job_that_died_with_its_compute_client_is_run_again_by_the_next(slow: Slow) -> None:
    kill_both(slow, 1)

    slow.let_end()
    _, complaints = Script(WAITING).end()

    assert complaints == f"job {the_job().jobId} was left by a compute client that died\n"
    assert the_job().status == "completed"
    assert len(slow.pids()) == 2


def test_a_job_that_was_taken_over_is_still_held_to_its_time(slow: Slow) -> None:
    code = WAITING.replace('service="lab")', 'service="lab", time_sec=2)')
    script = Script(code)
    left = slow.wait_for_run(1)
    script.kill()

    Script(code).end()

    assert "ran longer than its limit of 2 s" in str(the_job().error)
    assert not is_alive(left)


def test_a_job_whose_compute_clients_die_again_and_again_is_failed(slow: Slow) -> None:
    kill_both(slow, 1)
    kill_both(slow, 2)

    printed, _ = Script(WAITING).end()

    assert the_job().status == "failed"
    assert "The compute client that ran it died (2 times)." in str(the_job().error)
    assert str(the_job().error) in printed
    assert the_job().console() == "at work\n"
    assert not any(map(is_alive, slow.pids()))


def test_how_often_it_may_die_is_a_setting(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENDRO_MAX_ATTEMPTS", "1")
    kill_both(slow, 1)

    Script(WAITING).end()

    assert "died (once)" in str(the_job().error)


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not show who left what")
def test_an_app_is_ended_although_its_compute_client_died_before_it_noted_it(
    slow: Slow, whole_store: Path
) -> None:
    left = start_and_kill(slow, 1)
    (whole_store / "jobs" / f"{the_job().jobId}.1" / "process.json").unlink()

    slow.let_end()
    Script(WAITING).end()

    assert not is_alive(left)
    assert the_job().status == "completed"


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not show who left what")
def test_what_an_app_left_running_is_ended_although_the_app_itself_has_ended(
    whole_store: Path, make_app: AppMaker, tmp_path: Path
) -> None:
    slow = Slow(tmp_path)
    start = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True)\n    print"
    folder = make_app("slow", slow.body.replace("print", start))
    default_hub().add_app(str(folder), "lab")
    left = start_and_kill(slow, 1)
    slow.let_end()
    wait_until(lambda: not is_alive(left), "the app to end by itself")
    child = int(the_job().console().split()[0])
    assert is_alive(child)

    Script(WAITING).end()

    assert the_job().status == "completed"
    assert not is_alive(child)


def test_another_process_of_the_same_number_is_left_alone(slow: Slow, whole_store: Path) -> None:
    left = start_and_kill(slow, 1)
    bystander = Script("import time; time.sleep(60)")
    facts = whole_store / "jobs" / f"{the_job().jobId}.1" / "process.json"
    facts.write_text(facts.read_text().replace(str(left), str(bystander.process.pid)))

    slow.let_end()
    Script(WAITING).end()

    assert the_job().status == "completed"
    assert is_alive(bystander.process.pid)
    bystander.kill()


def test_a_job_that_still_runs_when_its_script_ends_is_pending_again(slow: Slow) -> None:
    script = Script("""
from tests.faults.scripts import wait_until
left = submit(define("work", app="slow"), service="lab")
hello().wait_until_done()
wait_until(lambda: left.refresh().status == "running", "the other job to run")
""")

    _, complaints = script.end()

    assert (script.process.returncode, complaints) == (0, "")
    assert the_job().status == "pending"
    assert not any(map(is_alive, slow.pids()))
    assert the_job().why().startswith("Pending: No compute client is running")


def test_a_job_that_was_given_back_runs_as_if_for_the_first_time(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):  # more often than its compute client could die
        script = Script(WAITING)
        slow.wait_for_run(number)
        wait_until(lambda: the_job().status == "running", "the job to run")
        script.interrupt()
        script.end()
        assert the_job().status == "pending"

    slow.let_end()

    assert run(the_job()).status == "completed"


def test_ctrl_c_ends_a_script_that_waits_and_gives_its_job_back(slow: Slow) -> None:
    script = Script(WAITING)
    pid = slow.wait_for_run(1)

    script.interrupt()
    _, complaints = script.end()

    assert script.process.returncode == -signal.SIGINT
    assert complaints.rstrip().endswith("KeyboardInterrupt")
    assert "Exception ignored" not in complaints
    assert not is_alive(pid)
    assert the_job().status == "pending"


def test_a_wait_that_is_over_leaves_the_job_running_until_the_script_ends(slow: Slow) -> None:
    script = Script("""
from tests.faults.scripts import wait_until
job = submit(define("work", app="slow"), service="lab")
wait_until(lambda: job.wait_until_done(wait_sec=0.1).status == "running", "the job to run")
""")

    _, complaints = script.end()

    assert (script.process.returncode, complaints) == (0, "")
    assert the_job().status == "pending"
