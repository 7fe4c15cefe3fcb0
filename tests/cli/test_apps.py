"""`apps` and `services`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dendro_local.app_source import BUNDLED_APPS
from tests.cli.conftest import Run, RunJson, Submit

ROOT = Path(__file__).parents[2]


def test_an_app_is_registered_from_its_folder(
    run: Run, run_json: RunJson, make_app: Callable[..., Path]
) -> None:
    folder = make_app("mine", "@app.processor\ndef nothing() -> None: pass", version="2.0")

    result = run("apps", "add", folder, "--service", "lab")

    assert result.stdout == "Registered app mine on service lab: nothing.\n"
    [app] = run_json("apps", "list", "--service", "lab")
    assert (app["record"]["appName"], app["version"]) == ("mine", "2.0")
    assert app["source"] == f"folder:{folder}"


def test_a_spec_alone_is_registered_with_a_warning(run: Run) -> None:
    spec = ROOT / "apps" / "hello_world" / "spec.json"

    assert "its jobs cannot run here" in run("apps", "add", spec, "--service", "lab").stderr


def test_what_is_no_app_is_refused(run: Run, tmp_path: Path) -> None:
    assert "no main.py" in run("apps", "add", tmp_path, code=6).stderr


def test_apps_are_listed_by_service(run: Run, lab_app: Path) -> None:
    lines = run("apps", "list").stdout.splitlines()

    assert [line.split()[0] for line in lines] == ["APP", *sorted(BUNDLED_APPS), "lab"]


def test_a_service_without_apps_says_what_to_do(run: Run) -> None:
    assert "`dendro-local apps add FOLDER`" in run("apps", "list", "--service", "x").stderr


def test_an_app_shows_what_its_processors_take(run: Run, lab_app: Path) -> None:
    shown = run("apps", "show", "lab").stdout

    assert "(any number of files)" in shown
    assert '[str; one of "fast", "slow"; default "fast"]' in shown
    assert "dendro-local submit lab typed -o output=... -p count=... --wait" in shown


def test_the_service_of_a_command_is_that_of_the_settings(
    run: Run, lab_app: Path, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store_folder / "config.toml").write_text('service = "second"')
    assert "on service second" in run("apps", "add", lab_app).stdout
    monkeypatch.setenv("DENDRO_SERVICE_NAME", "third")
    assert "on service third" in run("apps", "add", lab_app).stdout
    assert "on service fourth" in run("apps", "add", lab_app, "--service", "fourth").stdout
    assert "--service second" in run("apps", "show", "lab", "--service", "second").stdout


def test_removing_an_app_needs_yes(run: Run, lab_app: Path) -> None:
    assert f"folder:{lab_app}" in run("apps", "remove", "lab", code=2).stderr
    run("apps", "remove", "lab", "--yes")
    run("apps", "show", "lab", code=13)
    run("apps", "remove", "lab", code=13)


def test_the_spec_of_an_app_is_what_its_main_file_gives(run: Run, tmp_path: Path) -> None:
    folder = ROOT / "apps" / "hello_world"

    run("apps", "spec", folder, "-o", tmp_path / "spec.json")

    expected = (folder / "spec.json").read_text()
    assert run("apps", "spec", folder).stdout == expected
    assert (tmp_path / "spec.json").read_text() == expected


def test_an_app_that_gives_no_spec_is_refused(run: Run, make_app: Callable[..., Path]) -> None:
    folder = make_app("broken", "raise RuntimeError('not yet')")

    assert "not yet" in run("apps", "spec", folder, code=6).stderr


def test_a_trial_shows_what_was_printed_and_records_nothing(
    run: Run, run_json: RunJson, lab_app: Path, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    out = tmp_path / "out"
    options = ["-p", f"path={tmp_path / 'go'}", "-o", "result=r.txt", "--output-folder", str(out)]

    result = run("apps", "test", lab_app, "wait_for_file", *options)

    assert result.stdout.splitlines()[:2] == ["waiting", "it is there"]
    assert (out / "r.txt").read_text() == "done"
    assert run_json("jobs") == []


def test_a_trial_gives_its_outcome_as_json(
    run_json: RunJson, lab_app: Path, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a")
    files = ["-i", f"parts={tmp_path / 'a'}", "-i", f"parts={tmp_path / 'a'}"]

    trial = run_json("apps", "test", lab_app, "join", *files, "--output-folder", tmp_path / "out")

    assert (trial["error"], trial["console"]) == (None, "")
    assert Path(trial["outputs"]["output"]).read_text() == "a-a"


def test_an_output_that_is_named_is_in_the_current_folder_after_a_trial(
    run: Run, lab_app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = run("apps", "test", lab_app, "typed", "-p", "count=1", "-o", "output=values.txt")

    assert (tmp_path / "values.txt").read_text().startswith("(1, 1.5")
    assert f"output  {tmp_path / 'values.txt'} (" in result.stdout


def test_a_trial_leaves_nothing_that_was_not_named(
    run: Run, run_json: RunJson, lab_app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())

    trial = run_json("apps", "test", lab_app, "typed", "-p", "count=1")
    result = run("apps", "test", lab_app, "typed", "-p", "count=1")
    run_json("apps", "test", lab_app, "fail", code=30)

    assert trial["outputs"] == {"output": None}
    assert "not kept; `-o output=FILENAME` keeps it" in result.stdout
    assert set(tmp_path.iterdir()) == before


def test_a_trial_that_fails_has_the_exit_code_of_a_failed_job(run: Run, lab_app: Path) -> None:
    result = run("apps", "test", lab_app, "fail", code=30)

    assert result.stdout.startswith("about to fail\nTraceback")
    assert result.stderr == "Error: The app failed: ValueError: no spikes\n"


def test_a_trial_takes_outputs_of_jobs(
    run: Run, submit: Submit, lab_app: Path, tmp_path: Path
) -> None:
    job = submit("hello_world_2", "--wait")
    url = json.loads(run("job", job, "--json").stdout)["outputFileResults"][0]["url"]
    files = ["-i", f"parts=dendro:{job}/output", "-i", f"parts={url}"]

    run("apps", "test", lab_app, "join", *files, "--output-folder", tmp_path / "out")

    assert (tmp_path / "out" / "output").read_text() == "Hello, world!-Hello, world!"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["typed", "-p", "count=x"], 2, "takes a whole number, not 'x'"),
        (["typed"], 5, "needs parameter 'count'"),
        (["nope"], 5, "has no processor 'nope'"),
        (["join", "-i", "parts=/no/such"], 2, "there is no file /no/such"),
        (["join", "-i", "parts=s3://bucket/key"], 2, "is no file and no http(s) URL"),
    ],
)
def test_a_trial_that_cannot_begin_says_why(
    run: Run, lab_app: Path, options: list[str], code: int, message: str
) -> None:
    assert message in run("apps", "test", lab_app, *options, code=code).stderr


def test_a_folder_that_is_not_there_is_no_app(run: Run, tmp_path: Path) -> None:
    refused = run("apps", "add", tmp_path / "no", code=6).stderr

    assert f"There is no folder {tmp_path / 'no'}" in refused
    assert "apps add" not in refused


def test_an_app_whose_folder_has_moved_is_to_be_registered_again(run: Run, lab_app: Path) -> None:
    lab_app.rename(lab_app.with_name("moved"))

    refused = run("submit", "lab", "fail", code=6).stderr

    assert f"There is no folder {lab_app}" in refused
    assert "`dendro-local apps add FOLDER`" in refused


def test_a_service_that_an_app_makes_is_told(run: Run, lab_app: Path) -> None:
    first = run("apps", "add", lab_app, "--service", "other")
    second = run("apps", "add", lab_app, "--service", "other")

    assert (first.stderr, second.stderr) == ("Made the service other.\n", "")


def test_services_are_listed_with_their_apps(run: Run, run_json: RunJson, lab_app: Path) -> None:
    run("apps", "add", lab_app, "--service", "other")

    assert [each["serviceName"] for each in run_json("services")] == [
        "hello_world_service",
        "other",
    ]
    assert "hello_world, lab" in run("services").stdout
