"""The Python with which an app runs."""

import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["app_python", "declares_environment"]

_MARK = b"# /// script"
"""How the block of PEP 723 begins."""


def declares_environment(folder: Path) -> bool:
    """Whether the app in a folder says what it needs to be installed."""
    return _MARK in (folder / "main.py").read_bytes()


def app_python(
    folder: Path,
    environments_folder: Path,
    tell: Callable[[str], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> Path | None:
    """The Python with which the app in a folder runs; None if making it was stopped.

    An app that declares what it needs, by the block of PEP 723 in its ``main.py``, runs in an
    environment of its own, which is built when it is needed first. Any other app runs with the
    Python of this process.

    Args:
        folder: the app's.
        environments_folder: where the store keeps environments.
        tell: is told what goes on while one is built, line by line.
        should_stop: asked now and then while one is built.

    Raises:
        InvalidApp: the block cannot be read.
        EnvironmentFailed: what it asks for cannot be installed.
        StoreError: there is no room for it.
    """
    if not declares_environment(folder):
        return Path(sys.executable)
    from dendro_local.environments import Environments, requirements_of  # most apps need none

    requirements = requirements_of(folder / "main.py")
    if requirements is None:
        return Path(sys.executable)
    environments = Environments(environments_folder)
    return environments.ready(requirements) or environments.prepare(requirements, tell, should_stop)
