"""Which processes run the Python of an environment."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["processes_of"]


def processes_of(folder: Path) -> list[int]:
    """The processes of this machine that were started as a program of an environment.

    These are apps, warm hosts and all that they start with ``sys.executable``, as far as this
    user may see them.
    """
    programs = tuple({f"{folder}/bin/", f"{folder.resolve()}/bin/"})
    return [pid for pid, command in _commands() if command.startswith(programs)]


def _commands() -> Iterator[tuple[int, str]]:
    """Each process with its command line, which begins with the program."""
    if sys.platform == "linux":
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue  # it has ended
            yield int(process.name), os.fsdecode(command)
    else:
        shown = subprocess.run(
            ["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=False
        )
        for line in shown.stdout.splitlines():
            pid, _, command = line.strip().partition(" ")
            yield int(pid), command.strip()
