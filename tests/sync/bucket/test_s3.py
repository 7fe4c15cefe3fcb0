"""Buckets on S3: what the store decides, and what is said where it refuses."""

import logging
import os
from pathlib import Path

import httpx
import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, PermissionDeniedError

from dendro_local.errors import HubUnreachable, NotAHub, NotAllowed, NotAuthenticated, NotSupported
from dendro_local.signed_records import Entry
from dendro_sync.remotes.bucket import BucketRemote
from dendro_sync.remotes.bucket.addresses import read_address
from dendro_sync.remotes.bucket.blobs import PART_BYTES
from dendro_sync.remotes.bucket.store_objects import StoreObjects
from dendro_sync.selection import Selection
from tests.sync.bucket.made_entries import KEY, digest_of, job_entries, written


def objects_at(url: str) -> StoreObjects:
    """The objects of the S3 bucket."""
    return StoreObjects(read_address(url))


def bucket_of(url: str) -> str:
    """The name of the S3 bucket."""
    return url.removeprefix("s3://").partition("/")[0]


def test_an_object_is_created_once(s3_url: str) -> None:
    first, second = objects_at(s3_url), objects_at(s3_url)

    assert first.create("feed/0000000000.jsonl.zst", b"first")
    assert not second.create("feed/0000000000.jsonl.zst", b"second")

    assert second.get("feed/0000000000.jsonl.zst", 100) == b"first"


def test_a_refusal_for_another_write_that_fails_then_is_not_taken_for_an_object(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, refusals = obstore.put, iter([True, True, False])

    def conflicting(*args: object, **options: object) -> object:
        if next(refusals):
            raise AlreadyExistsError("409 ConditionalRequestConflict")
        return put(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("obstore.put", conflicting)
    objects = objects_at(s3_url)

    assert objects.create("feed/0000000000.jsonl.zst", b"first")

    assert objects.get("feed/0000000000.jsonl.zst", 100) == b"first"


def test_bytes_behind_the_end_are_no_fault_of_the_network(s3_url: str) -> None:
    objects = objects_at(s3_url)
    objects.create("feed/0000000000.jsonl.zst", b"short")

    with pytest.raises(NotSupported, match="fewer bytes"):
        objects.stream("feed/0000000000.jsonl.zst", 100, 101)


def test_a_large_file_goes_in_parts_and_comes_by_range(s3_url: str, tmp_path: Path) -> None:
    data = os.urandom(2 * PART_BYTES + 5)
    digest, source = written(tmp_path, data)
    remote = BucketRemote.at(s3_url)

    remote.send(digest, source, lambda _: None)

    assert remote.requests >= 5
    (tmp_path / "came").write_bytes(data[: PART_BYTES + 1])
    came: list[int] = []
    remote.fetch(digest, len(data), tmp_path / "came", came.append)
    assert (tmp_path / "came").read_bytes() == data
    assert sum(came) == PART_BYTES + 4
    remote.close()


def test_a_file_that_turns_out_wrong_in_its_last_part_is_not_there(
    s3_url: str, tmp_path: Path
) -> None:
    _, source = written(tmp_path, bytes(2 * PART_BYTES))
    remote = BucketRemote.at(s3_url)

    with pytest.raises(Exception, match="not those of the digest"):
        remote.send(digest_of(b"other"), source, lambda _: None)

    assert remote.lacking_blobs({digest_of(b"other"): 2 * PART_BYTES}) == {digest_of(b"other")}
    remote.close()


def test_many_blobs_are_asked_for_by_their_folders(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dendro_sync.remotes.bucket import blobs

    monkeypatch.setattr(blobs, "LIST_FROM", 4)
    remote = BucketRemote.at(s3_url)
    digest, source = written(tmp_path, b"there")
    remote.send(digest, source, lambda _: None)
    same_folder = [digest[:2] + digest_of(b"%d" % each)[2:] for each in range(30)]

    lacking = remote.lacking_blobs({digest: 5} | dict.fromkeys(same_folder, 3))  # type: ignore[arg-type]

    assert lacking == set(same_folder)
    assert remote.lacking_blobs({digest: 6} | dict.fromkeys(same_folder[:4], 3)) >= {digest}  # type: ignore[arg-type]
    remote.close()


def test_a_bucket_that_is_not_there_is_told_so(s3_url: str) -> None:
    remote = BucketRemote.at(s3_url.replace(bucket_of(s3_url), "nobodys-bucket"))

    with pytest.raises(NotAHub, match="no bucket at s3://nobodys-bucket"):
        remote.facts()


def test_without_credentials_it_says_where_they_are_taken_from(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    # Where clouds tell their machines' credentials; here nobody answers.
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1/latest/api/token")
    remote = BucketRemote.at(s3_url, patience_sec=0.1)

    with pytest.raises(NotAuthenticated, match="AWS_ACCESS_KEY_ID"):
        remote.facts()


def test_what_the_store_does_not_allow_is_told_and_no_key_is_shown(
    s3_url: str, s3_endpoint: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    objects = objects_at(s3_url)
    objects.create("dendro-bucket.json", b"{}")
    # From now on S3 checks signatures, and ours are by nobody.
    httpx.post(f"{s3_endpoint}/moto-api/reset-auth", content="0", timeout=30).raise_for_status()
    try:
        with pytest.raises((NotAllowed, NotAuthenticated)) as refused:
            objects_at(s3_url).get("dendro-bucket.json", 100)
    finally:
        httpx.post(f"{s3_endpoint}/moto-api/reset-auth", content="inf", timeout=30)

    assert "a-secret" not in str(refused.value) + caplog.text
    assert "AWS_ACCESS_KEY_ID" in str(refused.value)


def test_who_may_read_but_not_list_is_refused_what_is_not_there(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries: list[Entry] = list(job_entries(1).values())
    writer = BucketRemote.at(s3_url, key=KEY)
    writer.put(entries)
    reader = BucketRemote.at(s3_url)
    monkeypatch.setattr("obstore.get", _refusing())

    assert list(reader.find("lab", "ab" * 20, None)) == []
    lines = [line for batch in reader.changes("", Selection()) for line in batch.lines]

    assert len(lines) == 1
    writer.close()
    reader.close()


def _refusing() -> object:
    """A store that answers as S3 does without the right to list: 403 where others say 404."""
    get = obstore.get

    def refusing(*args: object, **options: object) -> object:
        try:
            return get(*args, **options)  # type: ignore[arg-type]
        except FileNotFoundError as error:
            raise PermissionDeniedError("403 Forbidden: AccessDenied") from error

    return refusing


def test_a_server_that_is_not_there_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    remote = BucketRemote.at("s3://bucket/x?endpoint=http://127.0.0.1:1", patience_sec=0.2)

    with pytest.raises(HubUnreachable, match="does not answer"):
        remote.facts()
