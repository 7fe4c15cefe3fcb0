"""Jobs whose apps run in containers: of stand-ins for the engines, and of Podman itself."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from dendro_local import DendroJob
from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from tests.compute.containers.apps import IMAGE, SPEC, WAIT, submit
from tests.compute.containers.conftest import Engine
from tests.faults.scripts import Script, is_alive, wait_until

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="the stand-ins look into /proc"),
]


def told(job: DendroJob) -> dict[str, Any]:
    assert (job.status, job.error) == ("completed", None), job.error
    found: dict[str, Any] = json.loads(job.get_output("output").read_text())
    return found


def wait_for_work(engine: Engine, job: DendroJob) -> int:
    """Wait until a job's app is at work; its process, as its container counts."""
    wait_until(lambda: "at work" in job.console(), "the app to be at work")
    return int((engine.folder(job) / "pid").read_text())


# A job's run


def test_an_app_sees_its_job_its_inputs_the_sdk_and_nothing_else(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_HOST", "x")
    file = tmp_path / 'a "file", with: all.txt' if engine.name == "podman" else tmp_path / "a.txt"
    file.write_text("some text")
    code = "print('hello'); told['cwd'] = os.getcwd(); Path(os.environ['HOME'], 'x').touch()"

    with engine.working():
        job = submit(code, inputs=[file]).wait_until_done()

    found, folder = told(job), engine.folder(job)
    assert found["texts"] == ["some text"]
    assert found["cwd"] == str(folder / "work")
    assert found["sdk"].endswith("/opt/dendro-local-sdk/dendro_local/__init__.py")
    environment = found["environment"]
    assert "OF_THE_HOST" not in environment
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["TMPDIR"] == environment["HOME"] == str(folder / "tmp")
    assert job.console() == "hello\n"
    assert job.get_output("output").path().stat().st_uid == os.getuid()
    assert engine.containers() == []
    name, _, digest = (engine.hub.get_job(job.jobId).imageUri or "").partition("@")
    assert name == IMAGE
    assert digest.startswith("sha256:") is (engine.name != "apptainer")


def test_an_app_known_by_its_spec_alone_runs_from_its_image(
    engine: Engine, hub: LocalHub, tmp_path: Path
) -> None:
    add_spec(hub, tmp_path)
    with engine.working():
        job = submit(app="in_image").wait_until_done()

    assert (job.status, job.error) == ("completed", None), job.error
    assert job.get_output("output").read_text() == "from the image"
    assert job.console() == "hello from the image\n"


def add_spec(hub: LocalHub, tmp_path: Path, *, main: str = "/app/main.py") -> None:
    """Register the app that is in the image by its spec alone."""
    spec = tmp_path / "spec.json"
    spec.write_text(SPEC.replace("MAIN", main))
    hub.add_app(str(spec), "lab")


def test_how_an_app_ends_is_told_as_without_a_container(engine: Engine) -> None:
    with engine.working():
        exits = submit("print('so long'); os._exit(3)")
        crashes = submit("os.abort()")
        errors = [str(job.wait_until_done().error) for job in (exits, crashes)]

    assert errors[0] == "The app ended with exit code 3. The end of what it printed:\nso long"
    assert errors[1].startswith("The app was ended by SIG")
    assert engine.containers() == []


# Its end


def test_a_canceled_job_leaves_no_container(engine: Engine) -> None:
    with engine.working():
        job = submit(WAIT)
        wait_for_work(engine, job)
        job.cancel()
        wait_until(lambda: not engine.folder(job).exists(), "the end of the run")

    assert job.refresh().canceled
    assert "at work" in job.console()
    assert engine.containers() == []


def test_a_job_that_takes_too_long_is_ended(stand_in: Engine) -> None:
    with stand_in.working():
        job = submit("time.sleep(60)", time_sec=1).wait_until_done()

    assert job.error == "The job ran longer than its limit of 1 s (timeSec)."
    assert stand_in.containers() == []


def test_a_job_that_is_given_back_before_its_container_is_there_leaves_none(
    stand_in: Engine,
) -> None:
    engine = stand_in
    with engine.working():
        job = submit(WAIT)
        wait_until(lambda: engine.calls("run") != [], "the container to be asked for")

    assert job.refresh().status == "pending"
    assert engine.containers() == []


SCRIPT = """
from tests.compute.containers.apps import WAIT, submit
submit(WAIT).wait_until_done()
"""


def start_script(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> tuple[Script, DendroJob]:
    """A script that runs a job, and the job."""
    monkeypatch.setenv("CONTAINER_METHOD", engine.name)
    script = Script(SCRIPT)
    wait_until(lambda: engine.hub.find_jobs(JobQuery(app="mine")) != [], "the job")
    job = DendroJob(engine.hub.find_jobs(JobQuery(app="mine"))[0], engine.hub)
    wait_for_work(engine, job)
    wait_until(lambda: job.refresh().status == "running", "the job to count as running")
    return script, job


def test_a_job_whose_compute_client_was_killed_goes_on_in_its_container(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, job = start_script(engine, monkeypatch)
    script.kill()

    with engine.working():
        wait_until(lambda: engine.hub.abandoned() == [], "the job to be taken over")
        (engine.folder(job) / "leave").touch()
        job.wait_until_done()

    assert told(job)["texts"] == []
    assert job.console() == "at work\n"
    assert engine.containers() == []


@pytest.mark.parametrize("engine", ["docker", "podman"], indirect=True)
def test_a_container_whose_engine_left_it_behind_is_ended_and_its_job_runs_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, job = start_script(engine, monkeypatch)
    script.kill()
    note = json.loads((engine.folder(job) / "process.json").read_text())
    os.killpg(note["pid"], signal.SIGKILL)
    wait_until(lambda: not is_alive(note["pid"]), "the end of the engine's process")

    with engine.working():
        again = engine.hub.store.folder.job_folder(job.jobId, 2)
        wait_until((again / "pid").exists, "the job to run again")
        (again / "leave").touch()
        job.wait_until_done()

    assert (job.status, job.error) == ("completed", None), job.error
    assert engine.containers() == []


# Memory


@pytest.mark.parametrize("engine", ["podman"], indirect=True)
def test_a_container_that_needs_too_much_memory_says_so(engine: Engine) -> None:
    with engine.working():
        job = submit("told['held'] = len(bytearray(10**9))", memory_gb=0.1).wait_until_done()

    assert "0.1 GB of memory (memoryGb)" in str(job.error)


def test_what_an_engine_says_of_memory_is_the_jobs_error(stand_in: Engine) -> None:
    (stand_in.state / "out_of_memory").touch()
    with stand_in.working():
        job = submit("os._exit(1)", memory_gb=0.5).wait_until_done()

    assert job.error == (
        "The job used all of its 0.5 GB of memory (memoryGb) and needed more, so that the system "
        "ended it."
    )


@pytest.mark.parametrize("engine", ["docker", "podman"], indirect=True)
def test_what_runs_in_a_container_is_measured(engine: Engine) -> None:
    code = "held = bytearray(os.urandom(1 << 20)) * 60; usage = FOLDER / 'usage.jsonl'\n"
    code += "while not usage.exists() or not usage.read_text(): time.sleep(0.01)"

    with engine.working():
        job = submit(code).wait_until_done()

    line = json.loads(engine.hub.usage(job.jobId).splitlines()[0])
    assert 60e6 < line["virtual_memory"]["used"] < 120e6
    assert line["scope"] == "job"


# The network


@pytest.mark.parametrize("engine", ["podman"], indirect=True)
def test_there_is_no_network_unless_it_is_needed(engine: Engine) -> None:
    with engine.working():
        job = submit("told['net'] = Path('/proc/net/dev').read_text()").wait_until_done()

    interfaces = [line.split(":")[0].strip() for line in told(job)["net"].splitlines()[2:]]
    assert interfaces == ["lo"]


def test_an_input_at_a_url_needs_a_network(stand_in: Engine) -> None:
    with stand_in.working():
        for inputs in ([], ["https://example.org/x.nwb"]):
            submit("raise ValueError", inputs=inputs).wait_until_done()

    without, with_one = stand_in.calls("run")
    assert "--network" in without
    assert "--network" not in with_one


def test_an_app_that_asks_for_a_network_has_one(stand_in: Engine, tmp_path: Path) -> None:
    main = tmp_path / "app" / "main.py"
    asking = 'description="For a test", needs_network=True'
    main.write_text(main.read_text().replace('description="For a test"', asking))
    with stand_in.working():
        submit().wait_until_done()

    [run] = stand_in.calls("run")
    assert "--network" not in run


# Engines and images


def test_an_image_is_pulled_once(stand_in: Engine) -> None:
    with stand_in.working():
        submit("1").wait_until_done()
        submit("2").wait_until_done()

    assert stand_in.calls("pull") == [["pull", IMAGE]]


def test_why_says_that_an_image_is_being_pulled(stand_in: Engine) -> None:
    (stand_in.state / "slow").touch()
    with stand_in.working():
        job = submit()
        wait_until(lambda: "Trying to pull" in job.why(), "the engine to say so")
        words = job.why()
        (stand_in.state / "slow").unlink()
        job.wait_until_done()

    assert f"pulling image {IMAGE}: Trying to pull {IMAGE}..." in words
    assert job.status == "completed"


def test_a_pull_ends_when_its_job_is_canceled(stand_in: Engine) -> None:
    (stand_in.state / "slow").touch()
    with stand_in.working():
        job = submit()
        wait_until(lambda: stand_in.calls("pull") != [], "the pull")
        job.cancel()
        wait_until(lambda: not stand_in.folder(job).exists(), "the end of the run")

    assert job.refresh().canceled
    assert stand_in.calls("run") == []


@pytest.mark.parametrize("method", ["docker", "apptainer"])
def test_a_failed_pull_fails_the_job_with_the_words_of_the_engine(
    stand_in: Engine, tmp_path: Path, method: str
) -> None:
    stand_in.name = method
    main = tmp_path / "app" / "main.py"
    main.write_text(main.read_text().replace(IMAGE, "lab/none:1"))
    with stand_in.working():
        job = submit().wait_until_done()

    assert str(job.error).startswith(f"{method} could not pull image ")
    assert str(job.error).endswith("lab/none:1: manifest unknown")


def test_a_program_that_the_image_lacks_fails_the_job_with_its_words(
    stand_in: Engine, tmp_path: Path, hub: LocalHub
) -> None:
    add_spec(hub, tmp_path, main="/app/none.py")
    with stand_in.working():
        job = submit(app="in_image").wait_until_done()

    assert "can't open file" in str(job.error)
    assert "/app/none.py" in str(job.error)


@pytest.mark.parametrize("engine", ["docker", "podman"], indirect=True)
def test_a_container_that_cannot_be_started_fails_the_job_with_the_words_of_the_engine(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "dendro_local.compute.containers.container_runtime.SDK_PLACE"
    monkeypatch.setattr(place, Path("/proc/nowhere"))
    with engine.working():
        job = submit().wait_until_done()

    assert str(job.error).startswith(f"{engine.name} could not start the app: ")
    assert engine.containers() == []


def test_why_names_an_engine_that_is_missing(
    stand_in: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with stand_in.working():
        job = submit()
        wait_until(lambda: "can run nothing now" in job.why(), "the reason")

    assert job.refresh().status == "pending"


def test_why_names_an_engine_that_does_not_work(stand_in: Engine) -> None:
    (stand_in.state / "down").touch()
    with stand_in.working():
        job = submit()
        wait_until(lambda: "can run nothing now" in job.why(), "the reason")
        words = job.why()

    assert "docker does not work here: Cannot connect to docker. Is it running?" in words
    assert job.refresh().status == "pending"


def test_a_job_waits_for_an_engine_that_stopped_working(
    stand_in: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dendro_local.compute.containers.container_runtime.RECHECK_SEC", 0.0)
    with stand_in.working():
        submit("1").wait_until_done()
        (stand_in.state / "down").touch()
        job = submit("2")
        wait_until(lambda: "can run nothing now" in job.why(), "the reason")
        (stand_in.state / "down").unlink()
        job.wait_until_done()

    assert (job.status, job.error) == ("completed", None), job.error


def test_why_names_the_image_that_a_processor_lacks(stand_in: Engine) -> None:
    with stand_in.working():
        job = submit(processor="bare")
        submit().wait_until_done()  # so that the other one had its chance
        words = job.why()

    assert "processor 'bare' of app 'mine' names no image" in words
    assert job.refresh().status == "pending"


def test_why_of_an_app_known_by_its_spec_alone_says_what_would_run_it(
    hub: LocalHub, tmp_path: Path
) -> None:
    add_spec(hub, tmp_path)

    words = submit(app="in_image").why()

    assert "`dendro-local work --container docker` (or podman, ...) runs its image" in words
    assert IMAGE in words


def test_an_image_may_be_a_file_of_this_machine(
    stand_in: Engine, tmp_path: Path, hub: LocalHub
) -> None:
    stand_in.name = "apptainer"
    main = tmp_path / "app" / "main.py"
    missing = tmp_path / "none.sif"
    main.write_text(main.read_text().replace(IMAGE, str(missing)))
    with stand_in.working():
        job = submit().wait_until_done()

    assert job.error == f"There is no image {missing} on this machine."


# Apps of the original's SDK


ORIGINAL = f"""
import os
from pathlib import Path

from pydantic import BaseModel, Field

from dendro.sdk import App, InputFile, OutputFile, ProcessorBase

app = App("original", description="For a test")


class Context(BaseModel):
    output: OutputFile = Field(description="A file")
    code: str = Field(default="", description="What to do")


class Work(ProcessorBase):
    name = "work"
    label = "work"
    description = "For a test"
    image = {IMAGE!r}
    executable = "/app/main.py"
    attributes = {{}}

    @staticmethod
    def run(context: Context):
        exec(context.code)
        interfaces = [line.split(":")[0].strip() for line in open("/proc/net/dev")][2:]
        Path("out.txt").write_text(" ".join(interfaces))
        context.output.upload("out.txt")


app.add_processor(Work)

if __name__ == "__main__":
    app.run()
"""


@pytest.mark.parametrize("engine", ["docker", "podman"], indirect=True)
def test_an_app_of_the_originals_sdk_runs_without_a_network(
    engine: Engine, hub: LocalHub, tmp_path: Path
) -> None:
    folder = tmp_path / "original"
    folder.mkdir()
    (folder / "main.py").write_text(ORIGINAL)
    assert hub.add_app(str(folder), "lab").sdk == "dendro"
    with engine.working():
        job = submit(app="original").wait_until_done()

    assert (job.status, job.error) == ("completed", None), job.error
    assert "lo" in job.get_output("output").read_text().split()
    if engine.name == "podman":
        assert job.get_output("output").read_text() == "lo"
    else:
        # What lets the app ask for its job is in no command line, which all users can see.
        [words] = engine.calls("run")
        assert not any("http://" in word or "JOB_PRIVATE_KEY=" in word for word in words)
    assert engine.containers() == []
