"""Files of a hub: a large one whole and in parts, beside the standard library's server."""

import contextlib
import http.client
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

from dendro_local.local_hub import LocalHub
from tests.benchmarks.figure import Figure, duration
from tests.benchmarks.measuring import alternate, timed
from tests.benchmarks.processes import ROOT, ProcessFailed, python
from tests.benchmarks.served_jobs import output_path, server_of
from tests.benchmarks.stores import Stores
from tests.benchmarks.upload import served

__all__ = ["files"]

RATE_LIMIT = 0.9
MEMORY_LIMIT_MB = 60
READERS = 10
RANGE_BYTES = 64 << 10
PIECE_BYTES = 1 << 20


def files(stores: Stores) -> Iterator[Figure]:
    """An output of 1 GiB: whole, random ranges of it, and memory while ten clients read it."""
    size = stores.size(1 << 30, quick=1 << 26)
    folder = stores.folder("files")
    (folder / "site").mkdir()
    reference = folder / "site" / "file"
    with reference.open("wb") as stream:
        for _ in range(size // PIECE_BYTES):
            stream.write(os.urandom(PIECE_BYTES))
    hub = LocalHub(folder / "store")
    shutil.copyfile(reference, folder / "output")
    (folder / "console").touch()
    path = output_path(hub, folder / "output", folder / "console")
    with served(folder / "store") as base:
        with _standard_server(folder / "site") as other:
            yield _whole((base, path), (other, "/file"), size)
        yield _ranges(base, path, size, stores.size(10_000, quick=1_000))
        yield _memory(base, path, size)
    hub.close()


def _whole(ours: tuple[str, str], theirs: tuple[str, str], size: int) -> Figure:
    own, reference = alternate(
        timed(lambda: _read(*ours, size)), timed(lambda: _read(*theirs, size)), rounds=5
    )
    ratio = 1 / own.ratio_to(reference)
    return Figure(
        what=f"a file of {size >> 20:,} MiB, whole",
        measured=f"{size / own.p50 / 1e6:,.0f} MB/s",
        reference=f"python -m http.server: {size / reference.p50 / 1e6:,.0f} MB/s",
        ratio=f"{ratio:.2f}x",
        budget=f"at least {RATE_LIMIT:g}x",
        is_met=ratio >= RATE_LIMIT,
    )


def _ranges(base: str, path: str, size: int, count: int) -> Figure:
    places = random.Random(0)
    times: list[float] = []
    with contextlib.closing(http.client.HTTPConnection(urlsplit(base).netloc)) as connection:
        for _ in range(count):
            first = places.randrange(size - RANGE_BYTES)
            begun = time.perf_counter()
            asked = {"Range": f"bytes={first}-{first + RANGE_BYTES - 1}"}
            connection.request("GET", path, headers=asked)
            reply = connection.getresponse()
            length = len(reply.read())
            times.append(time.perf_counter() - begun)
            if (reply.status, length) != (206, RANGE_BYTES):
                raise ProcessFailed(f"a range was answered with {reply.status}")
    return Figure(
        what=f"  {count:,} random ranges of {RANGE_BYTES >> 10} KiB, one client",
        measured=f"{count / sum(times):,.0f}/s, p99 {duration(quantiles(times, n=100)[-1])}",
    )


def _memory(base: str, path: str, size: int) -> Figure:
    """The most that the server's memory grows while clients read the file at once."""
    process = server_of(base)
    before = highest = process.memory_info().rss
    with ThreadPoolExecutor(READERS) as readers:
        reading = [readers.submit(_read, base, path, size) for _ in range(READERS)]
        while not all(each.done() for each in reading):
            highest = max(highest, process.memory_info().rss)
            time.sleep(0.01)
        for each in reading:
            each.result()
    more_mb = (highest - before) / 1e6
    return Figure(
        what=f"  memory while {READERS} clients read it whole",
        measured=f"{more_mb:.1f} MB more",
        budget=f"at most {MEMORY_LIMIT_MB} MB",
        is_met=more_mb <= MEMORY_LIMIT_MB,
    )


def _read(base: str, path: str, size: int) -> None:
    """Receive a whole file and let it go.

    Raises:
        ProcessFailed: it was answered with something else.
    """
    with contextlib.closing(http.client.HTTPConnection(urlsplit(base).netloc)) as connection:
        connection.request("GET", path)
        reply = connection.getresponse()
        buffer = memoryview(bytearray(PIECE_BYTES))
        received = 0
        while length := reply.readinto(buffer):
            received += length
        if (reply.status, received) != (200, size):
            raise ProcessFailed(f"{path} was answered with {reply.status}, {received} bytes")


@contextlib.contextmanager
def _standard_server(folder: Path) -> Generator[str]:
    """The standard library's server of a folder; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = python("-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", folder)
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        try:
            for _ in range(500):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.02)
            else:
                raise ProcessFailed("python -m http.server did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
