"""The original's compute client, unchanged, running jobs of `dendro-local serve`.

It sleeps a lot between its steps, and starts five processes for each job.
"""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.scripts import is_alive, wait_until
from tests.server.conftest import job_request
from tests.server.lifecycle.conftest import run_command
from tests.server.real_client.conftest import (
    LIMIT_SEC,
    Original,
    content,
    serving,
    wait_until_gone,
)

pytestmark = pytest.mark.process

PART_BYTES = 2_000_000

RUN_AS_COMPUTE_CLIENT = """
import sys
from dendro.compute_client.start_compute_client import get_compute_client_daemon

daemon = get_compute_client_daemon(dir=".", exit_when_idle=False, single_job=False)
daemon.run_pending_job(sys.argv[1])
"""
"""``dendro run-pending-job --compute-client-dir``, which itself forgets an argument."""


class Lab:
    """A hub whose jobs the original's compute client runs."""

    def __init__(self, original: Original, folder: Path) -> None:
        self.original = original
        self.folder = folder
        self._started: list[subprocess.Popen[str]] = []

    def register(self, service: str) -> tuple[Path, str]:
        """A compute client of a service: its folder, and its id."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        registered = run_command(
            *("clients", "register", f"{service}-client", "--service", service),
            *("--to", str(folder), "--json"),
        )
        assert registered.returncode == 0, registered.stderr
        return folder, json.loads(registered.stdout)["computeClientId"]

    def start(self, *arguments: str, folder: Path | None = None) -> "subprocess.Popen[str]":
        """Start a program of the original's in a folder, by default a new one."""
        program, *rest = arguments
        folder = folder or Path(tempfile.mkdtemp(dir=self.folder))
        self._started.append(self.original.start(program, *rest, folder=folder))
        return self._started[-1]

    def ask(self, call: str, **request: Any) -> Any:
        """What a call of the contract is answered with."""
        reply = httpx.post(
            f"{self.original.url}/api/{call}",
            json={"type": f"{call}Request", **request},
            headers={"authorization": f"Bearer {self.original.key}"},
            trust_env=False,
        )
        assert reply.status_code == 200, reply.text
        return reply.json()

    def submit(self, processor: str, **parameters: Any) -> str:
        """A job of a processor; its id."""
        request = job_request(
            serviceName="lab",
            jobDefinition={
                "appName": "original",
                "processorName": processor,
                "inputFiles": [],
                "outputFiles": [{"name": "output", "fileBaseName": "out.bin"}],
                "parameters": [{"name": n, "value": v} for n, v in parameters.items()],
            },
        )
        job_id: str = self.ask("createJob", **request)["job"]["jobId"]
        return job_id

    def job(self, job_id: str) -> Any:
        """The record of a job as it is now."""
        return self.ask("getJob", jobId=job_id, includePrivateKey=False)["job"]

    def ended(self, job_id: str) -> Any:
        """The record of a job once it has ended."""
        wait_until(lambda: self.job(job_id)["status"] in ("completed", "failed"), "its end")
        return self.job(job_id)

    def read(self, url: str) -> bytes:
        """The file at a URL."""
        reply = httpx.get(url, trust_env=False)
        assert reply.status_code == 200, reply.text
        return reply.content

    def output(self, job: Any) -> bytes:
        """The output of a job."""
        [output] = job["outputFileResults"]
        found = self.read(output["url"])
        assert len(found) == output["size"]
        return found

    def close(self) -> None:
        """End all that was started, and wait for what that started."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        wait_until_gone(self.original)


@pytest.fixture(scope="module")
def served(
    programs: Path, app_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Original]:
    """The original, against a hub that runs nothing itself."""
    folder = tmp_path_factory.mktemp("serve")
    setting = {"DENDRO_PART_BYTES": str(PART_BYTES)}
    with serving("serve", programs, app_folder, folder, **setting) as original:
        yield original


@pytest.fixture
def lab(served: Original, tmp_path: Path) -> Iterator[Lab]:
    """The hub, and what is started in this test."""
    lab = Lab(served, tmp_path)
    yield lab
    lab.close()


def test_a_user_runs_a_pending_job(lab: Lab) -> None:
    job_id = lab.submit("files", size=0)

    printed, _ = lab.start("dendro", "run-pending-job", job_id).communicate(timeout=LIMIT_SEC)

    job = lab.ended(job_id)
    assert (job["status"], job.get("error")) == ("completed", None), printed
    assert job["computeClientId"] in (None, "")
    assert lab.output(job) == b""


def test_a_compute_client_runs_a_job_that_is_named(lab: Lab) -> None:
    folder, client_id = lab.register("lab")
    job_id = lab.submit("files", size=1 << 20)

    started = lab.start("python", "-c", RUN_AS_COMPUTE_CLIENT, job_id, folder=folder)
    printed, _ = started.communicate(timeout=LIMIT_SEC)

    job = lab.ended(job_id)
    assert (job["status"], job.get("error")) == ("completed", None), printed
    assert (job["computeClientId"], job["computeClientName"]) == (client_id, "lab-client")
    assert lab.output(job) == content(1 << 20)
    assert b"writing 1048576 bytes\n" in lab.read(job["consoleOutputUrl"])


def test_a_compute_client_takes_a_job_by_itself_and_uploads_in_parts(lab: Lab) -> None:
    folder, client_id = lab.register("lab")
    job_id = lab.submit("files", size=5_000_000)

    lab.start("dendro", "start-compute-client", "--single-job", folder=folder)

    job = lab.ended(job_id)
    assert (job["status"], job.get("error")) == ("completed", None)
    assert job["computeClientId"] == client_id
    assert lab.output(job) == content(5_000_000)
    assert b"Uploading output file part 3/3\n" in lab.read(job["consoleOutputUrl"])


def test_a_compute_client_that_finds_nothing_ends(lab: Lab) -> None:
    folder, _ = lab.register("hello_world_service")

    started = lab.start("dendro", "start-compute-client", "--single-job", folder=folder)
    printed, _ = started.communicate(timeout=LIMIT_SEC)

    assert started.returncode == 0, printed
    assert "No more jobs to run." in printed


def test_a_job_that_fails_is_told_to_the_hub(lab: Lab) -> None:
    job_id = lab.submit("fail")

    printed, _ = lab.start("dendro", "run-pending-job", job_id).communicate(timeout=LIMIT_SEC)

    job = lab.ended(job_id)
    assert (job["status"], job["error"]) == ("failed", "Error running job: return code 1"), printed
    assert b"ValueError: no spikes" in lab.read(job["consoleOutputUrl"])


def test_a_canceled_job_is_ended_and_its_logs_are_there(lab: Lab, tmp_path: Path) -> None:
    job_id = lab.submit("wait", folder=str(tmp_path))
    started = lab.start("dendro", "run-pending-job", job_id)
    wait_until((tmp_path / "runs").exists, "the app to run")
    job = lab.job(job_id)
    assert job["status"] == "running"
    wait_until(lambda: _usage(lab, job) != [], "its resource log")

    lab.ask("cancelJob", jobId=job_id)

    started.communicate(timeout=LIMIT_SEC)
    assert not is_alive(int((tmp_path / "runs").read_text()))
    job = lab.job(job_id)
    assert (job["status"], job["canceled"]) == ("failed", True)
    assert b"[dendro] Running processor\n" in lab.read(job["consoleOutputUrl"])
    assert _usage(lab, job)[0]["virtual_memory"]["total"] > 0


def _usage(lab: Lab, job: Any) -> list[Any]:
    """The lines of the resource log that was uploaded; none if it is not there yet."""
    reply = httpx.get(job["resourceUtilizationLogUrl"], trust_env=False)
    return (
        [json.loads(line) for line in reply.text.splitlines() if line] if reply.is_success else []
    )
