"""What becomes of what is put into a bucket that others have put things into."""

import errno
import threading
from collections.abc import Iterator

import msgspec
import pytest

from dendro_local.model import JobId
from dendro_local.signed_records import (
    Entry,
    GoneEntry,
    JobEntry,
    JobRecord,
    SigningKey,
    encode_entry,
)
from dendro_sync.remotes.bucket import BucketRemote
from tests.sync.bucket.conftest import write_at
from tests.sync.bucket.made_entries import (
    KEY,
    app_entry,
    definition_hash,
    digests,
    gone_entry,
    job_entries,
    job_entry,
    made_record,
)
from tests.sync.bucket.reading import end_of, entries_in, lines_of, nothing


@pytest.fixture
def bucket(writable_url: str) -> Iterator[BucketRemote]:
    """A fresh bucket that can be written to."""
    remote = BucketRemote.at(writable_url, key=KEY)
    yield remote
    remote.close()


def test_who_pushes_again_changes_nothing(bucket: BucketRemote) -> None:
    entries: list[Entry] = [app_entry(), *job_entries(3).values()]
    bucket.put(entries)
    cursor = end_of(bucket)

    assert bucket.put(entries) == []

    assert lines_of(bucket, cursor) == []


def test_another_job_of_the_same_id_is_refused_with_both_digests(bucket: BucketRemote) -> None:
    record = made_record(1)
    other = job_entry(made_record_like(record.jobId, 2))
    bucket.put([job_entry(record)])
    cursor = end_of(bucket)

    (refusal,) = bucket.put([other])

    assert (refusal.job_id, refusal.code) == (record.jobId, "conflict")
    assert refusal.digests == tuple(
        digests({record.jobId: each})[record.jobId] for each in (job_entry(record), other)
    )
    assert lines_of(bucket, cursor) == []


def test_jobs_of_one_definition_are_all_found(bucket: BucketRemote) -> None:
    entries = [job_entry(made_record(1)) for _ in range(9)]

    for entry in entries:
        assert bucket.put([entry]) == []
    bucket.put([job_entry(made_record(1)) for _ in range(3)])

    found = list(bucket.find("lab", definition_hash(1), None))
    assert len(found) == 12
    assert [encode_entry(each) for each in found[:9]] == [encode_entry(each) for each in entries]


def test_tags_are_merged(bucket: BucketRemote) -> None:
    record = made_record(1)
    bucket.put([job_entry(record, tags=["a", "b"])])
    cursor = end_of(bucket)

    bucket.put([job_entry(record, tags=["b", "c"])])

    (told,) = entries_in(bucket, cursor)
    (found,) = bucket.find("lab", definition_hash(1), None)
    assert isinstance(told, JobEntry)
    assert isinstance(found, JobEntry)
    assert list(told.tags) == list(found.tags) == ["a", "b", "c"]


def test_who_adds_a_tag_takes_no_signature_away(bucket: BucketRemote) -> None:
    record = made_record(1)
    bucket.put([job_entry(record)])
    other = SigningKey(bytes(range(1, 33)))

    bucket.put([job_entry(record, tags=["a"], key=other)])

    (found,) = bucket.find("lab", definition_hash(1), None)
    assert [each.keyid for each in found.signatures] == [KEY.public.key_id, other.public.key_id]


def test_a_job_that_can_have_no_place_is_refused_and_the_others_are_taken(
    bucket: BucketRemote,
) -> None:
    bad = [
        made_record_like(JobId("x" * 300), 1),
        msgspec.structs.replace(made_record(2), jobDefinitionHash="../.."),
        msgspec.structs.replace(made_record(3), contentKey="no key"),
    ]
    good = job_entries(2)

    refusals = bucket.put([*map(job_entry, bad), *good.values()])

    assert [each.code for each in refusals] == ["structure"] * 3
    assert len(lines_of(bucket)) == 2


