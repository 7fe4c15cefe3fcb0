"""What is built from the checkout, and environments with nothing else than that."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


class Built(NamedTuple):
    """A source distribution, and the wheel that was built from it."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both, built from a copy of the checkout in which somebody made a store."""
    folder = tmp_path_factory.mktemp("checkout")
    hidden = shutil.ignore_patterns(".*cache", ".venv", ".git", ".hypothesis", "__pycache__")
    shutil.copytree(ROOT, folder, symlinks=True, ignore=hidden, dirs_exist_ok=True)
    (folder / "a_store" / "sdk").mkdir(parents=True)
    (folder / "a_store" / "sdk" / "dendro_local").symlink_to(folder / "dendro_local")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", "built", "."],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return Built(*folder.glob("built/*.tar.gz"), *folder.glob("built/*.whl"))


class Environment:
    """A Python environment apart from the one that runs the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = folder / "bin" / "python"
        self.library = next(folder.glob("lib/python*/site-packages"))

    def install(self, wheel: Path) -> None:
        """Install a wheel, and nothing of what it needs."""
        self.uv("install", "--no-deps", "--offline", wheel)

    def uv(self, command: str, *options: str | Path) -> None:
        subprocess.run(
            [sys.executable, "-m", "uv", "pip", command, "--python", self.python, *options],
            check=True,
            capture_output=True,
        )

    def install_needed(self, requirements: Sequence[str]) -> None:
        """Install what is required, and what that requires.

        The files are those of the distributions that run the tests, by their own lists of files.
        So no network is needed, and nothing gets in that nobody requires.
        """
        for needed in closure(requirements):
            for file in needed.files or ():
                if ".." not in file.parts:
                    target = self.library / file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(str(needed.locate_file(file)), target)

    def run(
        self, *arguments: str | Path, cwd: Path, variables: Mapping[str, str] | None = None
    ) -> str:
        """What Python prints; its warnings are errors."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        ended = subprocess.run(
            [self.python, "-W", "error", *arguments],
            cwd=cwd,
            env={**kept, **(variables or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def closure(requirements: Sequence[str]) -> list[Distribution]:
    """The distributions that meet the requirements, with all that these require themselves."""
    found: dict[str, Distribution] = {}
    waiting = [(Requirement(text), "") for text in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        marker = requirement.marker
        if marker is not None and not marker.evaluate({"extra": extra}):
            continue
        one = found[requirement.name] = distribution(requirement.name)
        for wanted in ("", *requirement.extras):
            more = [(Requirement(text), wanted) for text in one.requires or ()]
            waiting += [pair for pair in more if pair[0].name not in found]
    return list(found.values())
