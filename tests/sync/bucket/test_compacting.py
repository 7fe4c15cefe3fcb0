"""Merging the segments of a feed: nobody misses anything, and nothing is told in vain."""

import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dendro_local.signed_records import Entry, SigningKey, encode_entry
from dendro_sync.remotes.bucket import BucketRemote, Compacted, compact, compacting
from dendro_sync.remotes.bucket.linkless import LOCK
from dendro_sync.selection import Selection
from tests.sync.bucket.conftest import served
from tests.sync.bucket.made_entries import (
    KEY,
    app_entry,
    definition_hash,
    gone_entry,
    job_entries,
    job_entry,
    made_record,
)
from tests.sync.bucket.stopping_objects import Stopped, StoppingObjects

ALL = Selection()
PUSHES = 8


@pytest.fixture
def bucket(writable_url: str) -> Iterator[BucketRemote]:
    """A fresh bucket."""
    remote = BucketRemote.at(writable_url, key=KEY)
    yield remote
    remote.close()


@pytest.fixture
def in_folder(folder_url: str) -> Iterator[BucketRemote]:
    """A fresh bucket in a folder."""
    remote = BucketRemote.at(folder_url, key=KEY)
    yield remote
    remote.close()


def told(remote: BucketRemote, cursor: str = "") -> list[bytes]:
    """All lines after a cursor."""
    return [line + b"\n" for batch in remote.changes(cursor, ALL) for line in batch.lines]


def pushed(remote: BucketRemote, count: int = PUSHES) -> tuple[list[bytes], list[str]]:
    """Push jobs one by one: their lines, and the cursors before, between and behind them."""
    lines, cursors = [], [""]
    for entry in job_entries(count).values():
        remote.put([entry])
        lines.append(encode_entry(entry))
        *_, last = remote.changes(cursors[-1], ALL)
        cursors.append(last.end.cursor)
    return lines, cursors


def test_who_begins_asks_seldom_and_gets_all_with_its_signatures(bucket: BucketRemote) -> None:
    lines, _ = pushed(bucket)

    done = compact(bucket)

    assert done == Compacted(segments=PUSHES, merged=1)
    reader = BucketRemote(bucket.objects)
    before = reader.requests
    batches = list(reader.changes("", ALL))
    assert [line + b"\n" for batch in batches for line in batch.lines] == lines
    assert all(batch.signed_by([KEY.public]) for batch in batches[:-1])
    # The header, the pointer, what it points to, and the end.
    assert reader.requests == before + 4


def test_who_has_any_cursor_goes_on_after_it(in_folder: BucketRemote) -> None:
    lines, cursors = pushed(in_folder)
    compact(in_folder)

    for number, cursor in enumerate(cursors):
        assert told(in_folder, cursor) == lines[number:]
        for batch in in_folder.changes(cursor, ALL):
            after = batch.end.cursor
            assert told(in_folder, after) == lines[int(after.rpartition(".")[2]) :]


def test_a_second_run_finds_nothing_to_do(in_folder: BucketRemote) -> None:
    pushed(in_folder)
    compact(in_folder)
    objects = set(_files(in_folder))

    assert compact(in_folder, grace_sec=0) == Compacted()

    assert set(_files(in_folder)) == objects


def test_what_is_merged_grows_and_what_was_merged_before_is_removed_later(
    in_folder: BucketRemote,
) -> None:
    first, _ = pushed(in_folder)
    compact(in_folder)
    second, cursors = pushed(in_folder)

    # What the first run wrote may be what somebody is just reading.
    assert compact(in_folder) == Compacted(segments=PUSHES + 1, merged=1)
    assert len([name for name in _files(in_folder) if "-" in name]) == 2
    assert compact(in_folder, grace_sec=0).removed == 1

    assert len([name for name in _files(in_folder) if "-" in name]) == 1
    assert told(in_folder) == first + second
    assert told(in_folder, cursors[-2]) == second[-1:]


def test_only_so_much_is_merged_into_one_object(
    in_folder: BucketRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compacting, "MERGED_ENTRIES", 5)
    lines, _ = pushed(in_folder)

    assert compact(in_folder) == Compacted(segments=PUSHES, merged=2)
    assert compact(in_folder) == Compacted()

    assert told(in_folder) == lines


def test_of_a_job_the_first_and_the_latest_entry_stay(in_folder: BucketRemote) -> None:
    record, others = made_record(1), list(job_entries(2).values())
    for tags in ([], ["a"], ["b"], ["c"]):
        in_folder.put([job_entry(record, tags=tags)])
        in_folder.put([app_entry(str(tags))])
    in_folder.put(others)

    done = compact(in_folder, key=KEY)

    assert done.dropped == 4
    latest = job_entry(record, tags=["a", "b", "c"])
    assert told(in_folder) == [
        encode_entry(job_entry(record)),
        encode_entry(app_entry("[]")),
        encode_entry(latest),
        encode_entry(app_entry("['c']")),
        *map(encode_entry, others),
    ]


