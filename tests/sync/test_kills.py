"""Whoever is killed at whatever moment, nothing half is ever visible, and the ends agree at last.

``SYNC_KILLS`` says how often to kill, and ``SYNC_SEED`` repeats a run; ``make crash`` kills more
often than the tests do by default.
"""

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dendro_local.model import Digest, Job
from dendro_sync import pull, push
from tests.sync.conftest import (
    Graph,
    Stores,
    check_all_hit,
    content_of,
    ids_in,
    left_in_uploads,
    make_graph,
)
from tests.sync.network import Network
from tests.sync.processes import Process
from tests.sync.wholeness import check_nothing_is_half, check_store_is_in_order

pytestmark = [pytest.mark.process, pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("SYNC_KILLS", "20"))
SEED = int(os.environ.get("SYNC_SEED", "0")) or random.randrange(1, 10**6)

KILLS_OF = {"bucket": KILLS * 3 // 5, "hub": KILLS - KILLS * 3 // 5}
"""A hub can be killed itself, too."""

JOBS = 40
LATEST_KILL_SEC = 0.8
MOST_AT_ONCE = 4
"""So often somebody is killed until it is left to come to its end."""


def some_large(job: Job) -> bytes:
    """What jobs give of which some give several MB."""
    return content_of(job) * (30_000 if job.jobDefinitionHash[0] in "01" else 1)


@pytest.fixture(scope="session")
def kill_graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """A store with jobs, few enough to be copied for every attempt."""
    return make_graph(tmp_path_factory.mktemp("kill-graph"), JOBS, some_large)


@pytest.fixture(scope="module")
def exchanger() -> Iterator[Process]:
    """Who pushes and pulls."""
    with closing(Process()) as process:
        yield process


@pytest.fixture(scope="module")
def other() -> Iterator[Process]:
    """Who serves the hub, or pulls as well."""
    with closing(Process()) as process:
        yield process


class Served:
    """The hub between two stores, in a process, behind a network that leads to wherever it is."""

    def __init__(self, stores: Stores, process: Process) -> None:
        self._network = Network()
        self._process = process
        self.hub = stores.serve(self._network.url)
        self._folder = stores.folder / "served"
        self.start()

    def start(self) -> None:
        self._network.upstream = int(self._process.start("serve", self._folder))

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.kill()
        self._network.close()


class Attempt:
    """Two stores and what is between them, which are to agree, whoever is killed on the way.

    Args:
        folder: for all of it.
        graph: what is exchanged.
        exchanger: pushes and pulls.
        server: serves the hub; None if a bucket is between the stores.

    Attributes:
        kills: of whom how many were, for as long as the process of the hub lived.
    """

    def __init__(
        self, folder: Path, graph: Graph, exchanger: Process, server: Process | None
    ) -> None:
        self.stores = stores = Stores(folder)
        self.kills: Counter[str] = Counter()
        self._graph = graph
        self._exchanger = exchanger
        self._served = None if server is None else Served(stores, server)
        graph.copy(folder / "a")
        stores.trust("b", "a")

    def exchange(self, direction: str, most_kills: int, choose: random.Random) -> None:
        """Push or pull until it comes to its end.

        Args:
            direction: which.
            most_kills: so often at most somebody is killed: who does it, or the hub, by turns.
            choose: chooses the moments.
        """
        folder = self.stores.folder / {"push": "a", "pull": "b"}[direction]
        is_hub_next = False
        while most_kills:
            assert self._exchanger.start(direction, folder) == "begins"
            time.sleep(choose.uniform(0.0, LATEST_KILL_SEC))  # the moment is what is random here
            if not self._exchanger.is_at_it():
                break
            most_kills -= 1
            if is_hub_next and self._served is not None:
                self.kills["hub"] += 1
                self._served.kill()
                self._check_nothing_is_half()
                self._served.start()
                if self._exchanger.end() == "ended":
                    return  # it has waited until the hub was back
            else:
                self.kills[direction] += 1
                self._exchanger.kill()
                self._check_nothing_is_half()
            is_hub_next = not is_hub_next
        else:
            assert self._exchanger.start(direction, folder) == "begins"
        assert self._exchanger.end() == "ended"

    def check_both_ends_agree(self) -> None:
        """They have the same, whole, and there is nothing more to do."""
        a, b = self.stores["a"], self.stores["b"]
        assert ids_in(b) == ids_in(a)
        check_all_hit(b, self._graph.requests, self._graph.content)
        assert not push(a).moved_anything()
        assert not pull(b).moved_anything()
        # A fetch that was killed may have left second names of blobs, which a later one removes.
        left = [name.removeprefix("fetched.") for name in left_in_uploads(b)]
        assert all(b.store.blobs.has(Digest(name)) for name in left)
        b.clear_fetched(young_sec=0)
        assert left_in_uploads(b) == []
        self._check_nothing_is_half()
        for hub in (b, self._served.hub) if self._served is not None else (b,):
            check_store_is_in_order(hub)

    def close(self) -> None:
        """End all."""
        self._exchanger.kill()
        if self._served is not None:
            self._served.close()
        self.stores.close()

    def _check_nothing_is_half(self) -> None:
        check_nothing_is_half(self.stores["b"])
        if self._served is not None:
            check_nothing_is_half(self._served.hub)


@pytest.mark.parametrize("kind", ["bucket", "hub"])
def test_whoever_is_killed_both_ends_agree_at_last(
    tmp_path: Path,
    store_folder: Path,
    kill_graph: Graph,
    exchanger: Process,
    other: Process,
    kind: str,
) -> None:
    print(f"SYNC_SEED={SEED} SYNC_KILLS={KILLS}")
    choose = random.Random(SEED)
    kills: Counter[str] = Counter()
    attempts = 0
    while kills.total() < KILLS_OF[kind]:
        attempts += 1
        folder = tmp_path / f"{attempts}"
        server = other if kind == "hub" else None
        with closing(Attempt(folder, kill_graph, exchanger, server)) as attempt:
            for direction in ("push", "pull"):
                left = KILLS_OF[kind] - kills.total() - attempt.kills.total()
                attempt.exchange(direction, min(left, MOST_AT_ONCE), choose)
            attempt.check_both_ends_agree()
            kills += attempt.kills
        shutil.rmtree(folder)
    print(f"{dict(kills)} in {attempts} attempts")


def test_two_pulls_of_one_store_at_the_same_time_are_safe(
    stores: Stores, kill_graph: Graph, exchanger: Process, other: Process
) -> None:
    kill_graph.copy(stores.folder / "a")
    push(stores["a"])
    stores.trust("b", "a")

    for each in (exchanger, other):
        each.start("pull", stores.folder / "b")

    assert [each.end() for each in (exchanger, other)] == ["ended", "ended"]
    assert ids_in(stores["b"]) == ids_in(stores["a"])
    check_all_hit(stores["b"], kill_graph.requests, kill_graph.content)
    assert left_in_uploads(stores["b"]) == []
