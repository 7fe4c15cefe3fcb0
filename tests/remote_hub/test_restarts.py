"""A hub, or a compute client, that is killed and comes back: nothing is lost or run twice."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from dendro_local.compute import ComputeClient
from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job, JobDefinition, JobOutputFile, JobParameter
from dendro_local.remote_hub import RemoteHub
from tests.conftest import AppMaker
from tests.faults.scripts import is_alive, wait_until
from tests.hub.conftest import RESOURCES
from tests.live_hub import LIMIT_SEC, register_client
from tests.remote_hub.proxy import Proxy

pytestmark = pytest.mark.process

COMMAND = str(Path(sys.executable).with_name("dendro-local"))
MB = 1 << 20


class HubProcess:
    """The hub over the store, served by a process of its own, behind a network."""

    def __init__(self, network: Proxy) -> None:
        self._network = network
        self.start()

    def start(self) -> None:
        """Serve the store, on some port."""
        self.process = subprocess.Popen(
            [COMMAND, "serve", "--port", "0", "--json"],
            env={name: value for name, value in os.environ.items() if name != "DENDRO_API_URL"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self._network.upstream = msgspec.json.decode(self.process.stdout.readline())["port"]

    def kill(self) -> None:
        """End it as a power cut does, but for the disk."""
        self.process.kill()
        self.process.communicate()


class Counted:
    """An app whose runs are counted, and wait until they may end.

    Its processor ``work`` gives an output of some MB.
    """

    def __init__(self, folder: Path) -> None:
        self.runs_file = folder / "runs"
        self.runs_file.touch()
        self.leave = folder / "leave"
        self.body = f"""
import os, time
from pathlib import Path

@app.processor
def work(number: int, output: OutputFile) -> None:
    print("at work", flush=True)
    with open({str(self.runs_file)!r}, "a") as file:
        file.write(f"{{number}} {{os.getpid()}}\\n")
    while not Path({str(self.leave)!r}).exists():
        time.sleep(0.01)
    Path("out.dat").write_bytes(bytes([number]) * {6 * MB})
    output.upload("out.dat")
"""

    def runs(self) -> list[int]:
        """The number of the job of each run that has begun."""
        return [int(line.split()[0]) for line in self.runs_file.read_text().splitlines()]

    def pids(self) -> list[int]:
        """The process of each run that has begun."""
        return [int(line.split()[1]) for line in self.runs_file.read_text().splitlines()]

    def wait_for_run(self) -> int:
        """Wait until its only run has begun, a little after its job is running; its process."""
        wait_until(lambda: self.pids() != [], "the app to be at work")
        [pid] = self.pids()
        return pid


Submit = Callable[[int], Job]


@pytest.fixture
def counted(local_hub: LocalHub, make_app: AppMaker, tmp_path: Path) -> Counted:
    """The app, which is registered."""
    counted = Counted(tmp_path)
    local_hub.add_app(str(make_app("counted", counted.body)), "lab")
    return counted


@pytest.fixture
def network() -> Iterator[Proxy]:
    network = Proxy(9)
    yield network
    network.close()


@pytest.fixture
def hub_process(local_hub: LocalHub, counted: Counted, network: Proxy) -> Iterator[HubProcess]:
    process = HubProcess(network)
    yield process
    process.kill()


@pytest.fixture
def submit_job(local_hub: LocalHub, counted: Counted) -> Submit:
    """Submit the job of a number, on the hub's machine."""

    def make(number: int) -> Job:
        definition = JobDefinition(
            appName="counted",
            processorName="work",
            inputFiles=[],
            outputFiles=[JobOutputFile(name="output", fileBaseName="out.dat")],
            parameters=[JobParameter(name="number", value=number)],
        )
        request = NewJob(serviceName="lab", jobDefinition=definition, requiredResources=RESOURCES)
        return local_hub.submit([request])[0]

    return make


