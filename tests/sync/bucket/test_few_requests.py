"""How little is asked of a bucket, wherever it is, by stores that push, pull and do both."""

import shutil
from pathlib import Path

import pytest

from dendro_sync import add_remote, pull, push, set_remote, sync
from dendro_sync.report import SyncReport
from tests.sync.bucket.conftest import served
from tests.sync.conftest import Stores, greeting, ids_in


@pytest.fixture
def at(stores: Stores, writable_url: str) -> Stores:
    """Stores ``a`` and ``b`` around a bucket, equal to each other."""
    stores.url = writable_url
    stores.trust("b", "a")
    stores.trust("a", "b")
    for number in range(3):
        stores.complete("a", greeting(f"{number}"), b"%d" % number)
    for name in ("a", "b", "a"):
        sync(stores[name])
    return stores


def requests_of(report: SyncReport) -> int:
    """In both directions."""
    return report.push.requests + report.pull.requests


def test_with_nothing_new_two_requests_are_made(at: Stores) -> None:
    for name in ("a", "b"):
        assert requests_of(sync(at[name])) == 2
        assert push(at[name]).requests == 1
        assert pull(at[name]).requests == 2


def test_one_new_job_here_costs_few_requests(at: Stores) -> None:
    for number in range(2):
        at.complete("a", greeting(f"new {number}"), b"new %d" % number, b"It said %d" % number)

        synced = sync(at["a"])

        # The last segment and the job; two files, record, segment, and where it is twice.
        assert (synced.push.new, synced.pull.new) == (1, 0)
        assert requests_of(synced) <= 8
        assert requests_of(sync(at["a"])) == 2


def test_one_new_job_is_pushed_and_pulled_by_few_requests(at: Stores) -> None:
    at.complete("b", greeting("new"), b"new", b"It said")

    assert push(at["b"]).requests <= 8
    pulled = pull(at["a"])

    # The last segment, the new one, two files, and the end.
    assert pulled.new == 1
    assert pulled.requests == 5
    assert ids_in(at["a"]) == ids_in(at["b"])


def test_one_new_job_there_costs_few_requests(at: Stores) -> None:
    at.complete("b", greeting("new"), b"new")
    push(at["b"])

    synced = sync(at["a"])

    assert (synced.push.new, synced.pull.new) == (0, 1)
    assert requests_of(synced) == 4
    assert requests_of(sync(at["a"])) == 2


def test_jobs_of_both_ends_meet_in_one_exchange(at: Stores) -> None:
    at.complete("b", greeting("of b"), b"of b")
    push(at["b"])
    at.complete("a", greeting("of a"), b"of a")

    synced = sync(at["a"])

    assert (synced.push.new, synced.pull.new) == (1, 1)
    sync(at["b"])
    assert ids_in(at["a"]) == ids_in(at["b"])
    assert not sync(at["a"]).moved_anything()


def test_what_many_wrote_meanwhile_is_found(at: Stores) -> None:
    for number in range(12):
        at.complete("b", greeting(f"b {number}"), b"b %d" % number)
        push(at["b"])
    at.complete("a", greeting("of a"), b"of a")

    assert push(at["a"]).new == 1
    assert pull(at["a"]).new == 12
    assert pull(at["b"]).new == 1
    assert ids_in(at["a"]) == ids_in(at["b"])


def test_a_dry_run_tells_of_no_file_that_is_there(at: Stores) -> None:
    at.complete("a", greeting("new"), b"1")

    told = push(at["a"], dry_run=True)

    assert (told.new, told.files, told.bytes) == (1, 0, 0)


def test_a_remote_of_the_same_name_elsewhere_is_not_taken_for_the_one_before(
    stores: Stores, tmp_path: Path
) -> None:
    stores.complete("a", greeting("x"), b"x")
    push(stores["a"])
    shutil.move(stores.url, tmp_path / "moved")
    set_remote(stores["a"], "r", url=stores.url)

    assert push(stores["a"]).new == 1

    with served(tmp_path / "moved") as url:
        add_remote(stores["b"], "moved", url, allow_unsigned=True)
        assert pull(stores["b"], "moved").new == 1
        assert pull(stores["b"], "moved").requests == 2
