"""`jobs`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run, RunJson, Submit


def test_an_empty_store_says_where_it_is_and_what_to_do_next(run: Run, store_folder: Path) -> None:
    result = run("jobs")

    assert result.stdout == ""
    assert f"No jobs yet in {store_folder}. " in result.stderr
    assert "`dendro-local submit hello_world hello_world_1` makes one" in result.stderr


def test_a_job_is_one_line(run: Run, submit: Submit) -> None:
    job = submit("hello_world_1", "--tag", "first", "--wait")

    header, line = run("jobs").stdout.splitlines()

    assert header.split() == ["ID", "STATUS", "PROCESSOR", "CREATED", "TOOK", "TAGS"]
    assert line.split()[:3] == [job[:8], "completed", "hello_world/hello_world_1"]
    assert line.endswith("first")


def test_json_is_a_list_of_records_of_the_contract(run_json: RunJson, submit: Submit) -> None:
    job = submit("hello_world_2", "--tag", "a")

    [record] = run_json("jobs")

    assert (record["jobId"], record["status"], record["tags"]) == (job, "pending", ["a"])
    assert record["jobDefinition"]["processorName"] == "hello_world_2"
    assert record["outputFileResults"][0]["size"] is None
    assert record == run_json("job", job)


def test_an_empty_list_is_json_too(run_json: RunJson) -> None:
    assert run_json("jobs") == []


@pytest.mark.parametrize(
    "options",
    [
        ["--status", "completed"],
        ["--app", "hello_world", "--processor", "hello_world_2"],
        ["--tag", "a", "--tag", "b"],
        ["--output-url", "dendro:{id}/output"],
        ["--service", "hello_world_service", "--status", "completed"],
    ],
)
def test_options_choose_jobs(run_json: RunJson, submit: Submit, options: list[str]) -> None:
    wanted = submit("hello_world_2", "--tag", "a", "--tag", "b", "--wait")
    submit("hello_world_1", "--tag", "a")

    found = run_json("jobs", *[option.format(id=wanted) for option in options])

    assert [job["jobId"] for job in found] == [wanted]


def test_jobs_are_found_by_the_file_that_they_took(
    run_json: RunJson, submit: Submit, tmp_path: Path
) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    submit("count_characters", "-i", f"input={tmp_path / 'a'}")
    wanted = submit("count_characters", "-i", f"input={tmp_path / 'b'}")

    [found] = run_json("jobs", "--input-url", tmp_path / "b")

    assert found["jobId"] == wanted


def test_none_of_those_asked_for_is_not_none_at_all(run: Run, submit: Submit) -> None:
    submit("hello_world_1")

    assert "No such jobs" in run("jobs", "--user", "nobody").stderr


def test_a_list_that_is_cut_says_so(run: Run, submit: Submit) -> None:
    submit("hello_world_1")
    latest = submit("hello_world_2")

    result = run("jobs", "--limit", "1")

    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == [latest[:8]]
    assert "--limit shows more" in result.stderr
