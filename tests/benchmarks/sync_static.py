"""Pulling from a bucket that a plain static file server serves.

Records beside `sqlite3`, which parses and inserts the same lines; files beside curl, which gets
them from the same server, as many at once.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median

import msgspec

from dendro_local.local_hub import LocalHub
from dendro_sync import add_remote, push
from dendro_sync.remotes.bucket.segments import unpack
from tests.benchmarks.figure import Figure, duration
from tests.benchmarks.measuring import Times, alternate, timed
from tests.benchmarks.processes import ProcessFailed, python, run
from tests.benchmarks.served_jobs import output_path
from tests.benchmarks.servers import serving
from tests.benchmarks.stores import Stores
from tests.benchmarks.sync_stores import SCRIPTS, Took, exchange, join

__all__ = ["sync_static"]

SHARE = 0.3
LARGE_SHARE = 0.8
AT_ONCE = 8
"""So many files come at once in a pull, and so do they by curl."""

SERVER = f"{SCRIPTS}.serve_folder"
PIECE_BYTES = 1 << 20


def sync_static(stores: Stores) -> Iterator[Figure]:
    """Records without files, a large file, and many small ones."""
    yield _records(stores)
    large = stores.size(1 << 30, quick=1 << 26)
    many = stores.size(10_000, quick=300)
    yield _files(stores, f"a file of {large >> 20:,} MiB", [large], LARGE_SHARE)
    yield _files(stores, f"{many:,} files of 10 KiB", [10 << 10] * many, SHARE)


def _records(stores: Stores) -> Figure:
    source, bucket = stores.folder("source"), stores.folder("bucket")
    shutil.copytree(stores.filled(stores.size(100_000, quick=5_000)), source, dirs_exist_ok=True)
    _push_to(bucket, source, "none")
    lines = stores.folder("lines") / "lines.jsonl"
    with lines.open("wb") as stream:
        for segment in sorted((bucket / "feed").glob("*.zst")):
            stream.writelines(unpack(segment.read_bytes()))
    pulls: list[Took] = []
    inserts: list[Took] = []
    with serving(SERVER, bucket) as url:
        for _ in range(stores.size(3, quick=1)):
            pulls.append(_pull(stores, url, source, "none"))
            database = stores.folder("inserted") / "lines.db"
            told = run(python("-m", f"{SCRIPTS}.insert_lines", lines, database, source))
            inserts.append(msgspec.json.decode(told, type=Took))
            database.unlink()
    shutil.rmtree(source)
    shutil.rmtree(bucket)
    pulled, inserted = (median(each.seconds for each in took) for took in (pulls, inserts))
    count = pulls[0].new
    return Figure(
        what=f"pull of {count:,} records over static HTTP",
        measured=f"{count / pulled:,.0f}/s, {pulls[0].requests} requests",
        reference=f"parsed, inserted with indexes: {count / inserted:,.0f}/s",
        ratio=f"{inserted / pulled:.2f}",
        budget=f"at least {SHARE}",
        is_met=inserted / pulled >= SHARE,
    )


def _files(stores: Stores, what: str, sizes: Sequence[int], budget: float) -> Figure:
    source, bucket = stores.folder("source"), stores.folder("bucket")
    _fill(source, stores.folder("outputs"), sizes)
    _push_to(bucket, source, "eager")
    names = [str(each.relative_to(bucket)) for each in bucket.glob("blobs/*/*")]
    with serving(SERVER, bucket) as url:

        def pull() -> float:
            took = _pull(stores, url, source, "eager")
            if took.files != len(names):
                raise ProcessFailed(f"{took.files} files were pulled, not {len(names)}")
            return took.seconds

        pulls, gets = alternate(
            pull,
            timed(lambda: _curl(stores.folder("fetched"), url, names)),
            rounds=stores.size(3, quick=1),
        )
    shutil.rmtree(source)
    shutil.rmtree(bucket)
    return _figure(f"pull of {what} over static HTTP", pulls, gets, budget)


def _figure(what: str, pulls: Times, gets: Times, budget: float) -> Figure:
    share = 1 / pulls.ratio_to(gets)
    return Figure(
        what=what,
        measured=f"p50 {duration(pulls.p50)}, n {pulls.n}",
        reference=f"curl, same server: {duration(gets.p50)}",
        ratio=f"{share:.2f}",
        budget=f"at least {budget}",
        is_met=share >= budget,
    )


def _pull(stores: Stores, url: str, source: Path, outputs: str) -> Took:
    folder = stores.folder("pulled")
    join(folder, url, source, kind="bucket")
    took = exchange("pull", folder, outputs)
    shutil.rmtree(folder)
    return took


def _push_to(bucket: Path, source: Path, outputs: str) -> None:
    with closing(LocalHub(source)) as hub:
        add_remote(hub, "folder", str(bucket))
        push(hub, "folder", outputs="none" if outputs == "none" else "eager")


def _fill(store: Path, outputs: Path, sizes: Sequence[int]) -> None:
    """Have a store complete jobs that each leave random bytes."""
    console = outputs / "console"
    with closing(LocalHub(store)) as hub:
        for number, size in enumerate(sizes):
            console.touch()
            output = outputs / f"output {number}"
            with output.open("wb") as stream:
                for first in range(0, size, PIECE_BYTES):
                    stream.write(os.urandom(min(PIECE_BYTES, size - first)))
            output_path(hub, output, console)


def _curl(folder: Path, url: str, names: Sequence[str]) -> None:
    config = folder / "config"
    config.write_text(
        "".join(f'url = "{url}/{name}"\noutput = "{folder / Path(name).name}"\n' for name in names)
    )
    at_once = ["--parallel", "--parallel-max", str(AT_ONCE)] if len(names) > 1 else []
    run(["curl", "--silent", "--fail", "--noproxy", "*", "--config", str(config), *at_once])
    shutil.rmtree(folder)