@pytest.fixture
def client_file(local_hub: LocalHub, counted: Counted, tmp_path: Path) -> Path:
    """The key of a compute client that serves the app."""
    register_client(local_hub, tmp_path / "client")
    return tmp_path / "client" / "dendro-compute-client.yaml"


@pytest.fixture
def working(
    hub_process: HubProcess,
    local_hub: LocalHub,
    network: Proxy,
    client_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RemoteHub]:
    """The compute client, at work in a thread."""
    monkeypatch.setenv("DENDRO_COMPUTE_CLIENT_FILE", str(client_file))
    hub = RemoteHub(network.url, tmp_path / "far")
    client = ComputeClient(hub)
    thread = threading.Thread(target=client.serve)
    thread.start()
    # Before it is at work, it waits only as long as a person would for a hub that is away.
    wait_until(local_hub.has_compute_client, "the compute client to be at work")
    yield hub
    client.stop()
    thread.join(LIMIT_SEC)
    assert not thread.is_alive()
    hub.close()


def wait_for(hub: LocalHub, job: Job, status: str) -> None:
    wait_until(lambda: hub.get_job(job.jobId).status == status, f"the job to be {status}")


def check_completed(hub: LocalHub, job: Job, number: int, counted: Counted) -> None:
    """A job has run once, to its end."""
    wait_for(hub, job, "completed")
    output = hub.output_file(job.jobId, "output").read_bytes()
    assert output == bytes([number]) * 6 * MB
    assert hub.console(job.jobId) == b"at work\n"
    assert counted.runs().count(number) == 1


def test_a_hub_that_is_killed_at_any_moment_loses_nothing_and_has_nothing_run_twice(
    working: RemoteHub,
    hub_process: HubProcess,
    local_hub: LocalHub,
    network: Proxy,
    counted: Counted,
    submit_job: Submit,
) -> None:
    # Before a claim: the job comes while the hub is away.
    hub_process.kill()
    first = submit_job(1)
    hub_process.start()
    wait_for(local_hub, first, "running")

    # While a job runs, and at its end.
    hub_process.kill()
    counted.leave.touch()
    hub_process.start()
    check_completed(local_hub, first, 1, counted)

    # While its output is on the way.
    network.cut_after_sending(3 * MB)
    second = submit_job(2)
    wait_until(lambda: network.has_cut, "some of the output to come")
    hub_process.kill()
    hub_process.start()
    check_completed(local_hub, second, 2, counted)

    # When all of it has come, and before that is told.
    network.hold("POST /v1/claims/", "/complete ")
    third = submit_job(3)
    wait_until(lambda: network.is_holding, "the end to be told")
    hub_process.kill()
    hub_process.start()
    network.cut()
    check_completed(local_hub, third, 3, counted)

    # When it was told, and before that is known.
    network.lose_answer("POST /v1/claims/", "/complete ")
    fourth = submit_job(4)
    wait_until(lambda: network.has_lost, "the end to be told")
    wait_for(local_hub, fourth, "completed")
    hub_process.kill()
    hub_process.start()
    check_completed(local_hub, fourth, 4, counted)

    fifth = submit_job(5)
    check_completed(local_hub, fifth, 5, counted)
    assert counted.runs() == [1, 2, 3, 4, 5]


