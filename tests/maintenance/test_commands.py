"""`prune`, `pin`, `unpin`, `pins`, `doctor` and `backup`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dendro_local.cli.quantities import age_sec, size_bytes
from dendro_local.client.default_hub import default_hub
from dendro_local.local_hub import doctor
from tests.cli.conftest import Run, RunJson, Submit

ALL = ["prune", "--older-than", "0s"]


def blob(job: str) -> Path:
    return default_hub().output_file(default_hub().job_id(job), "output").resolve()


# prune


def test_pruning_shows_what_would_go_and_needs_yes(
    run: Run, run_json: RunJson, submit: Submit
) -> None:
    job = submit("hello_world_2", "--wait")

    result = run(*ALL, code=2)

    header, line = result.stdout.splitlines()
    assert header.split() == ["ID", "STATUS", "PROCESSOR", "FINISHED", "SIZE", "FREES"]
    assert line.split()[:3] == [job[:8], "completed", "hello_world/hello_world_2"]
    assert line.endswith("13 B  13 B")
    assert "Nothing was removed. Add --yes to remove 1 job, which frees 13 B." in result.stderr
    assert run_json("job", job)["status"] == "completed"


def test_with_yes_it_goes(run: Run, submit: Submit) -> None:
    job = submit("hello_world_2", "--wait")

    result = run(*ALL, "--yes")

    assert result.stdout.splitlines()[1].startswith(job[:8])
    assert "Removed 1 job, which freed 13 B." in result.stderr
    run("job", job, code=11)
    assert "Nothing to prune." in run(*ALL, "--yes").stderr


def test_pruning_without_a_rule_is_wrong_usage(run: Run, submit: Submit) -> None:
    submit("hello_world_2", "--wait")

    assert "Say what to prune" in run("prune", "--yes", code=2).stderr


def test_what_stays_is_told(run: Run, submit: Submit, lab_app: Path) -> None:
    run("pin", submit("hello_world_2", "--wait"))
    run("submit", "lab", "typed", "-p", "count=1", "--wait")
    run("apps", "remove", "lab", "--yes")

    result = run("prune", "--recomputable")

    assert "Kept, because pinned or needed: 1 job." in result.stderr
    assert "Kept, because not to be run again: 1 job." in result.stderr
    assert "Nothing to prune." in result.stderr


def test_jobs_that_took_an_output_of_what_goes_are_counted(run: Run, submit: Submit) -> None:
    parent = submit("hello_world_2", "--wait", "--tag", "old")
    submit("count_characters", "-i", f"input=dendro:{parent}/output", "--wait")

    assert "stay with their own: 1 job." in run("prune", "--tag", "old", code=2).stderr


def test_outputs_are_dropped_and_made_again(run: Run, submit: Submit) -> None:
    job = submit("hello_world_2", "--wait")

    result = run("prune", "--recomputable", "--yes")

    assert "Removed the outputs of 1 job, which freed 13 B." in result.stderr
    assert "no longer in the store" in run("output", job, code=14).stderr
    assert "no longer in the store" in run("job", job).stdout
    again = submit("hello_world_2", "--wait")
    assert run("output", again).stdout == run("output", job).stdout == "Hello, world!"


def test_json_says_whether_it_was_done(run_json: RunJson, submit: Submit) -> None:
    job = submit("hello_world_2", "--wait")

    plan, done = run_json(*ALL, code=2), run_json(*ALL, "--yes")

    assert plan == {**done, "is_done": False}
    assert (done["is_done"], done["freed_bytes"]) == (True, 13)
    assert [each["job_id"] for each in done["jobs"]] == [job]
    assert run_json(*ALL)["jobs"] == []


@pytest.mark.parametrize("text", ["", "30", "30x", "-1d", "d", "1 month", "1m"])
def test_what_is_no_age_is_wrong_usage(run: Run, text: str) -> None:
    assert "is no age" in run("prune", "--older-than", text, code=2).stderr


@pytest.mark.parametrize("text", ["", "x", "1XB", "-1GB", "1e9"])
def test_what_is_no_size_is_wrong_usage(run: Run, text: str) -> None:
    assert "is no size" in run("prune", "--to-size", text, code=2).stderr


def test_ages_and_sizes_have_units() -> None:
    ages = [age_sec(text) for text in ("90s", "1.5min", "2h", "30d", "1w")]
    sizes = [size_bytes(text) for text in ("12", "1kB", "1.5 MB", "50GB", "2TB", "1GiB")]

    assert ages == [90, 90, 7200, 2_592_000, 604_800]
    assert sizes == [12, 1000, 1_500_000, 50_000_000_000, 2_000_000_000_000, 2**30]


# pin, unpin, pins


def test_pinned_jobs_are_listed(run: Run, run_json: RunJson, submit: Submit) -> None:
    job = submit("hello_world_1")

    assert "`dendro-local pin ID` pins one" in run("pins").stderr
    assert run("pin", job[:8]).stdout == f"Pinned job {job}.\n"
    assert run("pins").stdout.splitlines()[1].startswith(job[:8])
    assert [each["jobId"] for each in run_json("pins")] == [job]
    assert run("unpin", job).stdout == f"Unpinned job {job}.\n"
    assert run("unpin", job).stderr == f"Job {job} was not pinned.\n"
    assert run_json("pins") == []


# doctor


def test_a_store_that_is_whole_has_nothing_wrong(run: Run, submit: Submit) -> None:
    submit("hello_world_2", "--wait")

    result = run("doctor")

    assert "ERROR" not in result.stdout
    assert "1 job and 1 file (13 B)" in result.stderr


def test_an_error_ends_with_the_code_of_a_damaged_store_until_it_is_repaired(
    run: Run, run_json: RunJson, submit: Submit
) -> None:
    job = submit("hello_world_2", "--wait")
    blob(job).unlink()

    result = run("doctor", code=42)
    assert f"ERROR: The output 'output' of job {job} is not in the store" in result.stdout
    assert "  With --repair, the record stays without it" in result.stdout
    assert "--repair puts right what it says" in result.stderr
    [finding, *_] = run_json("doctor", "--quick", code=42)["findings"]
    assert (finding["check"], finding["subject"]) == ("output_missing", job)

    assert "  Repaired: the record stays without it" in run("doctor", "--repair").stdout
    assert "ERROR" not in run("doctor").stdout


def test_a_warning_is_no_failure(run: Run, submit: Submit) -> None:
    blob(submit("hello_world_2", "--wait")).chmod(0o644)

    result = run("doctor")

    assert "WARNING: Blob" in result.stdout
    assert "No errors among 1 job and 1 file" in result.stderr


@pytest.mark.process
def test_a_repair_ends_the_processes_of_a_folder_that_was_left(
    run: Run, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("info")
    folder = store_folder / "jobs" / ("0" * 20 + ".1")
    (folder / "locked").mkdir(parents=True)
    (folder / "locked" / "file").touch()
    (folder / "locked").chmod(0o500)
    monkeypatch.setattr(doctor, "YOUNG_SEC", 0.0)
    variables = {**os.environ, "DENDRO_JOB_FOLDER": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=variables
    ) as left:
        try:
            result = run("doctor", "--repair")
            assert left.wait(60) < 0
        finally:
            left.kill()

    assert f"{folder} is of no job that runs" in result.stdout
    assert not folder.exists()


# backup


def test_a_backup_says_where_it_is_and_that_links_are_no_second_disk(
    run: Run, submit: Submit, tmp_path: Path
) -> None:
    job = submit("hello_world_2", "--wait")
    copy = tmp_path / "copy"

    result = run("backup", copy)

    assert result.stdout == f"{copy}\n"
    assert "Copied 1 job and 1 file (13 B)." in result.stderr
    assert "copy the folder to another one" in result.stderr
    assert run("--store", copy, "output", job).stdout == "Hello, world!"
    run("--store", copy, "doctor")
    assert "there already" in run("backup", copy, code=3).stderr


def test_a_backup_as_json(run_json: RunJson, submit: Submit, tmp_path: Path) -> None:
    blob(submit("hello_world_2", "--wait")).unlink()

    made = run_json("backup", tmp_path / "copy")

    assert (made["folder"], made["jobs"], made["blobs"]) == (str(tmp_path / "copy"), 1, 0)
    assert len(made["missing_blobs"]) == 1
