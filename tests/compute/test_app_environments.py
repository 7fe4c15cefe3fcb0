"""An app that declares what it needs runs in an environment of its own."""

import zipfile
from pathlib import Path

import pytest

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobOutputFile,
    DendroJobRequiredResources,
    submit_job,
)
from dendro_local.local_hub import LocalHub
from tests.conftest import AppMaker

pytestmark = pytest.mark.process

BLOCK = """
# /// script
# requires-python = ">=3.11"
# dependencies = ["{needs}"]
# ///
"""

BODY = """
import greeter_of_the_tests

@app.processor
def greet(output: OutputFile):
    '''Greets.'''
    print(greeter_of_the_tests.GREETING)
    with open('greeting.txt', 'w') as file:
        file.write(greeter_of_the_tests.GREETING)
    output.upload('greeting.txt')
"""


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one small package, which is all that there is to install."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    name = "greeter_of_the_tests-1.0"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("greeter_of_the_tests.py", "GREETING = 'Hello from the environment!'\n")
        wheel.writestr(
            f"{name}.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: greeter-of-the-tests\nVersion: 1.0\n",
        )
        wheel.writestr(
            f"{name}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{name}.dist-info/RECORD", "")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    return folder


def submit(cache_bust: str | None = None) -> DendroJob:
    return submit_job(
        service_name="lab",
        job_definition=DendroJobDefinition(
            appName="greeter",
            processorName="greet",
            inputFiles=[],
            outputFiles=[DendroJobOutputFile(name="output", fileBaseName="greeting.txt")],
            parameters=[],
            cacheBust=cache_bust,
        ),
        required_resources=DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60),
        rerun_failing=True,
    )


def with_block(folder: Path, needs: str) -> Path:
    main = folder / "main.py"
    main.write_text(BLOCK.format(needs=needs) + main.read_text())
    return folder


def test_its_jobs_run_where_what_it_needs_is_installed(
    hub: LocalHub, make_app: AppMaker, wheels: Path
) -> None:
    hub.add_app(str(with_block(make_app("greeter", BODY), "greeter-of-the-tests")), "lab")

    first = submit().wait_until_done()
    second = submit("again").wait_until_done()

    assert (first.error, second.error) == (None, None)
    assert first.get_output("output").read_text() == "Hello from the environment!"
    assert len(list((hub.store.folder.environments).glob("*/ready.json"))) == 1


def test_an_environment_that_was_removed_is_built_again_for_the_next_job(
    hub: LocalHub, make_app: AppMaker, wheels: Path
) -> None:
    import shutil

    hub.add_app(str(with_block(make_app("greeter", BODY), "greeter-of-the-tests")), "lab")
    shutil.rmtree(hub.store.folder.environments)

    assert submit().wait_until_done().error is None


def test_what_cannot_be_installed_fails_with_the_tools_words(
    hub: LocalHub, make_app: AppMaker, wheels: Path
) -> None:
    import shutil

    hub.add_app(str(with_block(make_app("greeter", BODY), "greeter-of-the-tests")), "lab")
    shutil.rmtree(hub.store.folder.environments)
    for wheel in wheels.iterdir():
        wheel.unlink()

    job = submit().wait_until_done()

    assert job.status == "failed"
    assert "greeter-of-the-tests" in (job.error or "")
    assert ".log" in (job.error or "")
