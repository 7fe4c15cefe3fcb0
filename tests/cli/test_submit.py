"""`submit` and `rerun`."""

import signal
from pathlib import Path

import pytest

from dendro_local.local_hub import LocalHub
from tests.cli.conftest import LIMIT_SEC, Run, RunJson, Start, Submit, WaitFor
from tests.hub.conftest import Worker


def test_a_chain_of_jobs_gives_its_last_output(run: Run, submit: Submit) -> None:
    greeting = submit("hello_world_2", "-p", "name=Ada", "--wait")
    count = submit("count_characters", "-i", f"input=dendro:{greeting[:6]}/output", "--wait")

    assert run("output", count, "output").stdout == '{"num_characters": 11}'


def test_the_answer_is_the_id_alone_and_the_rest_goes_to_stderr(run: Run) -> None:
    result = run("submit", "hello_world", "hello_world_1", "--wait")

    assert result.stdout.strip().isalnum()
    assert result.stderr.splitlines()[-1] == f"Job {result.stdout.strip()}: completed"


def test_a_job_that_is_there_is_found_again(run: Run, submit: Submit) -> None:
    first = submit("hello_world_1", "--wait")

    again = run("submit", "hello_world", "hello_world_1", "--tag", "again")

    assert again.stdout.strip() == first
    assert "completed; no new one was made" in again.stderr


def test_skip_cache_makes_a_new_job(submit: Submit) -> None:
    assert submit("hello_world_1") != submit("hello_world_1", "--skip-cache")


def test_a_job_that_nobody_runs_says_what_runs_it(run: Run) -> None:
    result = run("submit", "hello_world", "hello_world_1")

    assert "`dendro-local work` starts one" in result.stderr


def test_who_waits_is_told_once_that_the_environment_of_the_app_is_prepared(
    hub: LocalHub, submit: Submit, start: Start, tmp_path: Path
) -> None:
    worker = Worker(hub, tmp_path / "worker")
    submit("hello_world_2")
    claim = worker.claim()
    claim.folder.mkdir(parents=True)
    (claim.folder / "preparation.txt").write_text("installing numpy")
    process = start("submit", "hello_world", "hello_world_2", "--wait")
    assert process.stderr is not None
    starting = f"Job {claim.job.jobId}: starting\n"
    assert starting in iter(process.stderr.readline, "")

    told = [process.stderr.readline()]
    worker.complete(claim)
    told += process.communicate(timeout=LIMIT_SEC)[1].splitlines(keepends=True)

    assert told[0].startswith("The environment of app 'hello_world' is prepared first")
    assert sum("environment" in line for line in told) == 1
    assert told[-1] == f"Job {claim.job.jobId}: completed\n"


def test_a_job_that_fails_ends_the_wait_with_its_error(run: Run, lab_app: Path) -> None:
    result = run("submit", "lab", "fail", "--wait", code=30)

    assert "failed: ValueError: no spikes" in result.stderr


def test_the_record_of_a_job_that_failed_is_printed_too(run_json: RunJson, lab_app: Path) -> None:
    record = run_json("submit", "lab", "fail", "--wait", code=30)

    assert record["status"] == "failed"


def test_a_failed_job_runs_again_only_when_told_to(run: Run, lab_app: Path) -> None:
    first = run("submit", "lab", "fail", "--wait", code=30).stdout
    found = run("submit", "lab", "fail")
    again = run("submit", "lab", "fail", "--rerun-failing", "--delete-failing").stdout

    assert found.stdout == first != again
    assert "--rerun-failing runs it again" in found.stderr
    run("job", first.strip(), code=11)


def test_an_output_is_named_like_itself_unless_named_otherwise(
    run_json: RunJson, submit: Submit
) -> None:
    names = [
        run_json("job", submit("hello_world_2", *options))["outputFileResults"][0]["fileBaseName"]
        for options in ((), ("-o", "output"), ("-o", "output=greeting.txt"))
    ]

    assert names == ["output", "output", "greeting.txt"]


