"""The apps in a store of their own, with the environments that their requirements ask for."""

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)
from dendro_local.environments import Environments, requirements_of
from dendro_local.environments.build_lock import build_lock
from dendro_local.local_hub import LocalHub
from tests.apps.nwb_outputs import CHECK, ReadNwb, check_nwb
from tests.apps.recordings import TINY_NWB, make_input, make_recording
from tests.apps.web_files import WebFiles

APPS = Path(__file__).parents[2] / "apps"
SERVICE = "lab"

RunJob = Callable[..., DendroJob]
PythonOf = Callable[[str], Path]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all processes of this run of the tests."""
    run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    folder = run / "apps"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def environments_folder(shared_folder: Path) -> Path:
    """Where the environments of apps are."""
    folder = shared_folder / "environments"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def python_of(environments_folder: Path) -> PythonOf:
    """The Python of an app's environment, which is built if no other test has done so."""
    environments = Environments(environments_folder)

    def python(app: str) -> Path:
        requirements = requirements_of(APPS / app / "main.py")
        assert requirements is not None
        found = environments.prepare(requirements, print, lambda: False)
        assert found is not None
        return found

    return python


@pytest.fixture(scope="session")
def read_nwb(environments_folder: Path) -> ReadNwb:
    """Read arrays of an NWB file and validate it: ``read_nwb(file, 'units/id', validate=True)``."""
    requirements = requirements_of(CHECK)
    assert requirements is not None
    python = Environments(environments_folder).prepare(requirements, print, lambda: False)
    assert python is not None
    return functools.partial(check_nwb, python)


@pytest.fixture(scope="session")
def store_of_apps(
    tmp_path_factory: pytest.TempPathFactory, environments_folder: Path
) -> Iterator[LocalHub]:
    """A store to which apps are added when a test first runs a job of theirs."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "envs").symlink_to(environments_folder)
    hub = LocalHub(folder)
    yield hub
    hub.close()


@pytest.fixture
def run_job(store_of_apps: LocalHub, monkeypatch: pytest.MonkeyPatch) -> RunJob:
    """Submit a job and wait for its end, as in
    ``run_job('app', 'processor', input, {'output': 'output.json'}, threshold=5)``.

    The input is a path, a URL, or an output of another job.
    """
    monkeypatch.setenv("DENDRO_LOCAL_DIR", str(store_of_apps.store.folder.root))
    for variable in ("DENDRO_API_URL", "DENDRO_SERVICE_NAME", "DENDRO_MAX_ATTEMPTS"):
        monkeypatch.delenv(variable, raising=False)

    def run(
        app: str,
        processor: str,
        input: Any,
        outputs: Mapping[str, str],
        *,
        base_name: str | None = None,
        skip_cache: bool = False,
        **parameters: Any,
    ) -> DendroJob:
        if not store_of_apps.apps(service=SERVICE, name=app):
            store_of_apps.add_app(str(APPS / app), SERVICE)
        place = {"path": input} if isinstance(input, Path) else {"url": input}
        return submit_job(
            service_name=SERVICE,
            job_definition=DendroJobDefinition(
                appName=app,
                processorName=processor,
                inputFiles=[DendroJobInputFile(name="input", fileBaseName=base_name, **place)],
                outputFiles=[
                    DendroJobOutputFile(name=name, fileBaseName=file_name)
                    for name, file_name in outputs.items()
                ],
                parameters=[
                    DendroJobParameter(name=name, value=value) for name, value in parameters.items()
                ],
            ),
            required_resources=DendroJobRequiredResources(
                numCpus=1, numGpus=0, memoryGb=4, timeSec=600
            ),
            skip_cache=skip_cache,
        ).wait_until_done()

    return run


@pytest.fixture
def web_files() -> Iterator[WebFiles]:
    """Files on a web server of this machine, which counts what it is asked for."""
    with WebFiles() as files:
        yield files


@pytest.fixture(scope="session")
def tiny_nwb() -> Path:
    """A recording of 5 s with 16 channels and 10 units."""
    return TINY_NWB


@pytest.fixture(scope="session")
def small_nwb(python_of: PythonOf, shared_folder: Path) -> Path:
    """The recording of 60 s of which the tiny one is the beginning; made once a run."""
    file = shared_folder / "ephys_small.nwb"
    with build_lock(shared_folder / "ephys_small.lock", lambda: True):
        if not file.exists():
            partial = file.with_suffix(".partial")
            make_recording(python_of("hello_neurosift"), partial)
            partial.rename(file)
    return file


@pytest.fixture(scope="session")
def video(python_of: PythonOf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 10 s, 25 pictures a second, in full-range MJPEG."""
    file = tmp_path_factory.mktemp("video") / "video.avi"
    make_input(python_of("hello_neurosift"), "video", file)
    return file
