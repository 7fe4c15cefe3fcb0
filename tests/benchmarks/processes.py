"""Whole processes: started, awaited, and required to succeed."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.benchmarks.measuring import timed

__all__ = ["ROOT", "SCRIPTS", "ProcessFailed", "python", "run", "whole"]

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, from which ``-m tests.benchmarks...`` works."""

SCRIPTS = Path(__file__).resolve().parent / "scripts"


class ProcessFailed(Exception):
    """A process that is measured did not end well, so that its time means nothing."""


def python(*arguments: str | Path) -> list[str]:
    """The command that runs this environment's Python."""
    return [sys.executable, *map(str, arguments)]


def run(command: Sequence[str], variables: Mapping[str, str] | None = None) -> str:
    """Run a command to its end, with some variables beside those of this process.

    Returns:
        What it printed.

    Raises:
        ProcessFailed: it cannot be started, or its exit code is not 0.
    """
    try:
        ended = subprocess.run(
            command,
            env={**os.environ, **(variables or {})},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise ProcessFailed(f"{command[0]} cannot be started: {error.strerror}.") from error
    if ended.returncode != 0:
        raise ProcessFailed(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr}")
    return ended.stdout


def whole(
    command: Sequence[str], variables: Mapping[str, str] | None = None
) -> Callable[[], float]:
    """A call that runs a command and gives how many seconds it took as a whole."""
    return timed(lambda: run(command, variables))