def test_a_list_input_takes_any_number_of_files(run: Run, lab_app: Path, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    files = ["-i", f"parts={tmp_path / 'a'}", "-i", f"parts={tmp_path / 'b'}"]
    job = run("submit", "lab", "join", *files, "-p", "separator=+", "--wait").stdout.strip()

    assert run("output", job).stdout == "a+b"
    assert (
        run("submit", "lab", "join", *_numbered(files), "-p", "separator=+").stdout.strip() == job
    )


def _numbered(files: list[str]) -> list[str]:
    return [
        "-i",
        files[1].replace("parts", "parts[0]"),
        "-i",
        files[3].replace("parts", "parts[1]"),
    ]


def test_a_local_file_is_recorded_by_its_content(run: Run, submit: Submit, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    first = submit("count_characters", "-i", f"input={tmp_path / 'a.txt'}", "--wait")
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")

    assert submit("count_characters", "-i", f"input={tmp_path / 'b.txt'}") == first


@pytest.mark.parametrize("form", ["dendro:{}/output", "{}"])
def test_an_output_can_be_named_by_job_or_by_its_stable_url(
    run_json: RunJson, submit: Submit, form: str
) -> None:
    greeting = submit("hello_world_2")
    stable = run_json("job", greeting)["outputFileResults"][0]["url"]
    place = form.format(greeting if "dendro" in form else stable)
    job = run_json("job", submit("count_characters", "-i", f"input={place}"))

    assert job["inputFileUrlList"] == [stable]
    assert job["jobDependencies"] == [greeting]


def test_a_url_stays_as_it_is(run_json: RunJson, submit: Submit) -> None:
    job = submit("count_characters", "-i", "input=https://example.org/text.txt?x=1")

    file = run_json("job", job)["jobDefinition"]["inputFiles"][0]
    assert file["url"] == "https://example.org/text.txt?x=1"
    assert file["fileBaseName"] == "text.txt"


def test_parameters_have_the_types_of_the_spec(run: Run, lab_app: Path) -> None:
    values = ["count=3", "rate=2", "channels=1,2", "label=null", "mode=slow"]
    options = [each for value in values for each in ("-p", value)]
    job = run("submit", "lab", "typed", *options, "--wait").stdout.strip()

    assert run("output", job).stdout == "(3, 2.0, [1, 2], None, 'slow')"


def test_the_spec_is_that_of_the_app_as_it_is_now(run: Run, lab_app: Path) -> None:
    main_file = lab_app / "main.py"
    main_file.write_text(main_file.read_text().replace("count: int", "count: str"))

    job = run("submit", "lab", "typed", "-p", "count=3", "--wait").stdout.strip()

    assert run("output", job).stdout.startswith("('3',")


def test_resources_tags_and_targets_are_in_the_record(run_json: RunJson) -> None:
    options = ["--cpus", "2", "--memory", "0.5", "--time", "60", "--tag", "a", "--tag", "b"]
    job = run_json("submit", "hello_world", "hello_world_1", *options, "--target", "abc")

    assert job["requiredResources"] == {"numCpus": 2, "numGpus": 0, "memoryGb": 0.5, "timeSec": 60}
    assert (job["tags"], job["targetComputeClientIds"]) == (["a", "b"], ["abc"])


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["typed", "-p", "count"], 2, "'count' is not of the form NAME=VALUE"),
        (["typed", "-p", "=3"], 2, "'=3' is not of the form NAME=VALUE"),
        (["typed", "-p", "count=x"], 2, "parameter 'count' takes a whole number, not 'x'"),
        (["typed", "-p", "count=1", "-p", "count=2"], 2, "parameter 'count' is given twice"),
        (["typed", "-p", "count=1", "-p", "mode=odd"], 5, "is one of 'fast', 'slow'"),
        (["typed", "-p", "count=1", "-p", "cuont=2"], 5, "Did you mean 'count'?"),
        (["typed"], 5, "needs parameter 'count' (int)"),
        (["typed", "-o", "output=a", "-o", "output=b"], 2, "output 'output' is given twice"),
        (["typed", "-p", "count=1", "-o", "nope"], 5, "has no output 'nope'"),
        (["join", "-i", "parts=dendro:abc"], 2, "an output of a job is dendro:JOBID/OUTPUT"),
        (["join", "-i", "parts="], 2, "the path is empty"),
        (["join", "-i", "parts=/no/such/file"], 23, "There is no file /no/such/file"),
        (["join", "-i", "parts=dendro:abc/output"], 11, "No job id begins with 'abc'"),
        (["wait_for_file", "-i", "a=x", "-i", "a=y"], 2, "input 'a' is given twice"),
        (["nope"], 5, "has no processor 'nope'"),
        (["fail", "--delete-failing"], 2, "goes with --rerun-failing"),
        (["fail", "--cpus", "-1"], 2, "-1 is not in the range"),
        (["fail", "--cpus", "1.5"], 2, "'1.5' is not a whole number"),
        (["fail", "--memory", "lots"], 2, "'lots' is not a number"),
        (["fail", "--service", "nope"], 12, "Service not found: nope"),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    run: Run, lab_app: Path, options: list[str], code: int, message: str
) -> None:
    result = run("submit", "lab", *options, code=code)

    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_an_app_that_is_not_there_is_named(run: Run) -> None:
    assert "hello_word" in run("submit", "hello_word", "hello_world_1", code=13).stderr


def test_rerun_makes_a_new_job_of_the_same_definition(
    run: Run, run_json: RunJson, submit: Submit, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("text")
    first = submit("count_characters", "-i", f"input={tmp_path / 'a.txt'}", "--tag", "a", "--wait")

    again = run("rerun", first[:6], "--wait").stdout.strip()

    old, new = run_json("job", first), run_json("job", again)
    assert (new["status"], new["tags"]) == ("completed", ["a"])
    assert new["jobId"] != old["jobId"]
    assert new["jobDefinitionHash"] == old["jobDefinitionHash"]


@pytest.mark.process
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_wait_that_is_stopped_puts_its_job_back(
    start: Start, run: Run, wait_for: WaitFor, lab_app: Path, number: int, code: int
) -> None:
    waiting = start("submit", "lab", "wait_for_file", "-p", "path=/no/such/file", "--wait")
    assert waiting.stdout is not None
    job = waiting.stdout.readline().strip()
    wait_for(job, "running")

    waiting.send_signal(number)

    assert waiting.wait(LIMIT_SEC) == code
    assert waiting.stderr is not None
    assert f"Stopped waiting for job {job}" in waiting.stderr.read()
    wait_for(job, "pending")
