"""A bucket that was exchanged with is known again by one request, and no other is taken for it."""

import http.server
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dendro_local.signed_records import Entry
from dendro_sync.remotes.bucket import BucketRemote, compact
from tests.sync.bucket.conftest import served, write_at
from tests.sync.bucket.made_entries import KEY, digests, job_entries
from tests.sync.bucket.reading import end_of, lines_of, nothing
from tests.sync.bucket.static_servers import QuietHandler, RangeHandler


class Kept:
    """A memory, with how often something was kept."""

    def __init__(self) -> None:
        self.text = ""
        self.times = 0

    def recall(self) -> str:
        """What was kept last."""
        return self.text

    def keep(self, text: str) -> None:
        """Keep a text."""
        self.text = text
        self.times += 1


class Visits:
    """Opens one bucket again and again, as one process after the other, with one memory."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.memory = Kept()
        self._opened: list[BucketRemote] = []

    def open(self, url: str | None = None) -> BucketRemote:
        """The bucket, as by another process; perhaps as it is seen at another URL."""
        remote = BucketRemote.at(url or self.url, key=KEY, memory=self.memory)
        self._opened.append(remote)
        return remote

    def close(self) -> None:
        """Close what was opened."""
        for remote in self._opened:
            remote.close()


@pytest.fixture
def visits(writable_url: str) -> Iterator[Visits]:
    """Visits to a bucket that nobody has been to."""
    visits = Visits(writable_url)
    yield visits
    visits.close()


@pytest.fixture
def at_folder(folder_url: str) -> Iterator[Visits]:
    """The same, to one in a folder, where it can be changed behind everybody's back."""
    visits = Visits(folder_url)
    yield visits
    visits.close()


def test_who_comes_again_asks_for_the_last_segment_and_the_next(visits: Visits) -> None:
    cursor = filled(visits, 3)
    again = visits.open()

    assert again.facts().store_id == visits.open().facts().store_id
    assert lines_of(again, cursor) == []

    assert again.requests == 2
    assert visits.memory.times == 3  # with each push, and not again where it is the same


def test_who_comes_again_with_one_job_asks_only_for_that(visits: Visits) -> None:
    filled(visits, 3)
    again, entries = visits.open(), job_entries(1, first=7)

    assert again.lacking(digests(entries)) == set(entries)
    again.put(list(entries.values()))

    # The last segment and the job, and what is written: record, segment, job and content.
    assert again.requests == 6
    assert len(lines_of(visits.open())) == 4


def test_in_one_exchange_what_was_written_is_not_read_back(visits: Visits) -> None:
    cursor = filled(visits, 1)
    again, entries = visits.open(), job_entries(1, first=7)

    with again.exchanging():
        again.put(list(entries.values()))
        before = again.requests
        assert len(lines_of(again, cursor)) == 1
        assert again.requests == before

    assert len(lines_of(again, cursor)) == 1
    assert again.requests == before + 2


def test_what_others_wrote_before_comes_in_the_same_exchange(visits: Visits) -> None:
    cursor = filled(visits, 1)
    again = visits.open()
    for number in range(20, 26):
        write_at(visits.url, lambda bucket: nothing(bucket.put(job(number))))  # noqa: B023

    with again.exchanging():
        again.put(job(7))
        assert len(lines_of(again, cursor)) == 7


def test_another_bucket_at_the_same_place_is_noticed(at_folder: Visits, tmp_path: Path) -> None:
    filled(at_folder, 3)
    before = at_folder.open().facts().store_id
    shutil.rmtree(tmp_path / "bucket")
    write_at(at_folder.url, lambda bucket: nothing(bucket.put(list(job_entries(4).values()))))

    assert at_folder.open().facts().store_id != before


def test_a_bucket_that_was_put_back_is_read_anew_and_gets_no_gap(
    at_folder: Visits, tmp_path: Path
) -> None:
    filled(at_folder, 2)
    shutil.copytree(tmp_path / "bucket", tmp_path / "earlier")
    cursor = filled(at_folder, 2, first=10)
    shutil.rmtree(tmp_path / "bucket")
    shutil.move(tmp_path / "earlier", tmp_path / "bucket")

    assert len(lines_of(at_folder.open(), cursor)) == 2
    after = at_folder.open()
    assert lines_of(after, f"{after.store_id()}.9") != []
    after.put(job(20))

    assert (tmp_path / "bucket/feed/0000000002.jsonl.zst").exists()
    assert len(lines_of(at_folder.open())) == 3


def test_a_feed_that_was_merged_is_asked_for_its_header_and_goes_on(visits: Visits) -> None:
    cursor = filled(visits, 3)
    merging = BucketRemote.at(visits.url, key=KEY)
    compact(merging)
    merging.close()

    again = visits.open()
    assert lines_of(again, cursor) == []
    # The segment that was last, the header, the next segment, and whether there was one before.
    assert again.requests == 4
    assert '"last":null' in visits.memory.text
    filled(visits, 1, first=10)

    last = visits.open()
    assert len(lines_of(last)) == 4
    assert lines_of(visits.open(), end_of(last)) == []


@pytest.mark.parametrize(("handler", "requests"), [(RangeHandler, 2), (QuietHandler, 4)])
def test_a_static_server_need_not_know_ranges(
    at_folder: Visits,
    tmp_path: Path,
    handler: type[http.server.SimpleHTTPRequestHandler],
    requests: int,
) -> None:
    filled(at_folder, 3)
    with served(tmp_path / "bucket", handler) as url:
        cursor = end_of(at_folder.open(url))
        again = at_folder.open(url)

        assert lines_of(again, cursor) == []

        assert again.requests == requests


def test_what_is_kept_of_another_address_is_of_no_use(visits: Visits) -> None:
    filled(visits, 1)
    visits.memory.text = visits.memory.text.replace("://", "://another/")
    again = visits.open()

    assert again.facts().store_id is not None

    assert again.requests == 1


def job(number: int) -> list[Entry]:
    """One job, with a definition of this number."""
    return list(job_entries(1, first=number).values())


def filled(visits: Visits, count: int, *, first: int = 0) -> str:
    """Put jobs there, one at a time; the cursor behind them."""
    remote = visits.open()
    for number in range(first, first + count):
        nothing(remote.put(job(number)))
    return end_of(remote)
