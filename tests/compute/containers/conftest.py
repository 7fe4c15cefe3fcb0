"""Engines for tests: stand-ins for Docker and Apptainer, and Podman itself where it works."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dendro_local import DendroJob
from dendro_local.compute import ComputeClient
from dendro_local.compute.containers.runtimes import runtime_named
from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from tests.compute.containers.apps import IMAGE, IN_IMAGE, MINE
from tests.compute.containers.real_podman import CannotRun, podman_environment
from tests.compute.lab import working


class Engine:
    """A container engine with an image, `IMAGE`, in which there is an app of its own."""

    def __init__(self, name: str, hub: LocalHub, state: Path | None) -> None:
        self.name = name
        self.hub = hub
        self._state = state
        """What a stand-in knows; None of a real one."""

    @property
    def state(self) -> Path:
        assert self._state is not None
        return self._state

    @contextlib.contextmanager
    def working(self) -> Iterator[ComputeClient]:
        """A compute client that runs apps in containers of the engine."""
        runtime = runtime_named(self.name, self.hub.store.folder.root, is_eager=True)
        with working(self.hub, runtime=runtime) as client:
            yield client

    def folder(self, job: DendroJob) -> Path:
        """That of the job's first run."""
        return self.hub.store.folder.job_folder(job.jobId, 1)

    def calls(self, *words: str) -> list[list[str]]:
        """What a stand-in was called with, if it begins with these words."""
        file = self.state / "calls.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        found: list[list[str]] = [json.loads(line)[1:] for line in lines]
        return [each for each in found if each[: len(words)] == list(words)]

    def containers(self) -> list[str]:
        """The names of the containers that there are for jobs of the store."""
        if self._state is not None:
            return [file.name for file in (self._state / "containers").iterdir()]
        command = ["podman", "ps", "--all", "--format", "{{.Names}}"]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        jobs = [job.jobId for job in self.hub.find_jobs(JobQuery())]
        return [name for name in ended.stdout.split() if any(job in name for job in jobs)]


@pytest.fixture(params=["docker", "apptainer", "podman"])
def engine(request: pytest.FixtureRequest, hub: LocalHub, tmp_path: Path) -> Engine:
    """Each of the engines, with an app whose code is in a folder and one that is in an image."""
    name: str = request.param
    if name == "podman":
        request.getfixturevalue("podman")
        state = None
    else:
        state = _stand_in(tmp_path, request.getfixturevalue("monkeypatch"))
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "main.py").write_text(MINE)
    hub.add_app(str(folder), "lab")
    return Engine(name, hub, state)


def _stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    state = tmp_path / "stand-in"
    programs = tmp_path / "programs"
    for folder in (state / "containers", state / "images", programs):
        folder.mkdir(parents=True)
    image = state / "registry" / IMAGE.replace("/", "%2F")
    (image / "app").mkdir(parents=True)
    (image / "app" / "main.py").write_text(IN_IMAGE)
    for name in ("docker", "podman", "apptainer"):
        program = programs / name
        script = Path(__file__).with_name("stand_in.py")
        # Without what is installed, it starts much faster.
        program.write_text(f"#!{sys.executable} -IS\n{script.read_text()}")
        program.chmod(0o755)
    monkeypatch.setenv("DENDRO_STAND_IN", str(state))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return state


@pytest.fixture
def stand_in(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A stand-in for Docker alone."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "main.py").write_text(MINE)
    hub.add_app(str(folder), "lab")
    return Engine("docker", hub, _stand_in(tmp_path, monkeypatch))


@pytest.fixture
def podman(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Podman itself, which has the image; tried once a test run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "podman"
    try:
        found = podman_environment(folder, IMAGE, {"/app/main.py": IN_IMAGE})
    except CannotRun as fault:
        pytest.skip(f"Podman cannot run containers here: {fault}")
    for name, value in found.items():
        monkeypatch.setenv(name, value)
