"""Servers of a benchmark, each in a process of its own."""

import contextlib
import subprocess
from collections.abc import Generator
from pathlib import Path

from tests.benchmarks.processes import ROOT, ProcessFailed, python

__all__ = ["serving"]


@contextlib.contextmanager
def serving(module: str, *arguments: str | Path) -> Generator[str]:
    """A server that a module is, as a script; gives its URL.

    The script prints the URL when it serves, and ends when its stdin does.

    Raises:
        ProcessFailed: it did not start.
    """
    with subprocess.Popen(
        python("-m", module, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        if process.stdout is None or process.stdin is None:
            raise AssertionError
        url = process.stdout.readline().strip()
        if not url:
            raise ProcessFailed(f"{module} did not start")
        try:
            yield url
        finally:
            process.stdin.close()
