"""Blobs: whole or absent, read-only, by digest."""

import hashlib
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dendro_local.errors import InputUnavailable
from dendro_local.model import Digest
from dendro_local.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


def test_a_file_is_kept_by_the_digest_of_its_bytes(store: Store, tmp_path: Path) -> None:
    digest, size = store.blobs.adopt(written(tmp_path / "a", b"spikes"))

    assert (digest, size) == (hashlib.sha256(b"spikes").hexdigest(), 6)
    assert store.blobs.path(digest).read_bytes() == b"spikes"
    assert store.blobs.path(digest).stat().st_mode & 0o777 == 0o444


def test_the_same_bytes_are_kept_once(store: Store, tmp_path: Path) -> None:
    first, _ = store.blobs.adopt(written(tmp_path / "a", b"spikes"))
    second, _ = store.blobs.adopt(written(tmp_path / "b", b"spikes"))

    assert first == second
    assert len([file for file in store.folder.blobs.rglob("*") if file.is_file()]) == 1


def test_a_blob_that_was_removed_meanwhile_comes_back(store: Store, tmp_path: Path) -> None:
    file = written(tmp_path / "a", b"spikes")
    digest, _ = store.blobs.adopt(file)
    store.blobs.remove(digest)

    store.blobs.restore(digest, file)

    assert store.blobs.has(digest)


def test_nothing_half_written_is_left_where_links_are_not_possible(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)

    digest, _ = store.blobs.adopt(written(tmp_path / "a", b"spikes"))

    folder = store.blobs.path(digest).parent
    assert [file.name for file in folder.iterdir()] == [digest]


def test_the_same_bytes_may_come_twice_at_once_where_links_are_not_possible(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    both_copy = threading.Barrier(2, timeout=30)
    copyfile = shutil.copyfile

    def copied_at_once(source: Path, target: Path) -> None:
        copyfile(source, target)
        both_copy.wait()

    monkeypatch.setattr("os.link", refuse)
    monkeypatch.setattr("shutil.copyfile", copied_at_once)
    files = [written(tmp_path / name, b"spikes") for name in ("a", "b")]

    with ThreadPoolExecutor(2) as threads:
        digests = {digest for digest, _ in threads.map(store.blobs.adopt, files)}

    [digest] = digests
    assert [file.name for file in store.blobs.path(digest).parent.iterdir()] == [digest]


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The inodes of files and folders that were brought to the disk."""
    found: list[int] = []
    fsync = os.fsync

    def noted_fsync(descriptor: int) -> None:
        fsync(descriptor)
        found.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr("os.fsync", noted_fsync)
    return found


def test_the_name_of_a_blob_is_on_the_disk_with_the_folder_that_it_is_in(
    store: Store, tmp_path: Path, synced: list[int]
) -> None:
    digest, _ = store.blobs.adopt(written(tmp_path / "a", b"spikes"))

    blob = store.blobs.path(digest)
    relied_on = [blob, blob.parent, blob.parent.parent]
    assert {path.stat().st_ino for path in relied_on} <= set(synced)


def test_a_name_that_another_process_has_just_given_is_on_the_disk_too(
    store: Store, tmp_path: Path, synced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def link_a_little_late(source: Path, target: Path) -> None:
        link(source, target)
        raise FileExistsError

    monkeypatch.setattr("os.link", link_a_little_late)

    digest, _ = store.blobs.adopt(written(tmp_path / "a", b"spikes"))

    assert synced[-1] == store.blobs.path(digest).parent.stat().st_ino


def test_an_empty_file_is_a_blob_too(store: Store, tmp_path: Path) -> None:
    digest, size = store.blobs.adopt(written(tmp_path / "a", b""))

    assert (size, store.blobs.path(digest).read_bytes()) == (0, b"")


def test_progress_ends_at_the_size_of_the_file(store: Store, tmp_path: Path) -> None:
    file = written(tmp_path / "a", bytes(3_000_000))
    seen: list[tuple[int, int]] = []

    store.local_files.digest(file, lambda done, total: seen.append((done, total)))

    assert seen[-1] == (3_000_000, 3_000_000)
    assert len(seen) == 3


def test_a_digest_is_remembered_until_the_file_changes(store: Store, tmp_path: Path) -> None:
    file = written(tmp_path / "a", b"spikes")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    first, _ = store.local_files.digest(file)
    reads: list[int] = []

    again, _ = store.local_files.digest(file, lambda done, _: reads.append(done))
    written(file, b"others")
    changed, _ = store.local_files.digest(file, lambda done, _: reads.append(done))

    assert first == again != changed
    assert reads == [6]


def test_a_file_that_is_not_there_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputUnavailable, match="no file .*gone"):
        store.local_files.digest(tmp_path / "gone")


def test_a_missing_blob_is_told(store: Store) -> None:
    assert not store.blobs.has(Digest("0" * 64))


def put_to_rest(folder: Path) -> None:
    """Let nothing have been added to a folder of blobs or removed for a while."""
    long_ago = time.time() - 60
    os.utime(folder, (long_ago, long_ago))


def test_the_size_of_all_blobs_follows_what_comes_and_goes(store: Store, tmp_path: Path) -> None:
    digests = []
    for number in range(3):
        file = written(tmp_path / str(number), bytes([number]) * 10)
        digests.append(store.blobs.adopt(file)[0])
        assert store.blobs.total_bytes() == 10 * (number + 1)
    for digest in digests:
        put_to_rest(store.blobs.path(digest).parent)
    assert store.blobs.total_bytes() == store.blobs.total_bytes() == 30

    store.blobs.remove(digests[1])

    assert store.blobs.total_bytes() == 20


def test_blobs_of_a_folder_that_is_at_rest_are_not_looked_at_again(
    store: Store, tmp_path: Path
) -> None:
    digest, _ = store.blobs.adopt(written(tmp_path / "a", b"0123456789"))
    blob = store.blobs.path(digest)
    put_to_rest(blob.parent)
    assert store.blobs.total_bytes() == 10

    # Behind its back, so that a second look would see it.
    blob.chmod(0o644)
    blob.write_bytes(b"")

    assert store.blobs.total_bytes() == 10


def test_many_files_are_blobs_together(store: Store, tmp_path: Path) -> None:
    contents = {Digest(hashlib.sha256(each).hexdigest()): each for each in map(bytes, range(50))}
    files = {digest: written(tmp_path / digest, content) for digest, content in contents.items()}
    some = next(iter(files))
    store.blobs.restore(some, files[some])

    store.blobs.restore_all(files)

    for digest, content in contents.items():
        assert store.blobs.path(digest).read_bytes() == content
        assert store.blobs.path(digest).stat().st_mode & 0o777 == 0o444


def test_of_many_files_none_is_a_blob_before_all_are_on_the_disk(
    store: Store, tmp_path: Path
) -> None:
    content = b"spikes"
    digest = Digest(hashlib.sha256(content).hexdigest())
    files = {digest: written(tmp_path / "a", content), Digest("0" * 64): tmp_path / "gone"}

    with pytest.raises(FileNotFoundError):
        store.blobs.restore_all(files)

    assert not store.blobs.has(digest)
