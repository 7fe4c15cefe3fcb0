"""`cancel` and `delete`."""

from pathlib import Path

import pytest

from tests.cli.conftest import LIMIT_SEC, Run, RunJson, Start, Submit, WaitFor


def test_canceled_jobs_are_failed(run: Run, run_json: RunJson, submit: Submit) -> None:
    jobs = [submit("hello_world_1"), submit("hello_world_2")]

    result = run("cancel", *(job[:8] for job in jobs))

    assert result.stdout == "".join(f"Canceled job {job}.\n" for job in jobs)
    assert [job["canceled"] for job in run_json("jobs", "--status", "failed")] == [True, True]


def test_a_finished_job_cannot_be_canceled(run: Run, submit: Submit) -> None:
    run("cancel", submit("hello_world_1", "--wait"), code=21)


def test_one_id_that_is_not_there_leaves_all_as_they_are(
    run: Run, run_json: RunJson, submit: Submit
) -> None:
    job = submit("hello_world_1")

    run("cancel", job, "no-job", code=11)

    assert run_json("job", job)["status"] == "pending"


@pytest.mark.process
def test_a_canceled_job_is_stopped(
    start: Start, run: Run, wait_for: WaitFor, lab_app: Path
) -> None:
    job = run("submit", "lab", "wait_for_file", "-p", "path=/no/such/file").stdout.strip()
    working = start("work", "--exit-when-idle")
    wait_for(job, "running")

    run("cancel", job)

    assert working.wait(LIMIT_SEC) == 0


def test_deleting_needs_yes(run: Run, run_json: RunJson, submit: Submit) -> None:
    job = submit("hello_world_2", "--wait")

    result = run("delete", job[:8], code=2)

    assert job[:8] in result.stdout
    assert "Nothing was deleted: 1 job with 13 B of outputs. Add --yes to delete." in result.stderr
    assert run_json("job", job)["status"] == "completed"


def test_deleted_jobs_are_gone(run: Run, submit: Submit) -> None:
    job = submit("hello_world_2", "--wait")

    result = run("delete", job, job[:8], "--yes")

    assert "Deleted 1 job with 13 B of outputs." in result.stderr
    run("job", job, code=11)


def test_deleting_names_what_would_fail(run: Run, run_json: RunJson, submit: Submit) -> None:
    first = submit("hello_world_2")
    second = submit("count_characters", "-i", f"input=dendro:{first}/output")

    assert f"{second} would fail" in run("delete", first, code=2).stderr
    assert "would fail" not in run("delete", first, second, code=2).stderr
    run("delete", first, "--yes")
    assert run_json("job", second)["status"] == "failed"
