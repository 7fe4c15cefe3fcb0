"""`work`: a compute client as a process of its own."""

import re
import signal
from pathlib import Path

import pytest

from tests.cli.conftest import LIMIT_SEC, Run, RunJson, Start, Submit, WaitFor
from tests.conftest import AppMaker
from tests.faults.scripts import Slow

pytestmark = pytest.mark.process


def test_work_runs_what_is_pending_and_ends_when_idle(
    start: Start, run_json: RunJson, submit: Submit
) -> None:
    first = submit("hello_world_2")
    submit("count_characters", "-i", f"input=dendro:{first}/output")

    working = start("work", "--exit-when-idle")

    assert working.wait(LIMIT_SEC) == 0
    assert {job["status"] for job in run_json("jobs")} == {"completed"}


def test_work_logs_a_line_for_each_start_and_end(start: Start, submit: Submit) -> None:
    job = submit("hello_world_1")

    output, log = start("work", "--exit-when-idle").communicate(timeout=LIMIT_SEC)

    assert output == ""
    assert re.search(rf"^\d{{4}}-\d\d-\d\d \S+ started job {job} ", log, re.MULTILINE)
    assert re.search(rf"^\d{{4}}-\d\d-\d\d \S+ ended job {job}", log, re.MULTILINE)


def test_work_names_a_job_that_cannot_start(start: Start, submit: Submit) -> None:
    job = submit("hello_world_1", "--cpus", "2")

    log = start("work", "--exit-when-idle", "--cpus", "1").communicate(timeout=LIMIT_SEC)[1]

    assert f"`dendro-local why {job}` says why" in log


def test_work_that_is_stopped_by_ctrl_c_puts_its_jobs_back(
    start: Start, run: Run, wait_for: WaitFor, lab_app: Path
) -> None:
    job = run("submit", "lab", "wait_for_file", "-p", "path=/no/such/file").stdout.strip()
    working = start("work")
    wait_for(job, "running")

    working.send_signal(signal.SIGINT)

    assert working.wait(LIMIT_SEC) == 0
    wait_for(job, "pending")


def test_work_that_is_restarted_goes_on_with_its_jobs(
    start: Start, run: Run, wait_for: WaitFor, lab_app: Path, tmp_path: Path
) -> None:
    file = tmp_path / "go on"
    job = run("submit", "lab", "wait_for_file", "-p", f"path={file}").stdout.strip()
    working = start("work")
    wait_for(job, "running")

    working.send_signal(signal.SIGTERM)
    assert working.wait(LIMIT_SEC) == 0
    file.touch()
    start("work")

    wait_for(job, "completed")


def test_work_that_is_restarted_does_not_run_its_jobs_again(
    start: Start, run: Run, wait_for: WaitFor, make_app: AppMaker, tmp_path: Path
) -> None:
    slow = Slow(tmp_path)
    run("apps", "add", make_app("lab", slow.body))
    job = run("submit", "lab", "work").stdout.strip()
    working = start("work")
    slow.wait_for_run(1)
    wait_for(job, "running")

    working.send_signal(signal.SIGTERM)
    assert working.wait(LIMIT_SEC) == 0
    slow.let_end()
    start("work")

    wait_for(job, "completed")
    assert len(slow.pids()) == 1


def test_work_is_shown_as_alive(
    start: Start, run_json: RunJson, run: Run, wait_for: WaitFor
) -> None:
    start("work", "--cpus", "1", "--gpus", "3", "--memory", "0.5")
    job = run_json("submit", "hello_world", "hello_world_1", "--memory", "0.5")["jobId"]
    wait_for(job, "completed")

    [client] = run_json("info")["store"]["compute_clients"]

    assert client["serves_all"] is True
    assert client["slots"][0]["numGpus"] == 3
    assert "1 slot of 1 CPU, 3 GPUs, 0.5 GB" in run("info").stdout
