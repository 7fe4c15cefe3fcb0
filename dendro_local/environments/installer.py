"""The tool that makes environments and installs into them: uv, or venv and pip without it."""

import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from dendro_local.environments.key import is_served_by_this_python
from dendro_local.environments.package_sources import (
    PackageSources,
    pip_variables,
    uv_variables,
)
from dendro_local.environments.records import Requirements
from dendro_local.environments.torch_builds import CPU_INDEX, TorchChoice, names_torch

__all__ = ["Installer", "Pip", "Uv", "find_installer"]

Command = Sequence[str | Path]

_ABOUT_ANOTHER_PLACE = (
    "CONDA_PREFIX",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "PIP_PREFIX",
    "PIP_PYTHON",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
    "PYTHONHOME",
    "PYTHONPATH",
    "UV_NO_INSTALL_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_VENV_RELOCATABLE",
    "VIRTUAL_ENV",
)
"""Variables that would lead a tool to another environment than the one it is to work on."""


class Installer(Protocol):
    """Gives the commands that build an environment; runs none of them."""

    name: str
    """The tool and its version."""

    lacks: Sequence[str]
    """Keys of ``[tool.uv]`` that it cannot carry out."""

    finds_other_pythons: bool
    """Whether it can make environments of a Python that is not the running one."""

    goes_offline_if_told: bool
    """Whether it fails when an index is out of reach, unless it is told to do without."""

    def environ(self, base: Mapping[str, str], sources: PackageSources) -> dict[str, str]:
        """The environment variables of its commands."""
        ...

    def make(self, folder: Path, requirements: Requirements) -> Command:
        """The command that makes an empty environment."""
        ...

    def install(
        self,
        folder: Path,
        requirements: Requirements,
        sources: PackageSources,
        torch: TorchChoice,
        *,
        offline: bool,
    ) -> Command:
        """The command that installs what ``requirements.txt`` and ``constraints.txt`` in it say."""
        ...


class Uv:
    """uv, the program."""

    lacks: Sequence[str] = ()
    finds_other_pythons = True
    goes_offline_if_told = True

    def __init__(self, program: str, version: str) -> None:
        self.name = version
        self._program = program

    def environ(self, base: Mapping[str, str], sources: PackageSources) -> dict[str, str]:
        """The environment variables of its commands."""
        environ = _plain(base)
        for folded in ("UV_INDEX_URL", "UV_EXTRA_INDEX_URL"):
            environ.pop(folded, None)
        return {**environ, **uv_variables(sources)}

    def make(self, folder: Path, requirements: Requirements) -> Command:
        """The command that makes an empty environment."""
        python = sys.executable
        if not is_served_by_this_python(requirements):
            python = requirements.requires_python or ""
        return [self._program, "venv", "--no-project", "--python", python, folder]

    def install(
        self,
        folder: Path,
        requirements: Requirements,
        sources: PackageSources,
        torch: TorchChoice,
        *,
        offline: bool,
    ) -> Command:
        """The command that installs what the two files say."""
        options: list[str] = []
        if torch.backend is not None:
            options += self._backend(torch.backend, requirements)
        if offline:
            options.append("--offline")
        if sources.no_index:
            options.append("--no-index")
        if requirements.no_build:
            options.append("--no-build")
        if requirements.prerelease is not None:
            options += ["--prerelease", requirements.prerelease]
        if requirements.exclude_newer is not None:
            options += ["--exclude-newer", requirements.exclude_newer]
        return [
            *(self._program, "pip", "install", "--python", folder / "bin" / "python"),
            "--compile-bytecode",
            *options,
            *_files(folder, requirements, torch),
        ]

    def _backend(self, backend: str, requirements: Requirements) -> Sequence[str]:
        shown = subprocess.run(
            [self._program, "pip", "install", "--help"], capture_output=True, check=False
        )
        if b"--torch-backend" in shown.stdout:
            return ["--torch-backend", backend]
        if backend == "cpu" and names_torch(requirements):
            # Versions of all indexes compete: PyTorch's has old ones of other packages too.
            return ["--extra-index-url", CPU_INDEX, "--index-strategy", "unsafe-best-match"]
        return []


class Pip:
    """The venv module and pip, of the running Python."""

    lacks: Sequence[str] = ("exclude-newer",)
    finds_other_pythons = False
    goes_offline_if_told = False

    def __init__(self) -> None:
        self.name = f"venv and pip of Python {sys.version.split()[0]}"

    def environ(self, base: Mapping[str, str], sources: PackageSources) -> dict[str, str]:
        """The environment variables of its commands."""
        return {
            **_plain(base),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_PROGRESS_BAR": "off",
            **pip_variables(sources),
        }

    def make(self, folder: Path, requirements: Requirements) -> Command:
        """The command that makes an empty environment, with pip if it is needed."""
        options = [] if requirements.dependencies else ["--without-pip"]
        return [sys.executable, "-m", "venv", *options, folder]

    def install(
        self,
        folder: Path,
        requirements: Requirements,
        sources: PackageSources,
        torch: TorchChoice,
        *,
        offline: bool,
    ) -> Command:
        """The command that installs what the two files say."""
        del sources, offline  # said by variables; and pip goes on without an index by itself
        options: list[str] = []
        if torch.backend == "cpu" and names_torch(requirements):
            options += ["--extra-index-url", CPU_INDEX]
        if requirements.no_build:
            options += ["--only-binary", ":all:"]
        if requirements.prerelease == "allow":
            options.append("--pre")
        return [
            *(folder / "bin" / "python", "-m", "pip", "install"),
            *options,
            *_files(folder, requirements, torch),
        ]


def find_installer(environ: Mapping[str, str]) -> Installer:
    """uv, from the path or from its package, if it runs; else the venv module and pip."""
    for program in (shutil.which("uv", path=environ.get("PATH", "")), _uv_of_package()):
        if program is not None and (version := _version(program, environ)) is not None:
            return Uv(program, version)
    return Pip()


def _uv_of_package() -> str | None:
    try:
        find_program: Callable[[], str] = importlib.import_module("uv").find_uv_bin
        return find_program()
    except (ImportError, AttributeError, OSError):
        return None


def _version(program: str, environ: Mapping[str, str]) -> str | None:
    """What the program says of itself; None if it does not run here."""
    try:
        ended = subprocess.run(
            [program, "--version"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ended.stdout.strip() if ended.returncode == 0 and ended.stdout else None


def _files(folder: Path, requirements: Requirements, torch: TorchChoice) -> Command:
    """The options that name what is to be installed, and within which limits, if there are any."""
    limits = requirements.constraints or torch.constraints
    return [
        *("-r", folder / "requirements.txt"),
        *(("-c", folder / "constraints.txt") if limits else ()),
    ]


def _plain(base: Mapping[str, str]) -> dict[str, str]:
    """The variables for a tool: none that lead it astray, and no key of a hub."""
    kept = {
        name: value
        for name, value in base.items()
        if name not in _ABOUT_ANOTHER_PLACE and not name.startswith(("DENDRO_", "JOB_"))
    }
    return {**kept, "NO_COLOR": "1", "GIT_TERMINAL_PROMPT": "0"}
