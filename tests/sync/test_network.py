"""Pushes and pulls over a network that is bad, to a hub in a process of its own.

``SYNC_SEED`` repeats a run.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from dendro_local.errors import HubUnreachable
from dendro_local.model import Digest
from dendro_local.remote_hub.transport import Timeouts
from dendro_local.store import file_digest
from dendro_sync import pull, push
from dendro_sync.remotes.hub import HubRemote
from tests.sync.conftest import Stores, counting, greeting, ids_in, left_in_uploads, url_of
from tests.sync.network import Network
from tests.sync.processes import Process
from tests.sync.wholeness import Onlooker, check_store_is_in_order

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

SEED = int(os.environ.get("SYNC_SEED", "0")) or random.randrange(1, 10**6)

PIECE_BYTES = 1 << 20
"""What was sent of a piece may have to be sent again."""

MOST_AROUND_BYTES = 10_000
"""What says which is which, where several go together."""

SMALL_BYTES = 700_000
"""Less than a piece."""

SIZES = [5_300_000, 2_500_000, SMALL_BYTES, 60_000, 100, 0]

SILENCE_SEC = 5.0
PATIENCE_SEC = 6.0
LONG_SEC = 7.0
"""Longer than one waits for a hub that says nothing, or does not answer."""


@pytest.fixture
def choose() -> random.Random:
    """What chooses when something goes wrong."""
    print(f"SYNC_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture
def network() -> Iterator[Network]:
    """Between the stores and the hub."""
    network = Network()
    yield network
    network.close()


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    """What serves one hub after another."""
    with closing(Process()) as process:
        yield process


@pytest.fixture
def stores(stores: Stores, network: Network, process: Process) -> Iterator[Stores]:
    """Stores ``a``, with jobs, and ``b``, whose remote is a hub at the end of the network."""
    stores.serve(network.url)
    network.upstream = int(process.start("serve", stores.folder / "served"))
    content = random.Random(1)
    for number, size in enumerate(SIZES):
        job = stores.complete("a", greeting(f"{number}"), content.randbytes(size))
        stores.complete("a", counting(url_of(job)), b"%d" % size)
    stores.trust("b", "a")
    yield stores
    process.kill()


@pytest.fixture
def remote(stores: Stores, network: Network) -> Iterator[HubRemote]:
    """The hub, as somebody asks it who is quickly out of patience."""
    key = (stores.folder / "api-key").read_text()
    timeouts = Timeouts(silence_sec=SILENCE_SEC)
    remote = HubRemote(network.url, key, patience_sec=PATIENCE_SEC, timeouts=timeouts)
    yield remote
    remote.close()


class AtTheEnd(random.Random):
    """Chooses the last of what there is."""

    def randint(self, a: int, b: int) -> int:
        return b


def blobs_of(stores: Stores) -> dict[Digest, int]:
    """The outputs of the jobs, with their sizes in bytes."""
    found: dict[Digest, int] = {}
    for job_id in ids_in(stores["a"]):
        stored = stores["a"].stored(job_id)  # type: ignore[arg-type]  # an id
        for file in stored.files.all():
            assert file.digest is not None
            found[file.digest] = file.size or 0
    return found


def largest_in(stores: Stores) -> tuple[Digest, Path, int]:
    """The largest of the outputs: its digest, where it is, and its size in bytes."""
    blobs = blobs_of(stores)
    digest = max(blobs, key=lambda each: blobs[each])
    return digest, stores["a"].store.blobs.path(digest), blobs[digest]


def check_nothing_went_twice(
    stores: Stores,
    counted: Counter[str],
    cuts: Counter[str] | None = None,
) -> None:
    """Of every file, only what of a piece was under way when it was cut went once more."""
    blobs = blobs_of(stores)
    for digest, size in blobs.items():
        went = sum(count for path, count in counted.items() if digest in path)
        cut = sum(count for path, count in (cuts or {}).items() if digest in path)
        assert went <= size + cut * PIECE_BYTES, (digest, size, went, cut)
        # Small ones may go together with others.
        assert size < PIECE_BYTES or went >= size
    all_that_went = sum(count for path, count in counted.items() if "blobs" in path)
    of_cuts = sum(count for path, count in (cuts or {}).items() if "blobs" in path)
    assert all_that_went <= sum(blobs.values()) + of_cuts * PIECE_BYTES + MOST_AROUND_BYTES


def check_all_agree(stores: Stores) -> None:
    """The hub and the other store have the same jobs, whole, and there is nothing more to do."""
    served = stores.served
    assert served is not None
    assert ids_in(served) == ids_in(stores["a"]) == ids_in(stores["b"])
    for digest, size in blobs_of(stores).items():
        for hub in (served, stores["b"]):
            assert file_digest(hub.store.blobs.path(digest)) == (digest, size)
    for hub in (served, stores["b"]):
        check_store_is_in_order(hub)
    assert left_in_uploads(stores["b"]) == []
    assert not push(stores["a"]).moved_anything()
    assert not pull(stores["b"]).moved_anything()


def test_a_network_that_cuts_costs_a_piece_of_a_file_each_time(
    stores: Stores, network: Network, choose: random.Random
) -> None:
    a, b = stores["a"], stores["b"]

    network.cut_at_random(choose, most_bytes=2 << 20, times=6)
    with Onlooker(stores.folder / "served") as onlooker:
        push(a)
    assert onlooker.looks > 1
    assert network.cuts.total() > 2
    check_nothing_went_twice(stores, network.sent, network.cuts)

    network.cuts.clear()
    network.cut_at_random(choose, most_bytes=2 << 20, times=6)
    with Onlooker(stores.folder / "b") as onlooker:
        pull(b)
    assert onlooker.looks > 1
    assert network.cuts.total() > 2
    check_nothing_went_twice(stores, network.received, network.cuts)

    network.heal()
    check_all_agree(stores)


def test_requests_that_a_network_repeats_do_no_harm(
    stores: Stores, network: Network, choose: random.Random
) -> None:
    a, b = stores["a"], stores["b"]
    network.repeat_at_random(choose)

    with Onlooker(stores.folder / "served"), Onlooker(stores.folder / "b"):
        push(a)
        pull(b)

    assert network.repeated
    check_nothing_went_twice(stores, network.received)
    network.heal()
    check_all_agree(stores)


def test_a_slow_network_is_waited_for_as_long_as_something_comes(
    stores: Stores, network: Network, remote: HubRemote, tmp_path: Path
) -> None:
    """It takes longer than one would wait for a hub that does not answer, and is cut late."""
    digest, file, size = largest_in(stores)
    fetched = tmp_path / "fetched"
    network.throttle(size / LONG_SEC)

    network.cut_at_random(AtTheEnd(), most_bytes=size * 9 // 10, times=1)
    remote.send(digest, file, lambda _: None)
    assert network.cuts.total() == 1
    push_the_rest(stores, network)
    network.throttle(size / LONG_SEC)
    network.cut_at_random(AtTheEnd(), most_bytes=size * 9 // 10, times=1)
    remote.fetch(digest, size, fetched, lambda _: None)

    assert network.cuts.total() == 2
    assert file_digest(fetched) == (digest, size)


def test_a_hub_that_falls_silent_is_given_up_and_gone_on_with_later(
    stores: Stores, network: Network, remote: HubRemote, tmp_path: Path
) -> None:
    digest, file, size = largest_in(stores)
    fetched = tmp_path / "fetched"

    def check(counted: Counter[str], move: Callable[[], None]) -> None:
        network.stall(after_bytes=size // 2)
        with pytest.raises(HubUnreachable, match=r"does not answer: .*timed out.* Check that it"):
            move()
        before = counted.total()
        assert before > size // 4
        network.cut()
        network.heal()
        move()
        assert size <= counted.total() <= size + PIECE_BYTES

    check(network.sent, partial(remote.send, digest, file, lambda _: None))
    push_the_rest(stores, network)
    check(network.received, partial(remote.fetch, digest, size, fetched, lambda _: None))
    assert file_digest(fetched) == (digest, size)


def push_the_rest(stores: Stores, network: Network) -> None:
    """Have the jobs there of which a file was sent, and begin anew over a network without fault."""
    network.cut()
    network.heal()
    push(stores["a"])
    network.cut()
    network.received.clear()


def test_a_request_that_breaks_late_is_made_again(stores: Stores, network: Network) -> None:
    """What took longer than one waits for a hub was no silence of the hub."""
    asked = {Digest(f"{number:064x}"): 1 for number in range(4000)}
    body_bytes = 70 * len(asked)
    key = (stores.folder / "api-key").read_text()
    network.throttle(body_bytes / 3)
    network.cut_at_random(AtTheEnd(), most_bytes=body_bytes * 9 // 10, times=1)

    with closing(HubRemote(network.url, key, patience_sec=2.0)) as remote:
        assert remote.lacking_blobs(asked) == asked.keys()

    assert network.cuts.total() == 1


def test_a_small_file_goes_on_where_it_was_cut(
    stores: Stores, network: Network, remote: HubRemote
) -> None:
    blobs = blobs_of(stores)
    digest = next(each for each, size in blobs.items() if size == SMALL_BYTES)
    network.cut_at_random(AtTheEnd(), most_bytes=SMALL_BYTES // 2, times=1)

    remote.send(digest, stores["a"].store.blobs.path(digest), lambda _: None)

    assert remote.lacking_blobs({digest: SMALL_BYTES}) == set()
    assert network.cuts.total() == 1
    assert SMALL_BYTES <= network.sent.total() < SMALL_BYTES * 3 // 2
