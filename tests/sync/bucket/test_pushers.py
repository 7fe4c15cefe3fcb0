"""Several who push to one bucket at once, and who are killed while they do."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from dendro_local.signed_records import JobEntry, decode_entry
from dendro_sync.remotes.bucket import BucketRemote, compact
from dendro_sync.remotes.bucket.record_objects import JobFacts, facts_of
from dendro_sync.selection import Selection
from tests.sync.bucket.made_entries import (
    KEY,
    digest_of,
    digests,
    job_entries,
    job_entry,
    made_record,
)
from tests.sync.bucket.stopping_objects import Stopped, StoppingObjects

ALL = Selection()
KILLS = int(os.environ.get("BUCKET_KILLS", "4"))

PUSHER = """
import sys
from pathlib import Path
from dendro_sync.remotes.bucket import BucketRemote
from tests.sync.bucket.made_entries import KEY, job_entries, job_entry, made_record, written

url, first, count, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
remote = BucketRemote.at(url, key=KEY)
for number in range(first, first + count):
    data = b"output %d" % number * 1000
    record = made_record(number, outputs={"output": data})
    remote.send(*written(folder, data), lambda _: None)
    assert remote.put([job_entry(record)]) == []
    print(record.jobId, flush=True)
remote.close()
"""


@pytest.fixture
def bucket(folder_url: str) -> Iterator[BucketRemote]:
    """A fresh bucket in a folder."""
    remote = BucketRemote.at(folder_url, key=KEY)
    yield remote
    remote.close()


def told_ids(remote: BucketRemote) -> list[str]:
    """The ids of the jobs that a reader is told of."""
    entries = [decode_entry(line) for batch in remote.changes("", ALL) for line in batch.lines]
    facts = [facts_of(each) for each in entries if isinstance(each, JobEntry)]
    return [each.jobId for each in facts if isinstance(each, JobFacts)]


def test_threads_that_push_at_once_lose_nothing(writable_url: str) -> None:
    pushes = [job_entries(4, first=100 * who) for who in range(4)]
    remotes = [BucketRemote.at(writable_url, key=KEY) for _ in pushes]
    begin = threading.Barrier(len(pushes))

    def push(remote: BucketRemote, mine: dict[str, JobEntry]) -> None:
        begin.wait()
        for entry in mine.values():
            assert remote.put([entry]) == []

    threads = [
        threading.Thread(target=push, args=pair) for pair in zip(remotes, pushes, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({remote.store_id() for remote in remotes}) == 1
    assert sorted(told_ids(remotes[0])) == sorted(job_id for mine in pushes for job_id in mine)
    for mine in pushes:
        assert remotes[0].lacking(digests(dict(mine))) == set()
    for remote in remotes:
        remote.close()


def test_two_different_jobs_of_one_id_at_once_are_told_as_a_conflict(bucket: BucketRemote) -> None:
    record = made_record(1)
    entries = [job_entry(msgspec.structs.replace(record, attempts=n)) for n in (1, 2)]
    remotes = [BucketRemote.at(bucket.url, key=KEY) for _ in entries]
    for remote, entry in zip(remotes, entries, strict=True):
        # Both have looked, and neither has seen anything.
        remote.lacking(digests({record.jobId: entry}))

    refusals = [remote.put([entry]) for remote, entry in zip(remotes, entries, strict=True)]

    assert refusals[0] == []
    assert [each.code for each in refusals[1]] == ["conflict"]
    for remote in remotes:
        remote.close()


@pytest.mark.process
def test_processes_that_push_at_once_lose_nothing(bucket: BucketRemote, tmp_path: Path) -> None:
    pushers = [pusher(bucket.url, 100 * who, 15, tmp_path) for who in range(3)]

    ids = [each.communicate(timeout=60)[0].split() for each in pushers]

    assert [each.returncode for each in pushers] == [0, 0, 0]
    assert sorted(told_ids(bucket)) == sorted(job_id for mine in ids for job_id in mine)
    assert len(list(bucket.find("lab", list_hash(100), None))) == 1


@pytest.mark.process
def test_a_pusher_that_is_killed_leaves_a_bucket_that_can_be_read_and_written(
    bucket: BucketRemote, tmp_path: Path
) -> None:
    acknowledged: list[str] = []
    for kill in range(KILLS):
        process = pusher(bucket.url, 1000 * kill, 500, tmp_path)
        assert process.stdout is not None
        for _ in range(random.randrange(1, 12)):
            acknowledged.append(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.read().split()
        process.wait()
        process.stdout.close()

        told = told_ids(bucket)
        assert set(acknowledged) <= set(told)
        # Whatever is told of is there with what it needs.
        for entry in bucket.entries_of(dict.fromkeys(told[-3:], "")):  # type: ignore[arg-type]
            facts = facts_of(entry)
            assert isinstance(facts, JobFacts)
            assert list(bucket.find("lab", facts.jobDefinitionHash, None))
        data = b"output %d" % (1000 * kill) * 1000
        assert bucket.lacking_blobs({digest_of(data): len(data)}) == set()
    compact(bucket)
    assert set(acknowledged) <= set(told_ids(bucket))


@pytest.mark.parametrize("writes", range(1, 7))
def test_a_push_that_was_stopped_at_any_write_is_made_good_by_the_next(
    folder_url: str, tmp_path: Path, writes: int
) -> None:
    entries = job_entries(1)
    objects = StoppingObjects(tmp_path / "bucket")
    objects.writes_left = writes
    stopped = BucketRemote(objects, key=KEY)
    try:
        stopped.put(list(entries.values()))
    except Stopped:
        pass
    stopped.close()
    remote = BucketRemote.at(folder_url, key=KEY)

    if remote.lacking(digests(entries)):
        assert remote.put(list(entries.values())) == []

    assert set(told_ids(remote)) == set(entries)
    assert remote.lacking(digests(entries)) == set()
    assert len(list(remote.find("lab", list_hash(0), None))) == 1
    compact(remote)
    assert len(told_ids(remote)) <= 2
    remote.close()


def pusher(url: str, first: int, count: int, folder: Path) -> "subprocess.Popen[str]":
    """A process that pushes jobs one by one, and says which it has pushed."""
    root = Path(__file__).parents[3]
    return subprocess.Popen(
        [sys.executable, "-c", PUSHER, url, str(first), str(count), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


def list_hash(number: int) -> str:
    """The definition hash of a job."""
    return made_record(number).jobDefinitionHash