class WorkProcess:
    """``dendro-local work`` on another machine."""

    def __init__(self, network: Proxy, client_file: Path, folder: Path) -> None:
        self.process = subprocess.Popen(
            [COMMAND, "work"],
            env={
                **os.environ,
                "DENDRO_API_URL": network.url,
                "DENDRO_LOCAL_DIR": str(folder),
                "DENDRO_COMPUTE_CLIENT_FILE": str(client_file),
            },
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, number: int) -> str:
        """Send a signal and wait for the end; what it said."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=LIMIT_SEC)[1]


Work = Callable[[], WorkProcess]


@pytest.fixture
def work(
    hub_process: HubProcess, network: Proxy, client_file: Path, tmp_path: Path
) -> Iterator[Work]:
    """Start the compute client as a process; it ends with the test."""
    started: list[WorkProcess] = []

    def start() -> WorkProcess:
        started.append(WorkProcess(network, client_file, tmp_path / "far"))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate()


def test_a_compute_client_that_is_killed_or_restarted_goes_on_with_its_jobs(
    work: Work,
    hub_process: HubProcess,
    local_hub: LocalHub,
    counted: Counted,
    submit_job: Submit,
) -> None:
    job = submit_job(1)
    first = work()
    wait_for(local_hub, job, "running")
    first.end(signal.SIGKILL)
    [left] = local_hub.remote_claims()
    second = work()
    wait_until(lambda: local_hub.remote_claims()[0].token != left.token, "the job to be adopted")
    said = second.end(signal.SIGTERM)
    third = work()
    counted.leave.touch()

    check_completed(local_hub, job, 1, counted)
    assert f"went on with job {job.jobId}" in said
    assert "stopped" in third.end(signal.SIGINT)


def test_a_job_that_died_with_its_compute_client_is_run_again_and_what_it_left_is_ended(
    work: Work,
    hub_process: HubProcess,
    local_hub: LocalHub,
    counted: Counted,
    submit_job: Submit,
    tmp_path: Path,
) -> None:
    job = submit_job(1)
    first = work()
    wait_for(local_hub, job, "running")
    pid = counted.wait_for_run()
    first.end(signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), "the app to end")

    work()
    wait_until(lambda: counted.runs() == [1, 1], "the job to be run again")
    counted.leave.touch()
    wait_for(local_hub, job, "completed")

    facts = local_hub.job_facts(job.jobId)
    assert facts.attempts == 2


def test_ctrl_c_gives_a_job_back_and_a_second_worker_is_refused(
    work: Work,
    hub_process: HubProcess,
    local_hub: LocalHub,
    counted: Counted,
    submit_job: Submit,
) -> None:
    job = submit_job(1)
    first = work()
    wait_for(local_hub, job, "running")
    refused = work()
    _, said = refused.process.communicate(timeout=LIMIT_SEC)

    first.end(signal.SIGINT)

    assert (refused.process.returncode, "Another process of this machine works as" in said) == (
        21,
        True,
    )
    assert local_hub.get_job(job.jobId).status == "pending"
    assert local_hub.job_facts(job.jobId).attempts == 0
    assert not any(map(is_alive, counted.pids()))


def test_a_job_that_went_to_another_while_its_compute_client_was_away_is_ended_there(
    work: Work,
    hub_process: HubProcess,
    local_hub: LocalHub,
    counted: Counted,
    submit_job: Submit,
    tmp_path: Path,
) -> None:
    job = submit_job(1)
    first = work()
    wait_for(local_hub, job, "running")
    pid = counted.wait_for_run()
    first.end(signal.SIGKILL)
    [claim] = local_hub.remote_claims()
    local_hub.give_up(claim)
    local_hub.cancel(job.jobId)

    work()

    wait_until(lambda: not is_alive(pid), "the app to be ended")
    folders = tmp_path / "far" / "hubs"
    wait_until(lambda: not list(folders.glob("*/jobs/*/*")), "its folder to be removed")


def test_a_cancel_stops_a_job_elsewhere_within_seconds(
    working: RemoteHub,
    hub_process: HubProcess,
    local_hub: LocalHub,
    counted: Counted,
    submit_job: Submit,
) -> None:
    job = submit_job(1)
    wait_for(local_hub, job, "running")
    pid = counted.wait_for_run()

    local_hub.cancel(job.jobId)

    wait_until(lambda: not is_alive(pid), "the app to end")
    wait_until(lambda: local_hub.console(job.jobId) == b"at work\n", "what it printed to be kept")
