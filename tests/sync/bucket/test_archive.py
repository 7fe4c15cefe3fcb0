"""A bucket in a zip archive: written whole or not at all, and never believed."""

import io
import os
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest

from dendro_local.errors import InputUnavailable, InvalidRequest, NotAllowed
from dendro_local.model import Digest
from dendro_sync.remotes.bucket import BucketRemote, new_archive, open_archive
from dendro_sync.selection import Selection
from tests.sync.bucket.made_entries import KEY, app_entry, digest_of, job_entries, written

ALL = Selection()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive with three jobs and a large file."""
    file = tmp_path / "archive.zip"
    digest, source = written(tmp_path, b"x" * (9 << 20))
    with new_archive(file, key=KEY) as remote:
        remote.send(digest, source, lambda _: None)
        remote.put([app_entry(), *job_entries(3).values()])
    return file


def lines_of(remote: BucketRemote) -> list[bytes]:
    """All lines."""
    return [line for batch in remote.changes("", ALL) for line in batch.lines]


def test_an_unpacked_archive_is_a_bucket(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as whole:
        assert whole.testzip() is None
        whole.extractall(tmp_path / "unpacked")
    unpacked, packed = BucketRemote.at((tmp_path / "unpacked").as_uri()), open_archive(archive)

    assert lines_of(unpacked) == lines_of(packed)
    assert len(lines_of(unpacked)) == 4
    assert unpacked.put(list(job_entries(1, first=9).values())) == []
    unpacked.close()
    packed.close()


def test_an_archive_of_nothing_can_be_read(tmp_path: Path) -> None:
    with new_archive(tmp_path / "empty.zip"):
        pass

    remote = open_archive(tmp_path / "empty.zip")
    assert lines_of(remote) == []
    remote.close()


def test_what_ends_with_an_error_leaves_what_was_there(archive: Path) -> None:
    before = archive.read_bytes()

    def stopped() -> None:
        with new_archive(archive) as remote:
            remote.put(list(job_entries(2).values()))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stopped()

    assert archive.read_bytes() == before
    assert [each.name for each in archive.parent.iterdir() if each.name.startswith(".")] == []


def test_a_file_that_changed_is_not_put_in_and_the_rest_is(tmp_path: Path) -> None:
    _, large = written(tmp_path, b"y" * (9 << 20))
    _, small = written(tmp_path, b"z")

    with new_archive(tmp_path / "a.zip") as remote:
        for file in (large, small):
            with pytest.raises(InputUnavailable, match="not those of the digest"):
                remote.send(digest_of(b"other"), file, lambda _: None)
        remote.put([app_entry()])

    remote = open_archive(tmp_path / "a.zip")
    assert remote.lacking_blobs({digest_of(b"other"): 1}) == {digest_of(b"other")}
    assert len(lines_of(remote)) == 1
    remote.close()


def test_nothing_can_be_written_into_an_archive_that_is_whole(archive: Path) -> None:
    remote = open_archive(archive)

    assert not remote.facts().can_write
    with pytest.raises(NotAllowed):
        remote.put(list(job_entries(1, first=9).values()))
    remote.close()


def made(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip with these files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return stream.getvalue()


HEADER = (
    "dendro-bucket.json",
    b'{"format":"dendro-bucket","version":1,"storeId":"a","createdSec":1}',
)
BLOB = f"blobs/ab/{'ab' * 32}"


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "blobs/ab/../../x",
        "C:\\x",
        "blobs/",
        "readme.txt",
        "a\nb",
    ],
)
def test_an_archive_with_a_name_that_no_bucket_has_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(made([HEADER, (name, b"x")]))

    with pytest.raises(InvalidRequest, match="no archive of dendro-local"):
        open_archive(file)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(made([HEADER, (BLOB, b"x"), (BLOB, b"y")]))

    with pytest.raises(InvalidRequest, match="more than once"):
        open_archive(file)


def test_an_archive_with_anything_compressed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(made([HEADER, (BLOB, bytes(10 << 20))], zipfile.ZIP_DEFLATED))

    with pytest.raises(InvalidRequest, match="compressed"):
        open_archive(file)


def patched(raw: bytes, name: bytes, at: int, value: int) -> bytes:
    """An archive with a number in the last directory entry of a file changed."""
    entry = raw.rindex(b"PK\x01\x02", 0, raw.rindex(name))
    return raw[: entry + at] + struct.pack("<L", value) + raw[entry + at + 4 :]


@pytest.mark.parametrize(("at", "value"), [(24, 5_000), (20, 5_000), (42, 0), (42, 7)])
def test_an_archive_that_lies_about_sizes_and_places_is_refused(
    tmp_path: Path, at: int, value: int
) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(patched(made([HEADER, (BLOB, b"x" * 100)]), BLOB.encode(), at, value))

    def read() -> None:
        remote = open_archive(file)
        try:
            remote.fetch(Digest("ab" * 32), 100, tmp_path / "came", lambda _: None)
        finally:
            remote.close()

    with pytest.raises(InvalidRequest):
        read()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_an_archive_that_is_not_whole_is_refused(
    archive: Path, tmp_path: Path, share: float
) -> None:
    raw = archive.read_bytes()
    (tmp_path / "half.zip").write_bytes(raw[: int(len(raw) * share)])

    with pytest.raises(InvalidRequest):
        open_archive(tmp_path / "half.zip")


def test_an_archive_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(InputUnavailable):
        open_archive(tmp_path / "nothing.zip")


def test_other_tools_read_it(archive: Path) -> None:
    listed = subprocess.run(
        ["python3", "-m", "zipfile", "-t", str(archive)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
    )

    assert "Done testing" in listed.stdout
