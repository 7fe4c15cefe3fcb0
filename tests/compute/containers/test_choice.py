"""Which way of running apps is chosen, and by what."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from dendro_local.cli import main
from dendro_local.compute.containers import configured_runtime
from dendro_local.config import RUNTIME_NAMES
from dendro_local.errors import InvalidRequest


def test_apps_run_as_processes_unless_something_else_is_chosen(store_folder: Path) -> None:
    assert configured_runtime(is_eager=True).name == "process"


@pytest.mark.parametrize("name", RUNTIME_NAMES)
def test_the_variable_of_the_original_chooses(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("CONTAINER_METHOD", name)

    assert configured_runtime(is_eager=True).name == name


def test_the_option_comes_before_the_variable_and_the_variable_before_the_file(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_folder.mkdir()
    (store_folder / "config.toml").write_text('container = "apptainer"\n')
    chosen = [configured_runtime(is_eager=True).name]
    monkeypatch.setenv("CONTAINER_METHOD", "podman")
    chosen.append(configured_runtime(is_eager=True).name)
    chosen.append(configured_runtime("docker", is_eager=True).name)

    assert chosen == ["apptainer", "podman", "docker"]


def test_a_way_that_there_is_not_is_refused(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTAINER_METHOD", "kubernetes")

    with pytest.raises(InvalidRequest, match="'kubernetes'.*CONTAINER_METHOD.*process, docker"):
        configured_runtime(is_eager=True)
    assert CliRunner().invoke(main, ["work", "--exit-when-idle"]).exit_code == 2


def test_work_says_in_what_it_runs_apps_and_why_it_cannot(
    store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    ended = CliRunner().invoke(main, ["work", "--container", "podman", "--exit-when-idle"])

    assert ended.exit_code == 0
    assert "in containers (podman)" in ended.stderr
    assert "no job can be started: podman is not installed" in ended.stderr
