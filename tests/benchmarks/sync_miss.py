"""A new job where a remote is set as cache that cannot be reached."""

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count

from dendro_local.local_hub import LocalHub
from dendro_sync import add_remote
from tests.benchmarks.figure import Figure, at_most_times, duration
from tests.benchmarks.measuring import alternate, timed
from tests.benchmarks.served_jobs import new_greeting
from tests.benchmarks.stores import Stores

__all__ = ["sync_miss"]

ONCE_SEC = 1.2
LIMIT = 1.2


def sync_miss(stores: Stores) -> Iterator[Figure]:
    """A cache that takes connections and says nothing, and one whose port is closed."""
    for what in ("never answers", "refuses"):
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            port = silent.getsockname()[1]
            if what == "refuses":
                silent.close()
            yield from _misses(stores, f"http://127.0.0.1:{port}", what)


def _misses(stores: Stores, url: str, what: str) -> Iterator[Figure]:
    folders = stores.folder("cached"), stores.folder("alone")
    cached, alone = map(LocalHub, folders)
    add_remote(cached, "cache", url, is_cache=True, kind="hub")
    numbers = count()

    def miss(hub: LocalHub) -> None:
        hub.submit([new_greeting(f"miss {next(numbers)}")])

    miss(alone)  # what is imported and prepared at the first submit is not the cache's
    begun = time.perf_counter()
    miss(cached)
    once = time.perf_counter() - begun
    yield Figure(
        what=f"miss with a cache that {what}, the first",
        measured=duration(once),
        budget=f"at most {duration(ONCE_SEC)}",
        is_met=once <= ONCE_SEC,
    )
    misses, plain = alternate(
        timed(lambda: miss(cached)),
        timed(lambda: miss(alone)),
        rounds=stores.size(50, quick=10),
        per_round=10,
    )
    yield at_most_times("  those that follow", misses, "without remotes", plain, LIMIT)
    for hub, folder in zip((cached, alone), folders, strict=True):
        hub.close()
        shutil.rmtree(folder)
