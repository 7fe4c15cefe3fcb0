"""The section on time and memory in the README of each app, between two comments, and figures."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.benchmarks.app_runs import APPS

__all__ = ["write_readmes"]

BEGIN = "<!-- figures: python -m tests.benchmarks apps -->"
END = "<!-- end of figures -->"
WRITE_VARIABLE = "WRITE_APP_READMES"
"""Set to 1, the figures are written into the READMEs, and else only shown."""

HEAD = "| processor | job | first job | memory | the libraries alone |\n|---|---|---|---|---|"


def write_readmes(rows: Mapping[str, Sequence[str]], drawn: Mapping[Path, bytes]) -> Iterator[str]:
    """Put the figures of a run into the READMEs, with what its jobs drew, or show them.

    Args:
        rows: by the app's name the rows of its table.
        drawn: by their places in the folder of all apps, files that are written too.

    Yields:
        What is to be told of it, line by line.
    """
    cores = f"On a machine with {os.cpu_count()} cores."
    for app, lines in rows.items():
        table = "\n".join((BEGIN, cores, "", HEAD, *lines, END))
        readme = APPS / app / "README.md"
        if os.environ.get(WRITE_VARIABLE) != "1":
            yield f"\nFor {readme.name} of {app}; {WRITE_VARIABLE}=1 writes it:\n\n{table}"
            continue
        before, _, rest = readme.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        readme.write_text(f"{before}{table}{after}")
        yield f"Wrote the figures of {app} into {readme}"
    if os.environ.get(WRITE_VARIABLE) == "1":
        for place, content in drawn.items():
            if (APPS / place).exists():  # else the README shows another processor's
                (APPS / place).write_bytes(content)
