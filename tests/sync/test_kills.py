"""Whoever is killed at whatever moment, nothing half is ever visible, and the ends agree at last.

``SYNC_KILLS`` says how often to kill, and ``SYNC_SEED`` repeats a run.
"""

import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest
from dendro_sync import pull, push
from tests.sync.conftest import (
    Graph,
    Stores,
    check_all_hit,
    ids_in,
    left_in_uploads,
)

pytestmark = [pytest.mark.process, pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("SYNC_KILLS", "8"))
SEED = int(os.environ.get("SYNC_SEED", "0")) or random.randrange(1, 10**6)
LONGEST_SEC = 120.0


def run_and_kill(direction: str, folder: Path, after_sec: float | None) -> float | None:
    """Let a process exchange, and kill it so long after it began; how long it took, if it ended."""
    command = [sys.executable, "-m", "tests.sync.exchanger", direction, str(folder)]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    with process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"begins\n"
            began = time.monotonic()
            if after_sec is None:
                assert process.stdout.readline() == b"ended\n"
                return time.monotonic() - began
            time.sleep(after_sec)  # the moment is what is random here
        finally:
            process.kill()
    return None


def check_nothing_is_half(hub: LocalHub) -> None:
    """Every job that is there has its files, and all that is a blob has its digest."""
    for blob in hub.store.folder.blobs.glob("??/*"):
        if not blob.name.startswith("."):
            assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    for job_id in ids_in(hub):
        stored = hub.stored(job_id)  # type: ignore[arg-type]  # an id
        for file in stored.files.all():
            assert file.digest is None or hub.store.blobs.has(file.digest)
        for parent in stored.record.jobDependencies:
            assert hub.get_job(parent).status == "completed"


@pytest.mark.parametrize("kind", ["bucket", "hub"])
def test_whoever_is_killed_both_ends_agree_at_last(stores: Stores, graph: Graph, kind: str) -> None:
    print(f"SYNC_SEED={SEED} SYNC_KILLS={KILLS}")
    choose = random.Random(SEED)
    if kind == "hub":
        stores.serve()
    graph.copy(stores.folder / "a")
    stores.trust("b", "a")
    folders = {"push": stores.folder / "a", "pull": stores.folder / "b"}

    for number in range(KILLS // 2):
        direction = "push" if number % 2 == 0 else "pull"
        run_and_kill(direction, folders[direction], choose.uniform(0.0, 1.0))
        check_nothing_is_half(stores["b"])
    push(stores["a"])
    pull(stores["b"])

    check_nothing_is_half(stores["b"])
    assert ids_in(stores["b"]) == ids_in(stores["a"])
    check_all_hit(stores["b"], graph.requests)
    assert not push(stores["a"]).moved_anything()
    assert not pull(stores["b"]).moved_anything()
    # A fetch that was killed may have left second names of blobs, which a later one removes.
    left = [name.removeprefix("fetched.") for name in left_in_uploads(stores["b"])]
    assert all(stores["b"].store.blobs.has(Digest(name)) for name in left)
    stores["b"].clear_fetched(young_sec=0)
    assert left_in_uploads(stores["b"]) == []


def test_two_pulls_of_one_store_at_the_same_time_are_safe(stores: Stores, graph: Graph) -> None:
    graph.copy(stores.folder / "a")
    push(stores["a"])
    stores.trust("b", "a")
    folder = stores.folder / "b"
    command = [sys.executable, "-m", "tests.sync.exchanger", "pull", str(folder)]
    root = Path(__file__).parents[2]

    both = [subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL) for _ in range(2)]

    assert [process.wait(LONGEST_SEC) for process in both] == [0, 0]
    assert ids_in(stores["b"]) == ids_in(stores["a"])
    check_all_hit(stores["b"], graph.requests)
    assert left_in_uploads(stores["b"]) == []
