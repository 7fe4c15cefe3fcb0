"""One of several processes that submit the same jobs at the same time.

``python -m tests.benchmarks.scripts.race KIND FOLDER SEED COUNT``: ready when it says so, it
begins at the first line on stdin, and prints JSON in the end. KIND is ``dendro``, or ``sqlite3``
for the least that could be done instead: a look-up, and an insert of what is not there.
"""

import json
import random
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dendro_local.client.default_hub import default_hub
from dendro_local.errors import DendroError
from tests.benchmarks.scripts.submit import submit

RECORD = "a record of a job, as long as most are. " * 15


def by_dendro(folder: Path) -> Callable[[str], object]:
    """Submits greetings to the default store, which is the one in the folder."""
    default_hub()
    return lambda name: submit("hello_world_2", name)


def by_sqlite3(folder: Path) -> Callable[[str], object]:
    """Inserts records into a plain database, each once."""
    connection = sqlite3.connect(folder / "plain.db", timeout=60, isolation_level=None)
    connection.execute("pragma synchronous = full")

    def find(name: str) -> object:
        return connection.execute("select record from jobs where hash = ?", (name,)).fetchone()

    def insert(name: str) -> object:
        found = find(name)
        if found is None:
            connection.execute("begin immediate")
            found = find(name)
            if found is None:
                connection.execute("insert into jobs (hash, record) values (?, ?)", (name, RECORD))
            connection.execute("commit")
        return found

    return insert


def main() -> None:
    """Submit all, each once, and tell how long each took."""
    kind, folder, seed, count = sys.argv[1:]
    submit_one = (by_dendro if kind == "dendro" else by_sqlite3)(Path(folder))
    names = [f"name {number}" for number in range(int(count))]
    random.Random(int(seed)).shuffle(names)
    seconds: list[float] = []
    errors: list[str] = []
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.time()
    for name in names:
        before = time.perf_counter()
        try:
            submit_one(name)
        except (DendroError, sqlite3.Error) as error:
            errors.append(str(error))
        seconds.append(time.perf_counter() - before)
    told = {"begun": begun, "ended": time.time(), "seconds": seconds, "errors": errors}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
