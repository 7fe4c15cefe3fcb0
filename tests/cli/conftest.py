"""The command line on a fresh store, called in this process or as one of its own."""

import contextlib
import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dendro_local.cli import main
from dendro_local.local_hub import LocalHub
from dendro_local.model import JobId, JobStatus

LIMIT_SEC = 60.0
"""How long a process may take, on a machine that is busy."""

Run = Callable[..., Result]
RunJson = Callable[..., Any]
RunInTerminal = Callable[..., tuple[int, str]]
Start = Callable[..., "subprocess.Popen[str]"]
Submit = Callable[..., str]
WaitFor = Callable[[str, JobStatus], None]

LAB_APP = """
    import pathlib
    import time
    from typing import Literal, Optional

    @app.processor
    def join(parts: list[InputFile], output: OutputFile, separator: str = "-") -> None:
        texts = [pathlib.Path(part.download()).read_text() for part in parts]
        pathlib.Path("joined.txt").write_text(separator.join(texts))
        output.upload("joined.txt")

    @app.processor
    def typed(
        count: int,
        output: OutputFile,
        rate: float = 1.5,
        channels: list[int] = [0],
        label: Optional[str] = None,
        mode: Literal["fast", "slow"] = "fast",
    ) -> None:
        pathlib.Path("values.txt").write_text(repr((count, rate, channels, label, mode)))
        output.upload("values.txt")

    @app.processor
    def fail() -> None:
        print("about to fail")
        raise ValueError("no spikes")

    @app.processor
    def wait_for_file(path: str, result: OutputFile) -> None:
        print("waiting", flush=True)
        while not pathlib.Path(path).exists():
            time.sleep(0.01)
        print("it is there")
        pathlib.Path("result.txt").write_text("done")
        result.upload("result.txt")
"""


@pytest.fixture
def run(store_folder: Path) -> Run:
    """Call a command in this process: ``run('jobs', '--json')``; ``code`` is what it must end with.

    The store is the fresh one.
    """

    def call(*arguments: str | Path, code: int = 0) -> Result:
        result = CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return call


@pytest.fixture
def run_json(run: Run) -> RunJson:
    """Call a command with ``--json``, and give what it printed as Python values."""

    def call(*arguments: str | Path, code: int = 0) -> Any:
        return json.loads(run(*arguments, "--json", code=code).stdout)

    return call


@pytest.fixture
def submit(run: Run) -> Submit:
    """Submit a processor of hello_world, and give the job's id: ``submit('hello_world_1')``."""

    def call(processor: str, *options: str) -> str:
        return run("submit", "hello_world", processor, *options).stdout.strip()

    return call


@pytest.fixture
def lab_app(run: Run, make_app: Callable[..., Path]) -> Path:
    """The folder of an app ``lab``, which is registered."""
    folder = make_app("lab", LAB_APP)
    run("apps", "add", folder)
    return folder


@pytest.fixture
def start(store_folder: Path) -> Iterator[Start]:
    """Start a command as a process of its own, on the fresh store; ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def call(
        *arguments: str, stdout: int = subprocess.PIPE, env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "dendro_local.cli", *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield call
    for process in started:
        with process:
            process.kill()


@pytest.fixture
def run_in_terminal(store_folder: Path) -> RunInTerminal:
    """Call a command whose stdout is a terminal: its exit code, and what the terminal shows."""

    def call(*arguments: str, **variables: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "dendro_local.cli", *arguments],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        shown = b""
        with process, contextlib.suppress(OSError):  # Linux ends a terminal with EIO
            while part := os.read(ours, 4096):
                shown += part
        os.close(ours)
        return process.returncode, shown.decode().replace("\r\n", "\n")

    return call


@pytest.fixture
def wait_for(hub: LocalHub) -> WaitFor:
    """Wait until a job has a status: ``wait_for(job_id, 'running')``."""

    def wait(job_id: str, status: JobStatus) -> None:
        changes = hub.changes()
        deadline = time.monotonic() + LIMIT_SEC
        while hub.get_job(JobId(job_id)).status != status:
            assert time.monotonic() < deadline, hub.get_job(JobId(job_id))
            changes.wait(0.5)
        changes.close()

    return wait