def test_a_deleted_job_is_told_of_and_not_found_while_those_after_it_are(
    bucket: BucketRemote,
) -> None:
    deleted, other = made_record(1), made_record(1)
    bucket.put([job_entry(deleted), job_entry(other)])
    cursor = end_of(bucket)

    bucket.put([gone_entry(deleted.jobId), gone_entry(JobId("neverThere"))])

    (told,) = entries_in(bucket, cursor)
    assert isinstance(told, GoneEntry)
    (found,) = bucket.find("lab", definition_hash(1), deleted.contentKey)
    assert bytes(found.statement) == bytes(job_entry(other).statement)
    assert list(bucket.entries_of({deleted.jobId: ""})) == []


def test_a_deleted_job_does_not_come_back(bucket: BucketRemote) -> None:
    record = made_record(1)
    bucket.put([job_entry(record)])
    bucket.put([gone_entry(record.jobId)])
    cursor = end_of(bucket)

    assert bucket.lacking(digests({record.jobId: job_entry(record)})) == set()
    assert bucket.put([job_entry(record)]) == []

    assert lines_of(bucket, cursor) == []


def test_a_job_and_its_deletion_may_come_together(bucket: BucketRemote) -> None:
    record = made_record(1)

    bucket.put([job_entry(record), gone_entry(record.jobId)])

    assert [type(each) for each in entries_in(bucket)] == [JobEntry, GoneEntry]


def test_the_content_of_a_deleted_job_is_found_in_the_next_one(bucket: BucketRemote) -> None:
    first, second = made_record(1), made_record(1)
    bucket.put([job_entry(first)])
    bucket.put([gone_entry(first.jobId)])

    bucket.put([job_entry(second)])

    (found,) = bucket.find("lab", "ab" * 20, second.contentKey)
    assert bytes(found.statement) == bytes(job_entry(second).statement)


def test_a_new_version_of_an_app_is_told_of(bucket: BucketRemote) -> None:
    bucket.put([app_entry("1.0")])
    cursor = end_of(bucket)

    bucket.put([app_entry("2.0")])

    assert len(lines_of(bucket, cursor)) == 1


def test_facts_of_a_place_where_nothing_is_yet_and_of_a_bucket(writable_url: str) -> None:
    remote = BucketRemote.at(writable_url)
    before = remote.facts()
    assert lines_of(remote) == []
    assert remote.lacking({JobId("a"): ""}) == {"a"}
    write_at(writable_url, lambda bucket: nothing(bucket.put([app_entry()])))

    after = remote.facts()

    assert (before.store_id, before.version, before.can_write) == (None, None, True)
    assert after.store_id is not None
    assert (after.kind, after.version, after.can_write) == ("bucket", "1", True)
    remote.close()


def test_a_disk_without_hard_links_serves_as_well(
    folder_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refused)
    pushes = [job_entries(3, first=10 * who) for who in range(3)]

    def push(mine: dict[JobId, JobEntry]) -> None:
        for entry in mine.values():
            write_at(folder_url, lambda bucket: nothing(bucket.put([entry])))  # noqa: B023

    threads = [threading.Thread(target=push, args=(mine,)) for mine in pushes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    remote = BucketRemote.at(folder_url)
    assert len(lines_of(remote)) == 9
    assert remote.lacking(digests(pushes[0])) == set()
    remote.close()


def test_one_new_job_costs_few_requests(bucket: BucketRemote) -> None:
    bucket.put(list(job_entries(3).values()))
    cursor = end_of(bucket)
    before, entries = bucket.requests, job_entries(1, first=9)

    assert lines_of(bucket, cursor) == []
    assert bucket.lacking(digests(entries)) == set(entries)
    bucket.put(list(entries.values()))

    # The end of the feed, the job, and what is written of it: record, segment, job and content.
    assert bucket.requests == before + 6


def made_record_like(job_id: JobId, number: int) -> JobRecord:
    """A job of another definition with the id of another job."""
    return msgspec.structs.replace(made_record(number), jobId=job_id)
