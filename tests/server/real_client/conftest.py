"""The original's package as it comes from PyPI, in an environment of its own, and hubs for it."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from uv import find_uv_bin

from tests.server.lifecycle.conftest import ServerProcess, run_command

HERE = Path(__file__).parent
LIMIT_SEC = 90.0
"""Whatever is waited for takes less, though the original sleeps a lot."""

APP = """
import os
import time
from pathlib import Path

from pydantic import BaseModel, Field

from dendro.sdk import App, InputFile, OutputFile, ProcessorBase

app = App("original", description="For a test")


def processor(run):
    fields = {
        "name": run.__name__,
        "label": run.__name__,
        "description": "For a test",
        "image": "lab/original:1",
        "executable": "/app/main.py",
        "attributes": {},
        "run": staticmethod(run),
    }
    app.add_processor(type(run.__name__, (ProcessorBase,), fields))


class FilesContext(BaseModel):
    output: OutputFile = Field(description="A file")
    size: int = Field(default=0, description="Its size in bytes")


@processor
def files(context: FilesContext):
    print(f"writing {context.size} bytes")
    Path("out.bin").write_bytes(bytes(n % 251 for n in range(context.size)))
    context.output.upload("out.bin")


class CountContext(BaseModel):
    input: InputFile = Field(description="A file")
    output: OutputFile = Field(description="Its size")


@processor
def count(context: CountContext):
    context.input.download("copy")
    Path("out.txt").write_text(str(os.path.getsize("copy")))
    context.output.upload("out.txt")


class OutputContext(BaseModel):
    output: OutputFile = Field(description="A file")


@processor
def fail(context: OutputContext):
    raise ValueError("no spikes")


class WaitContext(BaseModel):
    output: OutputFile = Field(description="A file")
    folder: str = Field(description="Where to tell that it runs")


@processor
def wait(context: WaitContext):
    folder = Path(context.folder)
    (folder / "new").write_text(str(os.getpid()))
    (folder / "new").rename(folder / "runs")
    while not (folder / "leave").exists():
        time.sleep(0.05)


app.run()
"""


def content(size: int) -> bytes:
    """What the processor ``files`` writes."""
    return bytes(n % 251 for n in range(size))


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment that has the original; made once in a run."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "original-client"
    with (base / "original-client.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            uv = [find_uv_bin(), "--quiet"]
            made_by = ["--python", sys.executable]
            subprocess.run([*uv, "venv", "--clear", *made_by, str(folder)], check=True)
            target = ["--python", str(folder / "bin" / "python")]
            required = ["--require-hashes", str(HERE / "requirements.txt")]
            subprocess.run([*uv, "pip", "sync", *target, *required], check=True)
            (folder / "whole").touch()
    return folder / "bin"


@pytest.fixture(scope="session")
def app_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an app that is written with the original's SDK."""
    folder = tmp_path_factory.mktemp("original-app")
    (folder / "main.py").write_text(APP, encoding="utf-8")
    return folder


class Original:
    """The original's programs, told where the hub is and with a key of its user, as users do."""

    def __init__(self, programs: Path, server: ServerProcess, docker: Path, image: Path) -> None:
        key = json.loads(run_command("users", "key", "--json").stdout)["apiKey"]
        self.url = server.url
        self.key: str = key
        self._programs = programs
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        self._environment = {
            **kept,
            "PATH": f"{docker}:{programs}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(HERE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DENDRO_API_URL": server.url,
            "DENDRO_API_KEY": key,
            "DENDRO_STAND_IN_IMAGE": str(image),
            "CONTAINER_METHOD": "docker",
        }

    def start(self, program: str, *arguments: str, folder: Path) -> "subprocess.Popen[str]":
        """Start one of its programs in a folder, in a process group of its own."""
        return subprocess.Popen(
            [str(self._programs / program), *arguments],
            env=self._environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, code: str, folder: Path) -> dict[str, Any]:
        """Run a script with the names of `asking`; what it tells at its end."""
        begun = self.start("python", "-c", f"from asking import *\n{code}", folder=folder)
        printed, _ = begun.communicate(timeout=LIMIT_SEC)
        assert begun.returncode == 0, printed
        found: dict[str, Any] = json.loads(printed.splitlines()[-1])
        return found

    def processes(self) -> list[psutil.Process]:
        """All processes that ask this hub, those included that nobody waits for."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("DENDRO_API_URL") == self.url:
                    found.append(process)
            except psutil.Error:
                continue
        return found


def wait_until_gone(original: Original) -> None:
    """Wait for the end of all that the original started; its monitors end a little later."""
    deadline = time.monotonic() + LIMIT_SEC
    while found := original.processes():
        assert time.monotonic() < deadline, [process.cmdline() for process in found]
        time.sleep(0.1)


@contextmanager
def serving(
    command: str, programs: Path, app_folder: Path, folder: Path, **variables: str
) -> Generator[Original]:
    """A block in which a fresh store in a folder is served, with the app on ``lab``."""
    docker = folder / "bin"
    docker.mkdir()
    (docker / "docker").write_text(f"#!{sys.executable}\n{(HERE / 'stand_in.py').read_text()}")
    (docker / "docker").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DENDRO_")]:
            patch.delenv(name)
        patch.delenv("CONTAINER_METHOD", raising=False)
        patch.setenv("DENDRO_LOCAL_DIR", str(folder / "store"))
        for name, value in variables.items():
            patch.setenv(name, value)
        added = run_command("apps", "add", str(app_folder), "--service", "lab")
        assert added.returncode == 0, added.stderr
        server = ServerProcess(command)
        try:
            yield Original(programs, server, docker, app_folder)
        finally:
            server.stop()


@pytest.fixture(scope="module")
def up(
    programs: Path, app_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Original]:
    """The original, against ``dendro-local up``, which runs its jobs."""
    with serving("up", programs, app_folder, tmp_path_factory.mktemp("up")) as original:
        yield original
