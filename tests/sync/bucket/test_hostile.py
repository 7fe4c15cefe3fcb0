"""Buckets that somebody else wrote: no more of them is believed, or kept, than may be."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zstandard

from dendro_local.errors import InvalidRequest, NotAHub
from dendro_local.signed_records import batch_lines, decode_entry, encode_entry
from dendro_sync.remotes.bucket import BucketRemote
from dendro_sync.remotes.bucket.layout import (
    app_name,
    content_name,
    is_object_name,
    job_name,
    record_name,
    segment_name,
)
from dendro_sync.remotes.bucket.segments import batches_of, pack, pack_pointer, unpack
from dendro_sync.selection import Selection
from tests.sync.bucket.conftest import served
from tests.sync.bucket.made_entries import (
    KEY,
    definition_hash,
    digest_of,
    digests,
    job_entries,
    job_entry,
    made_record,
)
from tests.sync.bucket.static_servers import PageHandler

ALL = Selection()


@pytest.fixture
def bucket(folder_url: str) -> Iterator[BucketRemote]:
    """A bucket with three jobs, each in a segment."""
    remote = BucketRemote.at(folder_url, key=KEY)
    for entry in job_entries(3).values():
        remote.put([entry])
    yield remote
    remote.close()


def told(remote: BucketRemote, cursor: str = "") -> tuple[list[bytes], list[str], str]:
    """The lines of entries, the faults that are told, and the cursor at the end."""
    lines, faults, end = [], [], ""
    for batch in remote.changes(cursor, ALL):
        for line in batch.lines:
            if line.startswith(b'{"kind":"unreadable"'):
                faults.append(str(msgspec.json.decode(line)["reason"]))
            else:
                lines.append(line)
        end = batch.end.cursor
    return lines, faults, end


def bomb(size: int) -> bytes:
    """Some bytes that unpack to so many."""
    compressor = zstandard.ZstdCompressor(level=1).compressobj(size=size)
    zeros = bytes(1 << 20)
    return b"".join(compressor.compress(zeros) for _ in range(size >> 20)) + compressor.flush()


def without_size(data: bytes) -> bytes:
    """A frame that does not say how much is in it."""
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(data) + compressor.flush()


def half(number: int) -> bytes:
    """A segment that was cut off."""
    entries = job_entries(40, first=number)
    whole = pack(batch_lines([encode_entry(each) for each in entries.values()], "", KEY))
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"<html>not found</html>",
        half(50),
        bomb(300 << 20),
        without_size(b"{}"),
        pack(b"no lines of ours\n"),
        pack(b'{"kind":"batch","cursor":"","count":7}\n'),
        pack(b'{"kind":"job"'),
        pack(b'{"kind":"merged","object":"../../etc/passwd"}\n'),
        pack_pointer(f"feed/0000000000-0000000001-{'ab' * 32}.jsonl.zst"),
        pack_pointer(f"feed/0000000005-0000000009-{'ab' * 32}.jsonl.zst"),
    ],
    ids=[
        "empty", "garbage", "page", "cut", "bomb", "sizeless", "text", "wrong count", "open",
        "traversal", "pointer to nothing", "pointer elsewhere",
    ],
)  # fmt: skip
def test_a_segment_that_cannot_be_read_is_told_and_asked_for_again_while_the_rest_comes(
    bucket: BucketRemote, content: bytes
) -> None:
    whole, _, _ = told(bucket)
    good = bucket.objects.get(segment_name(1), 1 << 20)
    assert good is not None
    bucket.objects.replace(segment_name(1), content)

    lines, faults, end = told(bucket)

    assert lines == [whole[0], whole[2]]
    assert len(faults) == 1
    bucket.objects.replace(segment_name(1), good)
    # It is all well now, and what was left out comes.
    assert told(bucket, end)[0] == whole[1:]


def test_a_pointer_to_an_object_with_other_bytes_is_not_followed(bucket: BucketRemote) -> None:
    name = f"feed/0000000001-0000000001-{'ab' * 32}.jsonl.zst"
    bucket.objects.create(name, pack(b""))
    bucket.objects.replace(segment_name(1), pack_pointer(name))

    lines, faults, _ = told(bucket)

    assert len(lines) == 2
    assert "digest" in faults[0]


def test_a_segment_of_too_many_bytes_is_not_even_fetched(
    bucket: BucketRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dendro_sync.remotes.bucket import feed

    monkeypatch.setattr(feed, "MOST_PACKED_BYTES", 100)

    lines, faults, _ = told(bucket)

    assert lines == []
    assert all("at most 100" in fault for fault in faults)


def test_no_more_is_unpacked_than_a_segment_says_and_may_have() -> None:
    assert sum(map(len, unpack(pack(bytes(5 << 20))))) == 5 << 20
    with pytest.raises(InvalidRequest, match="at most"):
        next(unpack(bomb(300 << 20)))
    with pytest.raises(InvalidRequest, match="too early|cannot be unpacked"):
        list(batches_of(half(1)))


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b'{"payloadType":1}', b'{"record":"../x","statement":""}']
)
def test_single_objects_that_cannot_be_read_are_as_if_they_were_not_there(
    bucket: BucketRemote, content: bytes
) -> None:
    record, other = made_record(7), made_record(7)
    bucket.put([job_entry(record), job_entry(other)])
    bucket.objects.replace(record_name("lab", record.jobDefinitionHash, 0), content)
    bucket.objects.replace(job_name(record.jobId), content)

    found = list(bucket.find("lab", record.jobDefinitionHash, None))

    assert len(found) == 1
    assert list(bucket.entries_of({record.jobId: ""})) == []
    assert bucket.lacking(digests({record.jobId: job_entry(record)})) == {record.jobId}


@pytest.mark.parametrize("content", [b"", b'{"record":"../x","statement":""}'])
def test_a_damaged_note_of_where_a_job_is_is_mended_by_who_pushes_it_again(
    bucket: BucketRemote, content: bytes
) -> None:
    record = made_record(7)
    entry = job_entry(record)
    bucket.put([entry])
    assert record.contentKey is not None
    notes = [job_name(record.jobId), content_name("lab", record.contentKey)]
    whole = [bucket.objects.get(name, 1 << 20) for name in notes]
    for name in notes:
        bucket.objects.replace(name, content)
    assert bucket.lacking(digests({record.jobId: entry})) == {record.jobId}

    assert bucket.put([entry, job_entry(made_record(8))]) == []

    assert [bucket.objects.get(name, 1 << 20) for name in notes] == whole
    assert bucket.lacking(digests({record.jobId: entry})) == set()


def test_a_record_under_the_hash_or_id_of_another_is_not_taken(bucket: BucketRemote) -> None:
    record = made_record(7)
    bucket.put([job_entry(record)])
    raw = bucket.objects.get(record_name("lab", record.jobDefinitionHash, 0), 1 << 20)
    place = bucket.objects.get(job_name(record.jobId), 1 << 20)
    assert raw is not None
    assert place is not None
    bucket.objects.create(record_name("lab", definition_hash(99), 0), raw)
    bucket.objects.create(job_name(made_record(8).jobId), place)

    assert list(bucket.find("lab", definition_hash(99), None)) == []


def test_a_blob_that_is_too_long_is_cut_one_byte_after_its_end(
    bucket: BucketRemote, tmp_path: Path
) -> None:
    digest = digest_of(b"short")
    bucket.objects.create(f"blobs/{digest[:2]}/{digest}", bytes(50 << 20))

    bucket.fetch(digest, 5, tmp_path / "came", lambda _: None)

    assert (tmp_path / "came").stat().st_size == 6


def test_no_name_leads_out_of_the_bucket() -> None:
    names = [
        app_name("../..", "x"),
        app_name("a/b", ".hidden"),
        app_name("ünï", "%2e%2e"),
        job_name(made_record(1).jobId),
    ]

    assert names[:3] == [
        "apps/=2E.=2F../x.json",
        "apps/a=2Fb/=2Ehidden.json",
        "apps/=C3=BCn=C3=AF/=252e=252e.json",
    ]
    assert all(is_object_name(name) for name in names)
    for bad in ("", "a" * 500):
        with pytest.raises(InvalidRequest):
            app_name(bad, "x")
    for bad in ("../../x", "ab/../..", "zz"):
        with pytest.raises(InvalidRequest):
            record_name("lab", bad, 0)
    assert not is_object_name("blobs/../../x")
    assert not is_object_name("records/lab/../ab/0.json")


def test_a_host_that_answers_everything_with_a_page_is_no_bucket(
    bucket: BucketRemote, tmp_path: Path
) -> None:
    with served(tmp_path / "bucket", PageHandler) as url:
        remote = BucketRemote.at(url)
        with pytest.raises(NotAHub, match="nothing of the feed can be read"):
            told(remote)
        assert list(remote.find("lab", "ab" * 20, None)) == []
        remote.close()
    with served(tmp_path / "nothing", PageHandler) as url:
        remote = BucketRemote.at(url)
        with pytest.raises(NotAHub, match="cannot be read"):
            remote.facts()
        remote.close()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b'{"format":"dendro-bucket","version":2,"storeId":"a","createdSec":1}', "Update"),
        (b'{"format":"other","version":1,"storeId":"a","createdSec":1}', "no bucket"),
        (b'{"format":"dendro-bucket","version":1,"storeId":"","createdSec":1}', "no bucket"),
        (b"[]", "cannot be read"),
    ],
)
def test_what_is_no_bucket_of_a_known_version_is_told_so(
    folder_url: str, header: bytes, words: str
) -> None:
    remote = BucketRemote.at(folder_url)
    remote.objects.create("dendro-bucket.json", header)

    with pytest.raises(NotAHub, match=words):
        remote.facts()
    with pytest.raises(NotAHub, match=words):
        remote.put([job_entry(made_record(1))])
    remote.close()


def test_a_folder_of_other_things_does_not_become_a_bucket(folder_url: str, tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "holiday.jpg").write_bytes(b"x")
    remote = BucketRemote.at(folder_url)

    with pytest.raises(NotAHub, match="empty folder"):
        remote.put([job_entry(made_record(1))])

    assert len(list((tmp_path / "bucket").iterdir())) == 1
    remote.close()


def test_a_hint_that_is_wrong_does_no_harm(folder_url: str) -> None:
    for hint in (b'{"next":900}', b'{"next":-4}', b'{"next":1}', b"[]", b"x" * 10_000):
        remote = BucketRemote.at(folder_url, key=KEY)
        remote.put([job_entry(made_record(1))])
        remote.objects.replace("feed/next.json", hint)
        remote.close()
        again = BucketRemote.at(folder_url, key=KEY)
        again.put([job_entry(made_record(1))])
        again.close()

    remote = BucketRemote.at(folder_url)
    lines, faults, _ = told(remote)
    assert (len(lines), faults) == (10, [])
    assert all(decode_entry(line) for line in lines)
    remote.close()
