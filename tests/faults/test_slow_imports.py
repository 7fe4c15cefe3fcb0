"""An app that does not come to the end of its imports ends its job like any other."""

from pathlib import Path

import pytest

from dendro_local import DendroJob
from dendro_local.client.default_hub import default_hub
from tests.conftest import AppMaker
from tests.faults.asking import define, submit
from tests.faults.conftest import Runner
from tests.faults.scripts import Script, wait_until

pytestmark = pytest.mark.process

HANGING = """
import os, time
if "SPEC_OUTPUT_FILE" not in os.environ:
    open({mark!r}, "w").close()
    print("importing", flush=True)
    time.sleep(600)

@app.processor
def work(output: OutputFile) -> None: ...
"""


@pytest.fixture
def mark(whole_store: Path, make_app: AppMaker, tmp_path: Path) -> Path:
    """A file that is there once the app, registered as ``hanging`` on ``lab``, hangs."""
    mark = tmp_path / "mark"
    folder = make_app("hanging", HANGING.format(mark=str(mark)))
    default_hub().add_app(str(folder), "lab")
    return mark


def hang(time_sec: float) -> DendroJob:
    return submit(define("work", app="hanging"), service="lab", time_sec=time_sec)


def test_an_import_that_hangs_counts_as_running_too_long(mark: Path, runner: Runner) -> None:
    job = runner(hang(time_sec=1))

    assert job.status == "failed"
    assert job.error == "The job ran longer than its limit of 1 s (timeSec)."
    assert job.console() == "importing\n"


@pytest.mark.parametrize("how", ["run_jobs()", "run_cold(job)"])
def test_a_job_whose_app_hangs_while_it_is_imported_can_be_canceled(mark: Path, how: str) -> None:
    job = hang(time_sec=60)
    script = Script(f"job = submit(define('work', app='hanging'), service='lab')\n{how}")
    wait_until(mark.exists, "the app to hang")

    job.cancel()
    _, complaints = script.end()

    assert (script.process.returncode, complaints) == (0, "")
    assert job.error == "canceled"
