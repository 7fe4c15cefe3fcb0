"""Environments in a fresh folder, of packages made by hand, on a machine without network."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dendro_local.environments import Environments, Requirements, requirements_of
from tests.environments.packages import add_gated_package, add_wheel

MakeMain = Callable[..., Path]
Needs = Callable[..., Requirements]

PREPARE = """
import sys
from pathlib import Path
from dendro_local.environments import Environments, requirements_of

requirements = requirements_of(Path(sys.argv[1]))
tell = lambda line: print(line, flush=True)
print(Environments(Path(sys.argv[2])).prepare(requirements, tell, lambda: False))
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with the packages ``rig`` 1.0 and 2.0, ``probe``, and ``gated``."""
    folder = tmp_path / "packages"
    add_wheel(folder, "rig", "1.0")
    add_wheel(folder, "rig", "2.0")
    add_wheel(folder, "probe")
    add_gated_package(folder)
    return folder


@pytest.fixture
def environ(tmp_path: Path, packages: Path) -> dict[str, str]:
    """Variables of a machine whose only packages are those of the folder."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("UV_", "PIP_", "DENDRO_"))
    }
    return {
        **kept,
        "GATE": str(tmp_path / "gate"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "UV_FIND_LINKS": str(packages),
        "UV_PYTHON_DOWNLOADS": "never",
    }


@pytest.fixture
def environments(tmp_path: Path, environ: dict[str, str]) -> Environments:
    """The environments of a store that has none yet."""
    return Environments(tmp_path / "store" / "envs", environ)


@pytest.fixture
def make_main(tmp_path: Path) -> MakeMain:
    """Write a ``main.py`` whose block has these lines: ``make_main('dependencies = []')``."""

    def make(*lines: str, app: str = "app") -> Path:
        file = tmp_path / "apps" / app / "main.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        block = ["# /// script", *(f"# {line}".rstrip() for line in lines), "# ///"]
        file.write_text("\n".join(["'''An app.'''", *block, "print('hello')", ""]))
        return file

    return make


@pytest.fixture
def needs(make_main: MakeMain) -> Needs:
    """What an app needs that declares these dependencies: ``needs('rig>=1')``."""

    def need(*dependencies: str, app: str = "app") -> Requirements:
        found = requirements_of(make_main(f"dependencies = {list(dependencies)}", app=app))
        assert found is not None
        return found

    return need


@pytest.fixture
def preparing(
    tmp_path: Path, environ: dict[str, str]
) -> Iterator[Callable[[Requirements], "subprocess.Popen[str]"]]:
    """Prepare an environment in a process of its own, which prints what it is told."""
    started: list[subprocess.Popen[str]] = []

    def start(requirements: Requirements) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", PREPARE, requirements.file, tmp_path / "store" / "envs"],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    (tmp_path / "gate").touch()
    for process in started:
        with process:
            process.kill()


class Gate:
    """What the package ``gated`` waits for while it is built."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def builds(self) -> list[int]:
        """The process of each build that has begun."""
        begun = Path(f"{self._file}.begun")
        return [int(line) for line in begun.read_text().splitlines()] if begun.exists() else []

    def wait_for_build(self) -> int:
        """Wait until a build has begun; its process."""
        deadline = time.monotonic() + 60
        while not self.builds():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self.builds()[0]

    def open(self, text: str = "") -> None:
        """Let builds end; with ``fail``, in failure."""
        whole = self._file.with_suffix(".new")
        whole.write_text(text)
        whole.rename(self._file)  # or a build could see it before there is anything in it


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """The gate, closed until the test opens it."""
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.open()