def test_of_a_deleted_job_only_the_deletion_stays(in_folder: BucketRemote) -> None:
    kept, deleted = made_record(1), made_record(2)
    in_folder.put([job_entry(kept), job_entry(deleted)])
    in_folder.put([job_entry(deleted, tags=["a"])])
    in_folder.put([gone_entry(deleted.jobId)])
    other = SigningKey(bytes(range(1, 33)))

    assert compact(in_folder, key=other).dropped == 2

    assert told(in_folder) == [
        encode_entry(job_entry(kept)),
        encode_entry(gone_entry(deleted.jobId)),
    ]
    batches = list(in_folder.changes("", ALL))
    # Who merged answers for what is not as its sender signed it.
    assert batches[0].signed_by([KEY.public, other.public]) == other.public
    assert batches[1].signed_by([KEY.public, other.public]) == KEY.public
    assert compact(in_folder, key=other) == Compacted()


def test_pushers_at_the_same_time_lose_nothing(in_folder: BucketRemote) -> None:
    entries = [list(job_entries(10, first=100 * who).values()) for who in range(3)]

    def push(mine: Sequence[Entry]) -> None:
        remote = BucketRemote.at(in_folder.url, key=KEY)
        for entry in mine:
            remote.put([entry])
        remote.close()

    threads = [threading.Thread(target=push, args=(mine,)) for mine in entries]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if in_folder.facts().store_id is not None:
            compact(in_folder, grace_sec=0)
    compact(in_folder, grace_sec=0)

    lines = told(in_folder)
    assert sorted(lines) == sorted(encode_entry(each) for mine in entries for each in mine)


def test_two_who_merge_at_once_do_no_harm(in_folder: BucketRemote) -> None:
    lines, _ = pushed(in_folder)
    others = [BucketRemote.at(in_folder.url) for _ in range(3)]
    threads = [threading.Thread(target=compact, args=(other,)) for other in others]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told(in_folder) == lines
    compact(in_folder)
    assert told(in_folder) == lines


def test_to_be_stopped_at_any_write_leaves_all_as_it_was(folder_url: str, tmp_path: Path) -> None:
    remote = BucketRemote.at(folder_url, key=KEY)
    lines, cursors = pushed(remote, 6)

    for writes in itertools.count():
        objects = StoppingObjects(tmp_path / "bucket")
        objects.concurrency = 1
        objects.writes_left = writes
        try:
            compact(BucketRemote(objects))
        except Stopped:
            for number, cursor in enumerate(cursors):
                assert told(remote, cursor) == lines[number:]
            continue
        break

    assert writes > 2
    assert told(remote) == lines
    assert compact(remote) == Compacted()
    remote.close()


def test_who_reads_over_http_while_it_is_merged_gets_all(
    in_folder: BucketRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compacting, "MERGED_ENTRIES", 4)
    lines, _ = pushed(in_folder)
    assert in_folder.objects.folder is not None
    with served(in_folder.objects.folder) as url:
        reader = BucketRemote.at(url)
        came: list[bytes] = []
        for number, batch in enumerate(reader.changes("", ALL)):
            came += [line + b"\n" for line in batch.lines]
            if number == 2:
                compact(in_folder, grace_sec=0)
        reader.close()

    assert [line for line, _ in itertools.groupby(came)] == lines


def test_what_cannot_be_read_stays_and_the_rest_is_merged(in_folder: BucketRemote) -> None:
    lines, _ = pushed(in_folder, 7)
    in_folder.objects.replace("feed/0000000003.jsonl.zst", b"garbage")

    assert compact(in_folder) == Compacted(segments=6, merged=2)

    rest = [line for line in told(in_folder) if b"unreadable" not in line]
    assert rest == lines[:3] + lines[4:]


def test_what_a_killed_pusher_left_in_a_folder_is_removed(in_folder: BucketRemote) -> None:
    pushed(in_folder, 1)
    folder = in_folder.objects.folder
    assert folder is not None
    left = folder / "feed" / "0000000001.jsonl.zst#1"
    left.write_bytes(b"half")

    compact(in_folder, grace_sec=0)
    assert left.exists()
    os.utime(left, (1.0, 1.0))
    compact(in_folder)

    assert not left.exists()
    assert list(in_folder.find("lab", definition_hash(0), None))


def test_the_lock_of_a_disk_without_links_stays_where_pushers_look_for_it(
    in_folder: BucketRemote,
) -> None:
    pushed(in_folder, 1)
    folder = in_folder.objects.folder
    assert folder is not None
    (folder / LOCK).touch()
    os.utime(folder / LOCK, (1.0, 1.0))

    compact(in_folder)

    assert (folder / LOCK).exists()


def _files(remote: BucketRemote) -> list[str]:
    return [each.name for page in remote.objects.found("feed") for each in page]
