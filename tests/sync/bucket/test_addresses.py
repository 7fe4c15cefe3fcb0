"""URLs of buckets."""

from pathlib import Path

import pytest
from obstore.store import AzureStore, GCSStore, HTTPStore

from dendro_local.errors import HubUnreachable, InvalidRequest, NotAHub, NotAllowed
from dendro_local.signed_records import Entry
from dendro_sync.remotes.bucket import BucketRemote
from dendro_sync.remotes.bucket.addresses import Address, open_store, read_address
from dendro_sync.selection import Selection
from tests.sync.bucket.conftest import served
from tests.sync.bucket.made_entries import app_entry, job_entries, written
from tests.sync.bucket.static_servers import QuietHandler


@pytest.mark.parametrize(
    ("url", "shown", "place"),
    [
        ("file:///data/my%20bucket", "file:///data/my%20bucket", "/data/my bucket"),
        ("file://localhost/data", "file:///data", "/data"),
        ("s3://bucket/a/", "s3://bucket/a", "s3://bucket/a"),
        ("gs://bucket", "gs://bucket", "gs://bucket"),
        ("az://container/a", "az://container/a", "az://container/a"),
        ("https://host:8/a/", "https://host:8/a", "https://host:8/a"),
    ],
)
def test_places_are_told_apart(url: str, shown: str, place: str) -> None:
    address = read_address(url)

    assert (address.url, address.place) == (shown, place)


def test_of_s3_more_can_be_said() -> None:
    assert read_address("s3://b/c?endpoint=http://h:1&region=eu&anonymous=true") == Address(
        scheme="s3",
        url="s3://b/c?endpoint=http://h:1",
        place="s3://b/c",
        endpoint="http://h:1",
        region="eu",
        is_anonymous=True,
    )


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "bucket",
        "file://host/x",
        "file:relative",
        "s3:///x",
        "s3://key:secret@bucket/x",
        "s3://bucket/x?secret_access_key=secret",
        "s3://bucket/x?endpoint=http://user:secret@host",
        "https://secret@host/x",
        "https://host/x?token=secret",
    ],
)
def test_what_is_no_place_or_has_a_secret_in_it_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_address(url)

    assert "=secret" not in str(refused.value)
    assert ":secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["gs://place/a", "az://place/a", "https://place/a"])
def test_the_other_clouds_are_stores_as_well(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")

    assert isinstance(open_store(read_address(url), 1.0), GCSStore | AzureStore | HTTPStore)


def test_a_static_server_can_only_be_read(tmp_path: Path) -> None:
    folder = BucketRemote.at((tmp_path / "bucket").as_uri())
    folder.put([app_entry()])
    with served(tmp_path / "bucket") as url:
        remote = BucketRemote.at(url)
        entries: list[Entry] = list(job_entries(1).values())

        assert not remote.facts().can_write
        with pytest.raises(NotAllowed, match="only be read"):
            remote.put(entries)
        remote.close()
    with pytest.raises(HubUnreachable, match="does not answer"):
        BucketRemote.at(url, patience_sec=0.2).facts()
    folder.close()


def test_a_static_server_of_other_things_is_no_bucket(tmp_path: Path) -> None:
    with served(tmp_path / "site") as url:
        remote = BucketRemote.at(url)
        with pytest.raises(NotAHub, match="no bucket of dendro-local"):
            remote.facts()
        remote.close()


def test_a_static_server_that_knows_no_ranges_serves_as_well(tmp_path: Path) -> None:
    folder = BucketRemote.at((tmp_path / "bucket").as_uri())
    folder.put([app_entry()])
    digest, source = written(tmp_path, bytes(range(200)))
    folder.send(digest, source, lambda _: None)
    (tmp_path / "came").write_bytes(bytes(100))
    with served(tmp_path / "bucket", QuietHandler) as url:
        remote = BucketRemote.at(url)
        remote.fetch(digest, 200, tmp_path / "came", lambda _: None)
        assert sum(len(batch.lines) for batch in remote.changes("", Selection())) == 1
        remote.close()

    assert (tmp_path / "came").read_bytes() == bytes(range(200))
    folder.close()
