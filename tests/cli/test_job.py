"""`job`, `why`, `output` and `logs`: one job."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import LIMIT_SEC, Run, RunInTerminal, RunJson, Start, Submit


def test_a_job_shows_its_parts(run: Run, submit: Submit, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("text")
    job = submit("count_characters", "-i", f"input={tmp_path / 'in.txt'}", "--tag", "t", "--wait")

    shown = run("job", job[:7]).stdout

    for part in (job, "completed", "hello_world/count_characters", "input.txt", "dendro:sha256/"):
        assert part in shown


def test_a_job_shows_the_file_that_was_submitted_and_its_record_does_not(
    run: Run, submit: Submit, tmp_path: Path
) -> None:
    files = [tmp_path / f"recording {number}.txt" for number in (1, 2)]
    jobs: list[str] = []
    for file in files:
        file.write_text(file.name)
        jobs.append(submit("count_characters", "-i", f"input={file}"))

    for job, file in zip(jobs, files, strict=True):
        lines = [line.strip() for line in run("job", job).stdout.splitlines()]
        assert lines[lines.index("input  input.txt") + 1] == str(file)
        assert str(tmp_path) not in run("job", job, "--json").stdout


def test_a_completed_job_shows_where_its_outputs_are(run: Run, submit: Submit) -> None:
    job = submit("hello_world_2", "-o", "output=greeting.txt", "--wait")

    [line] = [line for line in run("job", job).stdout.splitlines() if "greeting.txt (" in line]

    assert Path(line.split()[1]).read_text() == "Hello, world!"


def test_a_job_shows_what_it_depends_on(run: Run, submit: Submit) -> None:
    first = submit("hello_world_2")
    second = submit("count_characters", "-i", f"input=dendro:{first}/output")

    assert f"{first}  pending" in run("job", second).stdout
    run("delete", first, "--yes")
    assert f"{first}  deleted" in run("job", second).stdout


def test_why_says_what_a_job_waits_for(run: Run, run_json: RunJson, submit: Submit) -> None:
    first = submit("hello_world_2")
    second = submit("count_characters", "-i", f"input=dendro:{first}/output")

    assert run("why", second).stdout == f"Pending: it waits for {first} (pending).\n"
    assert run_json("why", second)["status"] == "pending"


@pytest.mark.parametrize("command", ["job", "why", "logs", "output", "cancel", "delete", "rerun"])
def test_an_id_that_is_not_there_is_an_error_of_its_own(run: Run, command: str) -> None:
    result = run(command, "abc", code=11)

    assert result.stderr.startswith("Error: No job id begins with 'abc' in store ")


def test_the_output_of_a_job_goes_to_stdout_as_it_is(run: Run, submit: Submit) -> None:
    job = submit("hello_world_2", "-p", "name=Zoë", "--wait")

    assert run("output", job, "output").stdout_bytes == "Hello, Zoë!".encode()


def test_an_output_is_copied_to_a_file_or_into_a_folder(
    run: Run, submit: Submit, tmp_path: Path
) -> None:
    job = submit("hello_world_2", "-o", "output=greeting.txt", "--wait")

    run("output", job, "output", "-o", tmp_path / "copy.txt")
    run("output", job, "output", "-o", tmp_path)

    for name in ("copy.txt", "greeting.txt"):
        assert (tmp_path / name).read_text() == "Hello, world!"
        assert os.access(tmp_path / name, os.W_OK)


def test_a_file_that_exists_is_replaced_only_by_force(
    run: Run, submit: Submit, tmp_path: Path
) -> None:
    target = tmp_path / "copy.txt"
    target.write_text("precious")
    job = submit("hello_world_2", "--wait")

    result = run("output", job, "-o", target, code=2)

    assert "--force replaces it" in result.stderr
    assert target.read_text() == "precious"
    run("output", job, "-o", target, "--force")
    assert target.read_text() == "Hello, world!"


def test_a_copy_that_cannot_be_written_is_an_error(
    run: Run, submit: Submit, tmp_path: Path
) -> None:
    job = submit("hello_world_2", "--wait")

    assert "no/such" in run("output", job, "-o", tmp_path / "no" / "such", code=1).stderr


def test_a_file_that_the_app_added_is_shown_and_printed_too(
    run: Run, make_app: Callable[..., Path]
) -> None:
    body = """
    import pathlib
    from dendro_local.sdk import upload_additional_job_output

    @app.processor
    def draw() -> None:
        pathlib.Path("a.svg").write_text("<svg/>")
        upload_additional_job_output("a.svg", "figures/a.svg")
    """
    run("apps", "add", make_app("artist", body))
    job = run("submit", "artist", "draw", "--wait").stdout.split()[0]

    [line] = [line for line in run("job", job).stdout.splitlines() if "figures/a.svg  " in line]

    assert Path(line.split()[1]).read_text() == "<svg/>"
    assert run("output", job, "figures/a.svg").stdout == "<svg/>"
    assert "It has: figures/a.svg" in run("output", job, "a.svg", code=14).stderr


@pytest.mark.parametrize(
    ("processor", "name", "code"),
    [("hello_world_2", "nope", 14), ("hello_world_2", "output", 21), ("hello_world_1", None, 2)],
)
def test_an_output_that_is_not_there_is_an_error(
    run: Run, submit: Submit, processor: str, name: str | None, code: int
) -> None:
    job = submit(processor)

    run("output", job, *([] if name is None else [name]), code=code)


@pytest.mark.process
def test_text_is_printed_to_a_terminal(submit: Submit, run_in_terminal: RunInTerminal) -> None:
    job = submit("hello_world_2", "-p", "name=Zoë", "--wait")

    assert run_in_terminal("output", job) == (0, "Hello, Zoë!")


@pytest.mark.process
def test_what_is_binary_is_not_printed_to_a_terminal(
    submit: Submit, run: Run, run_in_terminal: RunInTerminal
) -> None:
    job = submit("hello_world_2", "-p", "name=\0", "--wait")

    assert run("output", job).stdout == "Hello, \0!"
    assert run_in_terminal("output", job) == (2, "")


def test_what_a_job_printed_is_printed(run: Run, submit: Submit) -> None:
    job = submit("hello_world_1", "--wait")

    assert run("logs", job).stdout == "Hello, world!\n"
    assert run("logs", job, "-f").stdout == "Hello, world!\n"


def test_a_job_that_has_printed_nothing_says_so(run: Run, submit: Submit) -> None:
    job = submit("hello_world_1")

    result = run("logs", job)

    assert result.stdout == ""
    assert f"Job {job} (pending) has printed nothing." in result.stderr


@pytest.mark.process
def test_logs_follow_a_job_until_it_ends(
    start: Start, run: Run, lab_app: Path, tmp_path: Path
) -> None:
    signal_file = tmp_path / "go"
    job = run("submit", "lab", "wait_for_file", "-p", f"path={signal_file}").stdout.strip()
    following = start("logs", "-f", job)
    start("work", "--exit-when-idle")
    assert following.stdout is not None
    assert following.stdout.readline() == "waiting\n"

    signal_file.touch()

    assert following.communicate(timeout=LIMIT_SEC)[0] == "it is there\n"
    assert following.returncode == 0
