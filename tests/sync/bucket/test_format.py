"""The format of buckets: what was written by an earlier version is read, and other tools verify."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.signer._key import SSlibKey

from dendro_local.model import JobId
from dendro_local.signed_records import (
    AppEntry,
    Entry,
    GoneEntry,
    JobEntry,
    JobRecord,
    decode_entry,
    read_app,
    read_deletion,
    read_job,
)
from dendro_local.signed_records.entries import BatchEnd
from dendro_sync.remotes.bucket import BucketRemote, compact, open_archive
from dendro_sync.remotes.bucket.layout import FORMAT_VERSION, is_object_name, record_name
from dendro_sync.selection import Selection
from tests.sync.bucket.made_entries import (
    KEY,
    definition_hash,
    digest_of,
    job_entries,
    job_entry,
    made_record,
)

VERSION_1 = Path(__file__).parents[2] / "data" / "bucket_v1.zip"
"""Written by version 1 of the format: an app, six jobs with tags, and a deletion; then merged, and
two more segments. To be read by all later versions, and never to be written again."""

IDS = [JobId(f"aaaaaaaaaaaaaaaaaaa{number}") for number in range(6)]


@pytest.fixture(params=["archive", "folder"])
def version_1(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BucketRemote]:
    """The bucket that version 1 wrote, as an archive and as a folder."""
    remote = open_archive(VERSION_1) if request.param == "archive" else unpacked(tmp_path)
    yield remote
    remote.close()


def unpacked(tmp_path: Path) -> BucketRemote:
    """The bucket that version 1 wrote, as a folder."""
    with zipfile.ZipFile(VERSION_1) as archive:
        archive.extractall(tmp_path / "version 1")
    return BucketRemote.at((tmp_path / "version 1").as_uri(), key=KEY)


def entries_in(remote: BucketRemote, cursor: str = "") -> list[Entry]:
    """All entries after a cursor, in batches that KEY signed."""
    entries: list[Entry] = []
    for batch in remote.changes(cursor, Selection()):
        assert not batch.lines or batch.signed_by([KEY.public])
        for line in batch.lines:
            entry = decode_entry(line)
            assert not isinstance(entry, BatchEnd)
            (signature,) = entry.signatures
            assert KEY.public.verifies(bytes(entry.statement), signature.raw())
            entries.append(entry)
    return entries


def test_a_bucket_of_version_1_is_read(version_1: BucketRemote, tmp_path: Path) -> None:
    told: list[tuple[str, tuple[str, ...]]] = []
    for entry in entries_in(version_1):
        statement = bytes(entry.statement)
        if isinstance(entry, JobEntry):
            told.append((read_job(statement).jobId, tuple(entry.tags)))
        elif isinstance(entry, GoneEntry):
            told.append((read_deletion(statement).jobId, ("gone",)))
        else:
            assert isinstance(entry, AppEntry)
            told.append((read_app(statement).appName, ()))

    assert told == [
        ("hello", ()),
        (IDS[0], ()),
        (IDS[1], ("night",)),
        (IDS[1], ("day", "dusk", "night")),
        (IDS[2], ("gone",)),
        (IDS[3], ()),
        (IDS[4], ()),
        (IDS[5], ()),
    ]
    assert [each.jobId for each in jobs_of(version_1, 1)] == [IDS[1]]
    assert jobs_of(version_1, 2) == []
    assert [each.error for each in jobs_of(version_1, 4)] == ["It broke."]
    version_1.fetch(digest_of(b"output 3\n"), 9, tmp_path / "came", lambda _: None)
    assert (tmp_path / "came").read_bytes() == b"output 3\n"


def jobs_of(remote: BucketRemote, number: int) -> list[JobRecord]:
    """The jobs of a definition."""
    found = list(remote.find("lab", definition_hash(number), None))
    return [read_job(bytes(each.statement)) for each in found]


def test_a_cursor_of_version_1_goes_on(version_1: BucketRemote) -> None:
    store_id = version_1.facts().store_id

    told = [
        read_job(bytes(each.statement)).jobId for each in entries_in(version_1, f"{store_id}.7")
    ]

    assert told == [IDS[5]]
    assert entries_in(version_1, f"{store_id}.8") == []


def test_a_bucket_of_version_1_is_written_on(tmp_path: Path) -> None:
    remote = unpacked(tmp_path)
    before = len(entries_in(remote))

    assert remote.put(list(job_entries(2, first=20).values())) == []
    compact(remote)

    assert len(entries_in(remote)) == before + 2
    remote.close()


def test_what_a_bucket_consists_of(tmp_path: Path) -> None:
    remote = unpacked(tmp_path)
    root = remote.objects.folder
    assert root is not None
    files = [str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()]

    assert FORMAT_VERSION == 1
    assert all(is_object_name(name) for name in files)
    assert {name.partition("/")[0] for name in files} == {
        "apps", "blobs", "content", "dendro-bucket.json", "feed", "jobs", "records"
    }  # fmt: skip
    header = json.loads((root / "dendro-bucket.json").read_bytes())
    assert header.keys() == {"format", "version", "storeId", "createdSec"}
    place = json.loads((root / "jobs" / "aa" / f"{IDS[2]}.json").read_bytes())
    assert place["gone"]
    assert place["record"] == record_name("lab", definition_hash(2), 0)
    remote.close()
    shutil.rmtree(root)


def test_another_tool_verifies_a_record_as_it_lies_there(folder_url: str) -> None:
    remote = BucketRemote.at(folder_url)
    record = made_record(1, outputs={"output": b"x"})
    remote.put([job_entry(record, tags=["a"])])
    raw = remote.objects.get(record_name("lab", record.jobDefinitionHash, 0), 1 << 20)
    assert raw is not None

    signed = Envelope.from_dict(json.loads(raw))
    key = SSlibKey(KEY.public.key_id, "ed25519", "ed25519", {"public": KEY.public.raw.hex()})

    assert list(signed.verify([key], 1)) == [KEY.public.key_id]
    statement = json.loads(signed.payload)
    assert statement["subject"] == [
        {"name": "outputs/output", "digest": {"sha256": digest_of(b"x")}}
    ]
    assert statement["predicateType"] == "urn:dendro-local:job:v1"
    remote.close()
