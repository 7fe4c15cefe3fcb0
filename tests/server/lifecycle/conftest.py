"""Servers as processes of their own."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

COMMAND = str(Path(sys.executable).with_name("dendro-local"))
START_SEC = 30.0


class ServerProcess:
    """``dendro-local up`` or ``serve`` with these arguments, on a port that is free."""

    def __init__(self, *arguments: str) -> None:
        command = [COMMAND, *arguments]
        if "--port" not in arguments:
            command += ["--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.stop()
        facts = msgspec.json.decode(line)
        self.url: str = facts["url"]
        self.port: int = facts["port"]

    def ask(self, path: str = "/api/findJobs") -> httpx.Response:
        body = {"type": "findJobsRequest", "serviceName": "hello_world_service"}
        return httpx.post(self.url + path, json=body)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, float]:
        """Send a signal and wait for the end: exit code, stderr, and how long it took in s."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=START_SEC)
        return self.process.returncode, errors, time.monotonic() - began


ServerStarter = Callable[..., ServerProcess]


@pytest.fixture
def start_server(store_folder: Path) -> Iterator[ServerStarter]:
    """Start a server of the fresh store: ``start_server('up')``; it ends with the test."""
    started: list[ServerProcess] = []

    def start(*arguments: str) -> ServerProcess:
        started.append(ServerProcess(*arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of dendro-local that ends by itself."""
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
