"""Records without outputs: pulled from a hub and pushed to it, beside `sqlite3` with its lines."""

import shutil
import sqlite3
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median

import msgspec

from dendro_local.local_hub import LocalHub
from dendro_sync import remove_remote
from tests.benchmarks.figure import Figure
from tests.benchmarks.processes import python, run
from tests.benchmarks.stores import Stores
from tests.benchmarks.sync_stores import REMOTE, SCRIPTS, Took, exchange, join
from tests.benchmarks.upload import served

__all__ = ["sync_records"]

SHARE = 0.3
MEMORY_MB = 150


def sync_records(stores: Stores) -> Iterator[Figure]:
    """Pull all jobs of a hub, which signs them for the first, and push them to an empty one."""
    jobs = stores.size(100_000, quick=5_000)
    source = stores.folder("source")
    shutil.copytree(stores.filled(jobs), source, dirs_exist_ok=True)
    lines = stores.folder("lines") / "lines.jsonl"
    with served(source) as url:
        first = _pull(stores, url, source)
        urllib.request.urlretrieve(f"{url}/v1/sync/changes", lines)
        later: list[Took] = []
        indexed: list[Took] = []
        bare: list[Took] = []
        for _ in range(stores.size(3, quick=1)):
            later.append(_pull(stores, url, source))
            indexed.append(_insert(stores, lines, source))
            bare.append(_insert(stores, lines))
    yield from _shares("pull", first, later, indexed, bare)
    peak = max(each.peak_mb for each in (first, *later))
    yield Figure(
        what="  most memory of the process that pulls",
        measured=f"{peak:.0f} MB",
        budget=f"at most {MEMORY_MB} MB",
        is_met=peak <= MEMORY_MB,
    )
    _let_all_have_one_output(source)
    first, *later = [_push(stores, source) for _ in range(stores.size(3, quick=2))]
    yield from _shares("push", first, later, indexed, bare)


def _shares(
    what: str, first: Took, later: Sequence[Took], indexed: Sequence[Took], bare: Sequence[Took]
) -> Iterator[Figure]:
    with_indexes = "parsed, inserted with indexes"
    yield _share(f"{what}, signed just then", [first], with_indexes, indexed)
    yield _share(f"{what}, signed before", later, with_indexes, indexed, SHARE)
    yield _share("", later, "the same, without indexes", bare)


def _share(
    what: str,
    moved: Sequence[Took],
    name: str,
    inserted: Sequence[Took],
    budget: float | None = None,
) -> Figure:
    """A row: how much of the reference's rate it has."""
    count = moved[0].new
    seconds, cpu = _median(moved, _seconds), _median(moved, _cpu)
    others, others_cpu = _median(inserted, _seconds), _median(inserted, _cpu)
    share = others / seconds
    return Figure(
        what=f"{what} of {count:,} records" if what else "  the same",
        measured=f"{count / seconds:,.0f}/s, CPU of a record {cpu / count * 1e6:.0f} µs",
        reference=f"{name}: {count / others:,.0f}/s, {others_cpu / count * 1e6:.0f} µs",
        ratio=f"{share:.2f}, CPU {others_cpu / cpu:.2f}",
        budget="" if budget is None else f"at least {budget}",
        is_met=None if budget is None else share >= budget,
    )


def _pull(stores: Stores, url: str, source: Path) -> Took:
    folder = stores.folder("puller")
    join(folder, url, source)
    took = exchange("pull", folder, "none")
    shutil.rmtree(folder)
    return took


def _push(stores: Stores, source: Path) -> Took:
    target = stores.folder("target")
    with served(target) as url:
        join(source, url, target)
        took = exchange("push", source, "eager")
    hub = LocalHub(source)
    remove_remote(hub, REMOTE)
    hub.close()
    shutil.rmtree(target)
    return took


def _let_all_have_one_output(store: Path) -> None:
    """A hub takes no record whose files it has not, so let there be one file, of all jobs."""
    with closing(sqlite3.connect(store / "store.db")) as connection, connection:
        (files,) = connection.execute("select files from jobs where number = 1").fetchone()
        connection.execute("update jobs set files = ? where status = 'completed'", (files,))
        connection.execute("delete from job_signatures")


def _insert(stores: Stores, lines: Path, store: Path | None = None) -> Took:
    folder = stores.folder("inserted")
    arguments = [lines, folder / "lines.db", *([] if store is None else [store])]
    told = run(python("-m", f"{SCRIPTS}.insert_lines", *arguments))
    shutil.rmtree(folder)
    return msgspec.json.decode(told, type=Took)


def _median(figures: Sequence[Took], value: Callable[[Took], float]) -> float:
    return median(map(value, figures))


def _seconds(took: Took) -> float:
    return took.seconds


def _cpu(took: Took) -> float:
    return took.cpu_sec
