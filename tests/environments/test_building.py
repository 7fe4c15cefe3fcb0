"""Environments are built once, by uv or by pip, and found from then on."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dendro_local.environments import Environments, Requirements, requirements_of
from dendro_local.errors import EnvironmentFailed, InvalidApp, StoreError
from tests.environments.conftest import Gate, MakeMain, Needs

pytestmark = pytest.mark.process

Preparing = Callable[[Requirements], "subprocess.Popen[str]"]


def prepare(environments: Environments, requirements: Requirements) -> Path:
    python = environments.prepare(requirements, lambda line: None, lambda: False)
    assert python is not None
    return python


def printed(python: Path, code: str) -> str:
    ran = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def test_an_environment_has_what_the_app_needs_and_nothing_else(
    environments: Environments, needs: Needs
) -> None:
    python = prepare(environments, needs("rig<2", "probe"))

    assert printed(python, "import rig, probe; print(rig.version)") == "1.0"
    with pytest.raises(subprocess.CalledProcessError):
        printed(python, "import msgspec")
    [info] = environments.all()
    assert (info.state, info.packages) == ("ready", ("probe==1.0", "rig==1.0"))
    assert list((info.folder / "lib").rglob("rig*.pyc"))


def test_what_is_done_is_told_and_kept_in_a_log(environments: Environments, needs: Needs) -> None:
    told: list[str] = []

    environments.prepare(needs("rig"), told.append, lambda: False)

    assert told[0].startswith("Preparing environment ")
    assert any(line.startswith("$ ") and " venv " in line for line in told)
    assert " + rig==2.0" in told
    assert environments.log(needs("rig")).read_text().splitlines() == told


def test_two_apps_with_the_same_needs_share_one(environments: Environments, needs: Needs) -> None:
    told: list[str] = []
    first = prepare(environments, needs("rig", "probe", app="one"))

    second = environments.prepare(needs("Probe", "rig", app="two"), told.append, lambda: False)

    assert second == first
    assert told == []


def test_a_changed_dependency_gives_another(environments: Environments, needs: Needs) -> None:
    first = prepare(environments, needs("rig<2"))

    changed = needs("rig")

    assert environments.ready(changed) is None
    assert prepare(environments, changed) != first
    assert len(environments.all()) == 2


def test_one_that_is_there_is_found_without_network_or_processes(
    environments: Environments, needs: Needs, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = prepare(environments, needs("rig"))

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("nothing is to be started or asked")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(socket, "socket", refuse)

    assert environments.ready(needs("rig")) == python
    assert prepare(environments, needs("rig")) == python


def test_a_failed_build_says_how_it_ended_and_keeps_its_log(
    environments: Environments, needs: Needs
) -> None:
    missing = needs("no-such-package", app="mine")

    with pytest.raises(EnvironmentFailed) as caught:
        prepare(environments, missing)

    log = environments.log(missing)
    assert str(caught.value).startswith(f"The environment that {missing.file} needs could not be")
    assert "no-such-package was not found" in str(caught.value)
    assert str(caught.value).endswith(f"See {log} for the rest.")
    assert "no-such-package" in log.read_text()
    [info] = environments.all()
    assert (info.state, info.log, info.folder.exists()) == ("failed", log, False)
    assert info.error == str(caught.value)


def test_a_machine_without_network_is_told_what_would_help(
    environments: Environments, environ: dict[str, str], needs: Needs
) -> None:
    environ["UV_OFFLINE"] = "1"
    del environ["PIP_NO_INDEX"]

    with pytest.raises(EnvironmentFailed, match=r"index cannot be reached: .* in UV_FIND_LINKS"):
        prepare(environments, needs("no-such-package"))


def test_a_build_that_failed_is_tried_again(
    environments: Environments, needs: Needs, gate: Gate
) -> None:
    gate.open("fail")
    with pytest.raises(EnvironmentFailed, match="the gate says no"):
        prepare(environments, needs("gated"))
    gate.open()

    prepare(environments, needs("gated"))

    assert [info.state for info in environments.all()] == ["ready"]


def test_two_processes_at_once_build_once(
    environments: Environments, needs: Needs, preparing: Preparing, gate: Gate
) -> None:
    first = preparing(needs("gated"))
    gate.wait_for_build()
    second = preparing(needs("gated"))
    assert second.stdout is not None
    assert second.stdout.readline().startswith("Waiting for environment ")

    gate.open()

    python = first.communicate(timeout=60)[0].splitlines()[-1]
    assert second.communicate(timeout=60)[0].splitlines() == [python]
    assert len(gate.builds()) == 1
    assert environments.ready(needs("gated")) == Path(python)


def test_who_waited_for_a_build_that_failed_does_not_try_it_again(
    needs: Needs, preparing: Preparing, gate: Gate
) -> None:
    first = preparing(needs("gated"))
    gate.wait_for_build()
    second = preparing(needs("gated"))
    assert second.stdout is not None
    second.stdout.readline()

    gate.open("fail")

    outputs = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert all("EnvironmentFailed" in output for output in outputs)
    assert len(gate.builds()) == 1


def test_one_whose_build_was_killed_is_built_anew(
    environments: Environments, needs: Needs, preparing: Preparing, gate: Gate
) -> None:
    killed = preparing(needs("gated"))
    gate.wait_for_build()
    killed.kill()
    killed.wait()
    # Its tool goes on by itself, and nobody comes in its way.
    assert environments.ready(needs("gated")) is None
    assert [info.state for info in environments.all()] == ["building"]
    told: list[str] = []
    gate.open()

    python = environments.prepare(needs("gated"), told.append, lambda: False)

    assert any(line.startswith("Preparing environment ") for line in told)
    assert python is not None
    assert printed(python, "import gated; print(gated.version)") == "1.0"


def test_what_a_killed_build_left_is_not_taken_for_an_environment(
    environments: Environments, needs: Needs
) -> None:
    python = prepare(environments, needs("rig"))
    (python.parents[1] / "ready.json").unlink()
    (python.parents[1] / "leftover").touch()

    assert environments.ready(needs("rig")) is None
    assert [info.state for info in environments.all()] == ["unfinished"]
    prepare(environments, needs("rig"))
    assert not (python.parents[1] / "leftover").exists()


def test_one_whose_python_is_gone_is_built_anew(environments: Environments, needs: Needs) -> None:
    python = prepare(environments, needs("rig"))
    python.unlink()
    python.symlink_to("/no/such/python")

    assert environments.ready(needs("rig")) is None
    assert printed(prepare(environments, needs("rig")), "print(1)") == "1"


def test_a_build_that_is_stopped_ends_at_once_with_all_that_it_started(
    environments: Environments, needs: Needs, gate: Gate
) -> None:
    stop = threading.Event()
    results: list[Path | None] = []
    thread = threading.Thread(
        target=lambda: results.append(
            environments.prepare(needs("gated"), lambda line: None, stop.is_set)
        )
    )
    thread.start()
    pid = gate.wait_for_build()

    stop.set()
    thread.join(60)

    assert results == [None]
    assert environments.all() == []
    status = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    # Nobody may be there to take note of its end. Other letters tell of its priority and session.
    assert status.stdout.strip()[:1] in ("", "Z")


def test_whoever_waits_can_be_stopped_too(
    environments: Environments, needs: Needs, preparing: Preparing, gate: Gate
) -> None:
    preparing(needs("gated"))
    gate.wait_for_build()

    assert environments.prepare(needs("gated"), lambda line: None, lambda: True) is None


def test_an_error_of_the_listener_ends_the_build(
    environments: Environments, needs: Needs, gate: Gate
) -> None:
    def fail_later(line: str) -> None:
        if "Using Python" in line:
            raise RuntimeError("nobody listens")

    with pytest.raises(RuntimeError, match="nobody listens"):
        environments.prepare(needs("gated"), fail_later, lambda: False)

    assert environments.all() == []


def test_another_python_is_looked_for_and_its_lack_is_the_apps_error(
    environments: Environments, make_main: MakeMain
) -> None:
    file = make_main("requires-python = '>=3.99'", "dependencies = []")
    asked = requirements_of(file)
    assert asked is not None

    with pytest.raises(InvalidApp) as caught:
        prepare(environments, asked)

    assert str(caught.value).startswith(f"{file}, line 2: the app needs Python >=3.99, but this")
    assert "No interpreter found" in str(caught.value)


@pytest.fixture
def without_uv(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Environments:
    """The environments of a machine on which uv is broken on the path, and no package."""
    broken = tmp_path / "bin" / "uv"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setitem(sys.modules, "uv", None)
    path = f"{broken.parent}:/usr/bin:/bin"
    return Environments(tmp_path / "store" / "envs", {**environ, "PATH": path})


def test_without_uv_pip_builds_it_from_the_same_places(
    without_uv: Environments, needs: Needs
) -> None:
    python = prepare(without_uv, needs("rig<2"))

    assert printed(python, "import rig; print(rig.version)") == "1.0"
    [info] = without_uv.all()
    assert info.built_by is not None
    assert info.built_by.startswith("venv and pip of Python ")


def test_without_uv_only_the_running_python_can_be_had(
    without_uv: Environments, needs: Needs
) -> None:
    asked = msgspec.structs.replace(needs(), requires_python=">=3.99")

    with pytest.raises(InvalidApp, match="it cannot run here: install uv"):
        prepare(without_uv, asked)


def test_without_uv_what_only_uv_can_do_is_refused(without_uv: Environments, needs: Needs) -> None:
    asked = msgspec.structs.replace(needs("rig"), exclude_newer="2025-01-01")

    with pytest.raises(EnvironmentFailed, match=r"sets tool\.uv\.exclude-newer, which only uv"):
        prepare(without_uv, asked)


def test_uv_finds_packages_where_pip_is_configured_to(
    tmp_path: Path, environ: dict[str, str], packages: Path, needs: Needs
) -> None:
    configuration = tmp_path / "pip.conf"
    configuration.write_text(f"[global]\nno-index = true\nfind-links =\n    {packages}\n")
    del environ["UV_FIND_LINKS"], environ["PIP_NO_INDEX"]
    environ["PIP_CONFIG_FILE"] = str(configuration)

    python = prepare(Environments(tmp_path / "envs", environ), needs("rig"))

    assert printed(python, "import rig; print(rig.version)") == "2.0"


def test_packages_beside_the_app_are_found(
    environ: dict[str, str], tmp_path: Path, make_main: MakeMain
) -> None:
    del environ["UV_FIND_LINKS"]
    file = make_main(
        "dependencies = ['rig']",
        "[tool.uv]",
        "find-links = ['../../packages']",
        "constraint-dependencies = ['rig<2']",
    )
    asked = requirements_of(file)
    assert asked is not None

    python = prepare(Environments(tmp_path / "envs", environ), asked)

    assert printed(python, "import rig; print(rig.version)") == "1.0"


def test_a_python_path_of_the_user_does_not_reach_the_tools(
    tmp_path: Path, environ: dict[str, str], needs: Needs
) -> None:
    environ.update(PYTHONPATH="/nowhere", VIRTUAL_ENV="/nowhere", UV_SYSTEM_PYTHON="1")

    python = prepare(Environments(tmp_path / "envs", environ), needs("rig"))

    assert python.is_relative_to(tmp_path / "envs")
    assert printed(python, "import rig; print(rig.__file__)").startswith(str(tmp_path / "envs"))


def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(
    tmp_path: Path, environ: dict[str, str], needs: Needs
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot be written"):
        prepare(Environments(tmp_path / "file" / "envs", environ), needs())
