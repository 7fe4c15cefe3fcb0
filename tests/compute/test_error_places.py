"""The errors of jobs, as others read them."""

from pathlib import Path

import pytest

from dendro_local.compute.error_places import without_places
from dendro_local.errors import JobFailed
from tests.cli.conftest import Run, RunJson, lab_app, run, run_json  # noqa: F401 - fixtures


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "grace"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


def test_files_of_the_app_are_named_from_its_folder_on(home: Path) -> None:
    app = home / "work" / "my_app"

    text = without_places(f'  File "{app}/main.py", line 7, in sort', [app])

    assert text == '  File "my_app/main.py", line 7, in sort'


def test_an_app_whose_folder_is_a_link_is_named_so_too(home: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    app = home / "my_app"
    app.symlink_to(tmp_path / "real")

    assert without_places(f"{tmp_path}/real/main.py", [app]) == "my_app/main.py"


def test_the_home_folder_is_a_tilde(home: Path) -> None:
    error = f"No such file: '{home}/data.h5', nor {home}"

    assert without_places(error, []) == "No such file: '~/data.h5', nor ~"


def test_a_folder_that_only_begins_like_another_stays(home: Path) -> None:
    error = f"{home}2/data.h5 {home}/my_apps/x /srv{home}/x"

    assert without_places(error, [home / "my_app"]) == f"{home}2/data.h5 ~/my_apps/x /srv{home}/x"


def test_the_root_as_home_folder_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")

    assert without_places("/srv/data.h5", [Path("/")]) == "/srv/data.h5"


@pytest.mark.process
def test_the_error_of_a_job_names_no_folder_of_the_machine_and_its_console_does(
    run: Run,  # noqa: F811
    run_json: RunJson,  # noqa: F811
    lab_app: Path,  # noqa: F811
) -> None:
    run("submit", "lab", "fail", "--wait", code=JobFailed.exit_code)

    [job] = run_json("jobs")
    assert 'File "lab/main.py"' in job["error"]
    assert str(lab_app) not in job["error"]
    assert f'File "{lab_app}/main.py"' in run("logs", job["jobId"]).stdout
