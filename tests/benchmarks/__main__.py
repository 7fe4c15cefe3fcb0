"""Run benchmarks and print their figures: ``python -m tests.benchmarks [--quick] [NAME ...]``."""

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.benchmarks import (
    apps,
    claim,
    cold,
    console,
    files,
    hit,
    idle,
    imports,
    listeners,
    pages,
    peers,
    served,
    size,
    submitters,
    sync_blobs,
    sync_miss,
    sync_nothing,
    sync_peers,
    sync_records,
    sync_static,
    upload,
    warm,
)
from tests.benchmarks.figure import HEAD, Figure, line
from tests.benchmarks.processes import ProcessFailed
from tests.benchmarks.stores import Stores

BENCHMARKS: Mapping[str, Callable[[Stores], Iterator[Figure]]] = {
    "hit": hit.hit,
    "hit_folder_app": hit.hit_folder_app,
    "submitters": submitters.submitters,
    "size": size.size,
    "import": imports.imports,
    "cold": cold.cold,
    "warm": warm.warm,
    "idle": idle.idle,
    "claim": claim.claim,
    "peers": peers.peers,
    "served_hit": served.served_hit,
    "served_lists": served.served_lists,
    "served_start": served.served_start,
    "upload": upload.upload,
    "files": files.files,
    "listeners": listeners.listeners,
    "pages": pages.pages,
    "console": console.console,
    "sync_records": sync_records.sync_records,
    "sync_nothing": sync_nothing.sync_nothing,
    "sync_blobs": sync_blobs.sync_blobs,
    "sync_static": sync_static.sync_static,
    "sync_miss": sync_miss.sync_miss,
    "sync_peers": sync_peers.sync_peers,
    "apps": apps.apps,
}


def main() -> int:
    """Run what the command line names; 1 if something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="smaller stores and fewer calls")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
    # Settings of the user's, and of how Python starts and whether it keeps byte code.
    for variable in [name for name in os.environ if name.startswith(("DENDRO_", "PYTHON"))]:
        del os.environ[variable]
    names = options.names or [name for name in BENCHMARKS if name != "apps" or _has_apps()]
    failed = False
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory(prefix="dendro-bench-") as folder:
        stores = Stores(Path(folder), is_quick=options.quick)
        for name in names:
            try:
                for figure in BENCHMARKS[name](stores):
                    print(line(figure), flush=True)
            except ProcessFailed as error:
                failed = True
                print(f"{name}: {error}", file=sys.stderr)
        stores.close()
    print(
        f"\nMachine: {os.cpu_count()} cores, {platform.system()} {platform.machine()}; "
        f"Python {platform.python_version()}; SQLite {sqlite3.sqlite_version}"
    )
    return int(failed)


def _has_apps() -> bool:
    """Whether the environments of the apps are there; else how to get them is told."""
    if any(apps.ENVIRONMENTS.glob("*/ready.json")):
        return True
    print(
        "The apps for neuroscience are left out: their environments take minutes to build, and "
        "some GB. `python -m tests.benchmarks apps` builds and measures them.",
        file=sys.stderr,
    )
    return False


if __name__ == "__main__":
    sys.exit(main())
