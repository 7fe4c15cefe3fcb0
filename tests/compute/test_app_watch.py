"""While a compute client runs, an edit of an app's folder counts without a submit."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dendro_local.hub import RegisteredApp
from dendro_local.local_hub import LocalHub
from tests.compute.lab import submit, wait_until, working
from tests.conftest import AppMaker
from tests.faults.scripts import is_alive

pytestmark = pytest.mark.process

BODY = "import os\n@app.processor\ndef work(n: int):\n    '''{}'''\n    print(os.getppid())\n"
FIRST, SECOND = BODY.format("First."), BODY.format("Second.")
WAITS = """
import pathlib, time
@app.processor
def work(begun: str, end: str):
    with open(begun, 'x'):
        pass
    while not pathlib.Path(end).exists():
        time.sleep(0.01)
    print('the earlier code')
"""
NOT_WATCHABLE = ["unshare", "--user", "--map-root-user", "sh", "-c"]
NO_INOTIFY = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"'


@pytest.fixture
def mine(hub: LocalHub, make_app: AppMaker) -> Path:
    """The folder of an app ``mine``, registered on ``lab`` while a compute client serves."""
    folder = make_app("mine", FIRST)
    hub.add_app(str(folder), "lab")
    return folder


@pytest.fixture
def serving(hub: LocalHub, mine: Path) -> Iterator[None]:
    """A compute client that serves the store."""
    with working(hub):
        yield


def registered(hub: LocalHub, name: str = "mine") -> RegisteredApp:
    """The app as the store has it: nobody looks at its folder for this."""
    [found] = hub.apps(service="lab", name=name)
    return found


def description(hub: LocalHub, name: str = "mine") -> str:
    return registered(hub, name).record.appSpecification.processors[0].description


def wait_for_edit_of_another_app(hub: LocalHub, make_app: AppMaker) -> None:
    """Wait until what was edited before has been seen, by an edit that comes after it."""
    make_app("other", SECOND)
    wait_until(hub, lambda: description(hub, "other") == "Second.")


def test_an_edit_is_registered_without_a_submit(
    hub: LocalHub, make_app: AppMaker, serving: None
) -> None:
    before = registered(hub)

    make_app("mine", SECOND)

    wait_until(hub, lambda: description(hub) == "Second.")
    assert registered(hub).version != before.version


def test_an_edit_from_before_the_compute_client_began_is_registered(
    hub: LocalHub, make_app: AppMaker, mine: Path
) -> None:
    make_app("mine", SECOND)

    with working(hub):
        wait_until(hub, lambda: description(hub) == "Second.")


def test_an_app_that_is_added_while_it_runs_is_followed(
    hub: LocalHub, make_app: AppMaker, serving: None
) -> None:
    hub.add_app(str(make_app("other", FIRST)), "lab")

    make_app("other", SECOND)

    wait_until(hub, lambda: description(hub, "other") == "Second.")


def test_a_file_in_a_new_subfolder_is_followed(hub: LocalHub, mine: Path, serving: None) -> None:
    versions = {registered(hub).version}
    (mine / "helpers").mkdir()
    for content in ("x = 1", "x = 2"):
        (mine / "helpers" / "part.py").write_text(content)
        wait_until(hub, lambda: registered(hub).version not in versions)
        versions.add(registered(hub).version)


def test_the_host_of_the_earlier_code_ends(
    hub: LocalHub, make_app: AppMaker, serving: None
) -> None:
    host = int(submit("work", n=1).wait_until_done().console())
    assert is_alive(host)

    make_app("mine", SECOND)

    wait_until(hub, lambda: not is_alive(host))


def test_a_job_that_runs_is_not_disturbed_by_an_edit(
    hub: LocalHub, make_app: AppMaker, tmp_path: Path
) -> None:
    begun, end = tmp_path / "begun", tmp_path / "end"
    hub.add_app(str(make_app("mine", WAITS)), "lab")
    with working(hub):
        job = submit("work", begun=str(begun), end=str(end))
        wait_until(hub, begun.exists)
        make_app("mine", SECOND)
        wait_until(hub, lambda: description(hub) == "Second.")

        end.touch()

        assert job.wait_until_done().console() == "the earlier code\n"


def test_a_broken_edit_is_told_and_the_app_stays_registered(
    hub: LocalHub, make_app: AppMaker, serving: None, caplog: pytest.LogCaptureFixture
) -> None:
    before = registered(hub)
    waiting = submit("work", n=1, memory_gb=1e6)

    make_app("mine", FIRST + "1 / 0\n")

    wait_until(hub, lambda: "ZeroDivisionError" in hub.why(waiting.jobId))
    assert "stays as it was registered" in hub.why(waiting.jobId)
    assert registered(hub) == before
    wait_until(hub, lambda: "ZeroDivisionError" in caplog.text)
    assert caplog.text.count("app mine of lab stays as it was registered") == 1


def test_a_mended_app_is_not_told_to_be_broken(
    hub: LocalHub, make_app: AppMaker, serving: None
) -> None:
    waiting = submit("work", n=1, memory_gb=1e6)
    make_app("mine", FIRST + "1 / 0\n")
    wait_until(hub, lambda: "ZeroDivisionError" in hub.why(waiting.jobId))

    make_app("mine", SECOND)

    wait_until(hub, lambda: description(hub) == "Second.")
    assert "stays as it was registered" not in hub.why(waiting.jobId)


def test_a_folder_that_is_gone_for_a_while_is_followed_again(
    hub: LocalHub,
    make_app: AppMaker,
    mine: Path,
    serving: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shutil.rmtree(mine)
    wait_until(hub, lambda: f"There is no folder {mine}" in caplog.text)

    make_app("mine", SECOND)

    wait_until(hub, lambda: description(hub) == "Second.")


def test_what_does_not_count_for_the_app_is_not_followed(
    hub: LocalHub, make_app: AppMaker, tmp_path: Path
) -> None:
    imports = tmp_path / "imports"
    note = f"with open({str(imports)!r}, 'a') as file:\n    file.write('x')\n"
    folder = make_app("mine", note + FIRST)
    hub.add_app(str(folder), "lab")
    hub.add_app(str(make_app("other", FIRST)), "lab")
    with working(hub):
        (folder / ".env").write_text("x")
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__" / "part.pyc").write_bytes(b"x")
        wait_for_edit_of_another_app(hub, make_app)

    assert imports.read_text() == "x"


def test_an_app_that_changes_its_own_folder_is_not_registered_for_ever(
    hub: LocalHub, make_app: AppMaker, caplog: pytest.LogCaptureFixture
) -> None:
    note = "import pathlib, time\n"
    note += "pathlib.Path(__file__).with_name('at.txt').write_text(str(time.time_ns()))\n"
    folder = make_app("mine", note + FIRST)
    hub.add_app(str(folder), "lab")
    hub.add_app(str(make_app("other", FIRST)), "lab")
    with working(hub):
        wait_until(hub, lambda: "changes files in its own folder" in caplog.text)
        last = (folder / "at.txt").read_text()
        wait_for_edit_of_another_app(hub, make_app)

        assert (folder / "at.txt").read_text() == last


def may_refuse_inotify() -> bool:
    command = [*NOT_WATCHABLE, NO_INOTIFY, "sh", "true"]
    return (
        shutil.which("unshare") is not None and not subprocess.run(command, check=False).returncode
    )


@pytest.mark.skipif(
    sys.platform != "linux" or not may_refuse_inotify(), reason="needs user namespaces"
)
def test_where_folders_cannot_be_watched_it_is_told_once_and_jobs_run_the_new_code(
    hub: LocalHub, make_app: AppMaker, mine: Path
) -> None:
    command = [*NOT_WATCHABLE, NO_INOTIFY, "sh", sys.executable, "-m", "dendro_local.cli", "work"]
    with subprocess.Popen(command, env=os.environ, stderr=subprocess.PIPE, text=True) as work:
        try:
            assert work.stderr is not None
            assert any("cannot be watched" in line for line in work.stderr)
            make_app("mine", SECOND.replace("os.getppid()", "'the new code'"))

            assert submit("work", n=1).wait_until_done().console() == "the new code\n"

            work.terminate()
            assert "cannot be watched" not in work.stderr.read()
        finally:
            work.kill()
