"""Many who listen to a hub's events: how soon the last is told, and the memory that it takes."""

import os
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from dendro_local.local_hub import LocalHub
from tests.benchmarks.figure import Figure, duration
from tests.benchmarks.processes import ProcessFailed
from tests.benchmarks.served_jobs import new_greeting, server_of
from tests.benchmarks.stores import Stores
from tests.benchmarks.upload import served

__all__ = ["listeners"]

LIMIT_SEC = 1.0
GIVE_UP_SEC = 60.0
ROUNDS = 5


def listeners(stores: Stores) -> Iterator[Figure]:
    """From the submission of a job until each of 1,000 listeners has its event."""
    count = stores.size(1_000, quick=100)
    folder = stores.folder("listeners")
    hub = LocalHub(folder)
    with served(folder) as url:
        process = server_of(url)
        before = process.memory_info().rss
        connections = _listen(url, count)
        more_mb = (process.memory_info().rss - before) / 1e6
        slowest = max(_told(hub, connections, str(number)) for number in range(ROUNDS))
        for each in connections:
            each.close()
    hub.close()
    yield Figure(
        what=f"a new job told to {count:,} listeners, the last of them",
        measured=f"slowest of {ROUNDS}: {duration(slowest)}",
        budget=f"at most {duration(LIMIT_SEC)}",
        is_met=slowest <= LIMIT_SEC,
    )
    yield Figure(
        what="  memory of the server for all of them",
        measured=f"{more_mb:.1f} MB, {more_mb * 1e3 / count:.0f} kB each",
    )


def _listen(url: str, count: int) -> Sequence[socket.socket]:
    """So many connections, each of which has been told that it listens."""
    parts = urlsplit(url)
    found: list[socket.socket] = []
    for _ in range(count):
        each = socket.create_connection((parts.hostname, parts.port), timeout=GIVE_UP_SEC)
        each.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        found.append(each)
    _until(found, b"event: began")
    return found


def _told(hub: LocalHub, connections: Sequence[socket.socket], name: str) -> float:
    """How many seconds after it is submitted the last listener knows of a job."""
    begun = time.perf_counter()
    [job] = hub.submit([new_greeting(name)])
    _until(connections, f'"jobId":"{job.jobId}"'.encode())
    return time.perf_counter() - begun


def _until(connections: Sequence[socket.socket], text: bytes) -> None:
    """Read from all until each has received a text.

    Raises:
        ProcessFailed: one has not.
    """
    received = {each.fileno(): b"" for each in connections}
    deadline = time.monotonic() + GIVE_UP_SEC
    with selectors.DefaultSelector() as selector:
        for each in connections:
            selector.register(each, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(1.0)
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{len(selector.get_map())} listeners were told nothing")
            for key, _ in ready:
                piece = os.read(key.fd, 1 << 16)
                received[key.fd] += piece
                if text in received[key.fd]:
                    selector.unregister(key.fd)
                elif not piece:
                    raise ProcessFailed("a listener was hung up on")
