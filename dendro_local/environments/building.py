"""Building one environment: an empty one is made, and what the app needs is installed into it.

A virtual environment holds its own path, so it is built where it will stay. It is ready once
``ready.json`` lies in it, which is written last; without that file it is nothing but a leftover.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from dendro_local.environments.build_log import BuildLog, ToolEnd
from dendro_local.environments.folder import python_in, size_bytes_of, write_whole
from dendro_local.environments.installer import Command, Installer, find_installer
from dendro_local.environments.key import is_served_by_this_python
from dendro_local.environments.package_sources import PackageSources, package_sources
from dendro_local.environments.pip_configuration import pip_configuration
from dendro_local.environments.records import ReadyMarker, Requirements
from dendro_local.environments.torch_builds import (
    TorchChoice,
    names_torch,
    torch_choices,
)
from dendro_local.environments.torch_variant import TorchVariant
from dendro_local.errors import EnvironmentFailed, InvalidApp

__all__ = ["Build"]

Trouble = Literal["none", "disk", "network", "no solution", "other"]

_SIGNS: Sequence[tuple[Trouble, Sequence[str]]] = (
    ("disk", ("No space left on device", "Disk quota exceeded", "(os error 28)")),
    (
        "network",
        (
            "error sending request",
            "dns error",
            "operation timed out",
            "Network connectivity is disabled",
            "because the network was disabled",
            "Failed to establish a new connection",
            "NameResolutionError",
            "ConnectTimeoutError",
        ),
    ),
    ("no solution", ("No solution found", "ResolutionImpossible", "No matching distribution")),
)
"""What uv and pip print when they fail for one of these reasons."""


class Build:
    """One build of an environment."""

    def __init__(
        self,
        folder: Path,
        requirements: Requirements,
        torch: TorchVariant,
        environ: Mapping[str, str],
        log: BuildLog,
        lock: int,
    ) -> None:
        """Prepare it.

        Args:
            folder: where the environment will be; nothing is there.
            requirements: what it has to give.
            torch: which build of Torch suits.
            environ: the environment variables.
            log: hears what is done.
            lock: the descriptor of the lock, which the tools keep.
        """
        self._folder = folder
        self._requirements = requirements
        self._torch: TorchVariant = torch
        self._base = environ
        self._log = log
        self._lock = lock
        self._installer: Installer = find_installer(environ)
        self._sources: PackageSources = package_sources(
            requirements, environ, pip_configuration(environ)
        )
        self._environ = self._installer.environ(environ, self._sources)

    def run(self) -> Path:
        """Build it.

        Returns:
            Its Python.

        Raises:
            BuildStopped: it was to stop.
            EnvironmentFailed: a tool failed.
            InvalidApp: there is no Python that the app asks for.
            OSError: the disk refused something.
        """
        started_at = datetime.now(UTC)
        self._begin_log(started_at)
        self._check_installer()
        self._make()
        if self._requirements.dependencies:
            self._install()
        marker = self._marker()
        # The files themselves are not forced to the disk, which would take longer than to build
        # again what a power cut spoils: `envs remove` is the way out then.
        write_whole(self._folder / "ready.json", msgspec.json.encode(marker))
        took_sec = (marker.created_at - started_at).total_seconds()
        self._log.write(f"The environment is ready after {took_sec:.1f} s.")
        return python_in(self._folder)

    def _begin_log(self, started_at: datetime) -> None:
        needed = ", ".join(self._requirements.dependencies) or "nothing"
        self._log.write(f"Preparing environment {self._folder.name} with {self._installer.name}")
        self._log.write(f"for {self._requirements.file}, which needs {needed}")
        self._log.write(f"at {started_at.isoformat(timespec='seconds')}")

    def _check_installer(self) -> None:
        if not self._installer.finds_other_pythons and not self._is_this_python():
            raise self._no_python("Only uv finds another one, and it cannot run here: install uv.")
        if "exclude-newer" in self._installer.lacks and self._requirements.exclude_newer:
            raise EnvironmentFailed(
                f"{self._requirements.file} sets tool.uv.exclude-newer, which only uv carries "
                "out, and uv cannot run here. Install uv, or leave it out."
            )

    def _make(self) -> None:
        end = self._run(self._installer.make(self._folder, self._requirements))
        if end.exit_code == 0:
            return
        if self._is_this_python():
            raise self._failed(end)
        raise self._no_python(f"uv found no other:\n{_indented(end.last_lines)}\n{self._rest()}")

    def _install(self) -> None:
        requirements = self._requirements
        _write_lines(self._folder / "requirements.txt", requirements.dependencies)
        first, *others = torch_choices(self._torch, self._sources, self._base)
        end = self._install_with(first)
        for choice in others:
            if _trouble(end) not in ("network", "no solution"):
                break
            end = self._install_with(choice)
        if end.exit_code != 0:
            raise self._failed(end)

    def _install_with(self, torch: TorchChoice) -> ToolEnd:
        """Try one choice of Torch: with the network, or without it where it is out of reach."""
        if names_torch(self._requirements):
            self._log.write(f"Torch: {torch.description}")
        _write_lines(
            self._folder / "constraints.txt", [*self._requirements.constraints, *torch.constraints]
        )
        end = self._run(self._install_command(torch, offline=False))
        if _trouble(end) == "network" and self._installer.goes_offline_if_told:
            self._log.write("An index is out of reach: trying with what is on this machine")
            again = self._run(self._install_command(torch, offline=True))
            return again if again.exit_code == 0 else end
        return end

    def _install_command(self, torch: TorchChoice, *, offline: bool) -> Command:
        return self._installer.install(
            self._folder, self._requirements, self._sources, torch, offline=offline
        )

    def _run(self, command: Command) -> ToolEnd:
        return self._log.run(
            command, environ=self._environ, folder=self._folder.parent, inherited=self._lock
        )

    def _is_this_python(self) -> bool:
        return is_served_by_this_python(self._requirements)

    def _no_python(self, remedy: str) -> InvalidApp:
        requirements = self._requirements
        return InvalidApp(
            f"{requirements.file}, line {requirements.line}: the app needs Python "
            f"{requirements.requires_python}, but this is {_this_python()}. {remedy}"
        )

    def _failed(self, end: ToolEnd) -> EnvironmentFailed:
        how = f"exit code {end.exit_code}" if end.exit_code >= 0 else f"signal {-end.exit_code}"
        tool = self._installer.name.split()[0] if "uv" in self._installer.name else "pip"
        return EnvironmentFailed(
            f"The environment that {self._requirements.file} needs could not be built: {tool} "
            f"ended with {how}.{_hint(end)} The end of what it printed:\n"
            f"{_indented(end.last_lines)}\n{self._rest()}"
        )

    def _rest(self) -> str:
        return f"See {self._log.file} for the rest."

    def _marker(self) -> ReadyMarker:
        return ReadyMarker(
            created_at=datetime.now(UTC),
            built_for=str(self._requirements.file),
            dependencies=self._requirements.dependencies,
            requires_python=self._requirements.requires_python,
            torch=self._torch,
            python_version=_python_version(self._folder),
            packages=_packages(self._folder),
            size_bytes=size_bytes_of(self._folder),
            built_by=self._installer.name,
        )


def _write_lines(file: Path, lines: Sequence[str]) -> None:
    """Write a file of so many lines."""
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _trouble(end: ToolEnd) -> Trouble:
    """Why a tool failed, as far as what it printed says so."""
    if end.exit_code == 0:
        return "none"
    for trouble, signs in _SIGNS:
        if any(sign in end.output for sign in signs):
            return trouble
    return "other"


def _hint(end: ToolEnd) -> str:
    trouble = _trouble(end)
    if trouble == "disk":
        return (
            " No room is left on a disk: `dendro-local envs prune` removes environments that are "
            "not used any more, `uv cache clean` empties uv's cache."
        )
    if trouble == "network" and "download.pytorch.org" in end.output:
        return (
            " PyTorch's index cannot be reached, and no other place has the build for this "
            "machine. Name a place that has it in UV_FIND_LINKS, or take the build of the package "
            "index, of several GB, with DENDRO_TORCH=cuda."
        )
    if trouble == "network":
        return (
            " A package index cannot be reached: connect to the network, or name a place that "
            "has the packages in UV_FIND_LINKS."
        )
    return ""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _this_python() -> str:
    import platform  # only for a message

    return platform.python_version()


def _python_version(folder: Path) -> str:
    """The version that an environment's own configuration has: uv and venv name it differently."""
    for line in (folder / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name.strip() in ("version", "version_info"):
            return value.strip()
    return "unknown"


def _packages(folder: Path) -> tuple[str, ...]:
    """What is installed, from the names of the folders that describe it."""
    found: set[str] = set()
    for described in folder.glob("lib/python*/site-packages/*.dist-info"):
        name, _, version = described.name.removesuffix(".dist-info").partition("-")
        found.add(f"{name}=={version}")
    return tuple(sorted(found, key=str.lower))
