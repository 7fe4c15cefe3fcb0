"""What a process pays before it does anything: imports, the command's help, a cached script."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.default_store import run_here, using
from tests.benchmarks.figure import Figure, more_than_reference
from tests.benchmarks.measuring import alternate
from tests.benchmarks.processes import SCRIPTS, python, whole
from tests.benchmarks.scripts.submit import greeting
from tests.benchmarks.stores import Stores

__all__ = ["imports"]


def imports(stores: Stores) -> Iterator[Figure]:
    """Whole processes, each beside one that does as little as can be."""
    rounds = stores.size(30, quick=7)
    modules = python("-c", "import sqlite3, json")
    package = python("-c", "import dendro_local")
    yield _more(rounds, "import dendro_local", package, modules, 0.040)
    client = python("-c", "from dendro_local import submit_job")
    yield _more(rounds, "from dendro_local import submit_job", client, modules, None)

    nothing = python("-c", "pass")
    folder = stores.folder("store")
    with using(folder):
        run_here([greeting("hello_world_2", "world")])
        script = python(SCRIPTS / "submit.py", "hello_world_2", "world")
        yield _more(rounds, "script that submits one cached job", script, nothing, 0.150)
    help_of_command = [str(Path(sys.executable).with_name("dendro-local")), "--help"]
    yield _more(rounds, "dendro-local --help", help_of_command, nothing, 0.120)


def _more(
    rounds: int,
    what: str,
    command: Sequence[str],
    reference: Sequence[str],
    limit_sec: float | None,
) -> Figure:
    measured, least = alternate(whole(command), whole(reference), rounds=rounds)
    name = f"python {' '.join(reference[1:])}"
    return more_than_reference(what, measured, name, least, limit_sec)
