"""Files of a hub and of a bucket: a large one and many small ones, beside curl and rclone."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from dendro_local.compute import machine_capacity, machine_slots
from dendro_local.hub import RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest
from dendro_sync import add_remote, push, remove_remote
from tests.benchmarks.figure import Figure, duration
from tests.benchmarks.measuring import Times, alternate, timed
from tests.benchmarks.processes import ProcessFailed
from tests.benchmarks.served_jobs import new_greeting
from tests.benchmarks.stores import Stores
from tests.benchmarks.sync_stores import REMOTE, exchange, join
from tests.benchmarks.upload import served

__all__ = ["sync_blobs"]

LARGE_SHARE = 0.8
MANY_SHARE = 0.3
AT_ONCE = 8
"""So many files come at once in a pull, and so do they by the others."""

PIECE_BYTES = 1 << 20

Fetch = Callable[[str, Sequence[str], Path], None]
"""Gets files below a URL into a folder, by their names."""


def sync_blobs(stores: Stores) -> Iterator[Figure]:
    """Pull jobs with their outputs into an empty store, and push them to a hub with no jobs."""
    large = stores.size(1 << 30, quick=1 << 26)
    many = stores.size(10_000, quick=300)
    rounds = stores.size(3, quick=1)
    for what, sizes, share in (
        (f"a file of {large >> 20:,} MiB", [large], LARGE_SHARE),
        (f"{many:,} files of 10 KiB", [10 << 10] * many, MANY_SHARE),
    ):
        source, bucket = stores.folder("source"), stores.folder("bucket")
        digests = _fill(source, sizes)
        with served(source) as url:
            others: dict[str, Fetch] = {"curl": _curl}
            if shutil.which("rclone"):
                others["rclone"] = _rclone
            place = f"{url}/v1/sync/blobs"
            pulls, *fetched = _in_turn(stores, url, source, place, digests, others, rounds)
            for (name, _), times in zip(others.items(), fetched, strict=True):
                yield _figure(f"pull of {what}", pulls, f"{name}, same server", times, share)
        pushes, sent = alternate(
            partial(_push, stores, source, len(digests)),
            partial(_upload, stores, source, digests),
            rounds=rounds,
        )
        yield _figure(f"push of {what}", pushes, "curl, same server", sent, None)
        _push_to(bucket, source)
        names = [f"{digest[:2]}/{digest}" for digest in digests]
        place = (bucket / "blobs").as_uri()
        pulls, times = _in_turn(
            stores, bucket.as_uri(), source, place, names, {"curl": _curl}, rounds
        )
        yield _figure("  of a folder instead of a hub", pulls, "curl, same folder", times, None)
        shutil.rmtree(source)
        shutil.rmtree(bucket)


def _in_turn(
    stores: Stores,
    url: str,
    source: Path,
    place: str,
    names: Sequence[str],
    others: dict[str, Fetch],
    rounds: int,
) -> list[Times]:
    """Pulls into fresh stores, and the same files fetched by others."""

    def pull() -> float:
        folder = stores.folder("pulled")
        join(folder, url, source)
        took = exchange("pull", folder, "eager")
        shutil.rmtree(folder)
        if took.files != len(names):
            raise ProcessFailed(f"{took.files} files were pulled, not {len(names)}")
        return took.seconds

    def fetching(fetch: Fetch) -> Callable[[], float]:
        def call() -> float:
            folder = stores.folder("fetched")
            seconds = timed(lambda: fetch(place, names, folder))()
            count = sum(each.is_file() for each in folder.rglob("*"))
            shutil.rmtree(folder)
            if count < len(names):
                raise ProcessFailed(f"{count} files were fetched, not {len(names)}")
            return seconds

        return call

    return alternate(pull, *map(fetching, others.values()), rounds=rounds)


def _push(stores: Stores, source: Path, count: int) -> float:
    folder = stores.folder("pushed")
    with served(folder) as url:
        join(source, url, folder)
        took = exchange("push", source, "eager")
    with closing(LocalHub(source)) as hub:
        remove_remote(hub, REMOTE)
    shutil.rmtree(folder)
    if took.files != count:
        raise ProcessFailed(f"{took.files} files were pushed, not {count}")
    return took.seconds


def _upload(stores: Stores, source: Path, digests: Sequence[str]) -> float:
    """Send the files alone by curl."""
    folder = stores.folder("uploaded")
    with served(folder) as url:
        with closing(LocalHub(folder)) as hub:
            _, key = hub.add_api_key(hub.user_id, "benchmark")
            blobs = [hub.store.blobs.path(Digest(digest)) for digest in digests]
        files = [source / file.relative_to(folder) for file in blobs]
        config = folder / "config"
        config.write_text("next\n".join(_upload_section(url, key, file) for file in files))
        seconds = timed(lambda: _run_curl(config, len(files)))()
    if not all(file.exists() for file in blobs):
        raise ProcessFailed("not all was uploaded")
    shutil.rmtree(folder)
    return seconds


def _upload_section(url: str, key: str, file: Path) -> str:
    """What curl is told of one file."""
    headers = {
        "authorization": f"Bearer {key}",
        "upload-length": f"{file.stat().st_size}",
        "upload-offset": "0",
        "expect": "",
    }
    told = "".join(f'header = "{name}: {value}"\n' for name, value in headers.items())
    return (
        f'url = "{url}/v1/blobs/{file.name}"\nupload-file = "{file}"\nrequest = "PATCH"\n'
        f'output = "/dev/null"\nsilent\nfail\nnoproxy = "*"\n{told}'
    )


def _figure(what: str, pulls: Times, name: str, times: Times, budget: float | None) -> Figure:
    share = 1 / pulls.ratio_to(times)
    return Figure(
        what=what,
        measured=f"p50 {duration(pulls.p50)}, n {pulls.n}",
        reference=f"{name}: {duration(times.p50)}",
        ratio=f"{share:.2f}",
        budget="" if budget is None else f"at least {budget}",
        is_met=None if budget is None else share >= budget,
    )


def _fill(folder: Path, sizes: Sequence[int]) -> list[str]:
    """Make a store of jobs that each have an output of random bytes; the digests."""
    digests: list[str] = []
    outputs = folder / "outputs"
    outputs.mkdir(parents=True)
    with closing(LocalHub(folder)) as hub:
        hub.submit([new_greeting(f"output {number}") for number in range(len(sizes))])
        capacity = machine_capacity()
        slots = machine_slots(capacity)
        run_id = hub.begin_run(slots, serves_all=True)
        for number, size in enumerate(sizes):
            claim = hub.claim_next(run_id, slots, capacity)
            if claim is None:
                raise ProcessFailed("the job cannot be claimed")
            output, console = outputs / f"{number}", outputs / f"{number}.txt"
            digests.append(_write(output, size))
            console.touch()
            hub.set_running(claim)
            hub.complete(claim, RunResult(outputs={"output": output}, console=console))
    return digests


def _write(file: Path, size: int) -> str:
    """Write random bytes; their digest."""
    sha256 = hashlib.sha256()
    with file.open("wb") as stream:
        for first in range(0, size, PIECE_BYTES):
            piece = os.urandom(min(PIECE_BYTES, size - first))
            sha256.update(piece)
            stream.write(piece)
    return sha256.hexdigest()


def _push_to(bucket: Path, source: Path) -> None:
    with closing(LocalHub(source)) as hub:
        add_remote(hub, "bucket", bucket.as_uri(), kind="bucket")
        push(hub, "bucket")


def _curl(url: str, names: Sequence[str], folder: Path) -> None:
    config = folder / "config"
    config.write_text(
        "".join(
            f'url = "{url}/{name}"\noutput = "{folder}/{name.rpartition("/")[2]}"\n'
            for name in names
        )
    )
    _run_curl(config, len(names))


def _run_curl(config: Path, count: int) -> None:
    at_once = ["--parallel", "--parallel-max", str(AT_ONCE)] if count > 1 else []
    _run(["curl", "--silent", "--fail", "--noproxy", "*", *at_once, "--config", str(config)])


def _rclone(url: str, names: Sequence[str], folder: Path) -> None:
    listed = folder / "names"
    listed.write_text("".join(f"{name}\n" for name in names))
    parts = urlsplit(url)
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/")
    _run(
        [
            "rclone",
            "copy",
            "--config=",
            f"--http-url={base}",
            f"--files-from={listed}",
            "--no-traverse",
            f"--transfers={AT_ONCE}",
            f"--checkers={AT_ONCE}",
            f":http:{path}",
            str(folder),
        ]
    )


def _run(command: Sequence[str]) -> None:
    variables = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(command, env=variables, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise ProcessFailed(f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]}")
