"""A folder is written so that a power cut takes nothing away that something there relies on.

No test can cut the power. So it is noted in which order files are brought to the disk and get their
names: what has a name was on the disk before, and what is named by it, with its name, before that.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from dendro_local.signed_records import Entry
from dendro_sync.remotes.bucket import BucketRemote, to_disk
from tests.sync.bucket.made_entries import KEY, app_entry, job_entry, made_record, written

Event = tuple[str, str]
"""``bytes`` of a file, or a ``folder``, are on the disk; or a ``name`` was given."""


class Disk:
    """Notes what is brought to the disk, and which files get a name in a bucket."""

    def __init__(self, bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[Event] = []
        self._bucket = bucket
        fsync, link, rename = os.fsync, os.link, os.replace

        def noted_fsync(descriptor: int) -> None:
            fsync(descriptor)
            is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            self._note("folder" if is_folder else "bytes", path)

        def noted_link(source: Path, target: Path, **options: bool) -> None:
            link(source, target, **options)
            self._note("name", target)

        def noted_rename(source: Path, target: Path) -> None:
            rename(source, target)
            self._note("name", target)

        monkeypatch.setattr("os.fsync", noted_fsync)
        monkeypatch.setattr("os.link", noted_link)
        monkeypatch.setattr("os.replace", noted_rename)

    def _note(self, what: str, path: Path) -> None:
        if path == self._bucket or self._bucket in path.parents:
            self.events.append((what, str(path.relative_to(self._bucket))))

    def place(self, what: str, name: str) -> int:
        """When something first happened to what has such a name, or is to get it."""
        for at, (event, path) in enumerate(self.events):
            if event == what and path.partition("#")[0] == name:
                return at
        raise AssertionError(f"no {what} of {name} in {self.events}")

    def names(self) -> list[str]:
        """The names that were given, in order."""
        return [path for event, path in self.events if event == "name"]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """What becomes of the bucket's folder."""
    return Disk(tmp_path / "bucket", monkeypatch)


@pytest.fixture
def bucket(folder_url: str) -> Iterator[BucketRemote]:
    """A bucket in a folder."""
    remote = BucketRemote.at(folder_url, key=KEY)
    yield remote
    remote.close()


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is brought to the disk by itself, as where not all can be at once."""
    monkeypatch.setattr(to_disk, "MANY", 10**9)


@pytest.mark.usefixtures("one_by_one")
def test_what_has_a_name_was_on_the_disk_before_and_the_name_is_soon_after(
    bucket: BucketRemote, disk: Disk, tmp_path: Path
) -> None:
    push_one(bucket, tmp_path)

    assert len(disk.names()) >= 8
    for name in disk.names():
        assert disk.place("bytes", name) < disk.place("name", name)
        folder = str(Path(name).parent)
        assert ("folder", folder) in disk.events[disk.place("name", name) :]


@pytest.mark.usefixtures("one_by_one")
def test_new_folders_are_on_the_disk_as_well(
    bucket: BucketRemote, disk: Disk, tmp_path: Path
) -> None:
    digest, source = written(tmp_path, b"content")

    bucket.send(digest, source, lambda _: None)

    named = disk.place("name", f"blobs/{digest[:2]}/{digest}")
    assert {"blobs", "."} <= {path for event, path in disk.events[named:] if event == "folder"}


@pytest.mark.usefixtures("one_by_one")
def test_each_is_on_the_disk_with_its_name_before_what_relies_on_it_has_one(
    bucket: BucketRemote, disk: Disk, tmp_path: Path
) -> None:
    push_one(bucket, tmp_path)

    first = {kind: at(disk, kind)[0] for kind in ("blobs", "records", "feed", "jobs")}
    last = {kind: at(disk, kind)[-1] for kind in ("blobs", "records", "feed")}
    assert last["blobs"] < first["records"]
    assert last["records"] < first["feed"]
    assert last["feed"] < first["jobs"]
    for kind, after in (("blobs", "records"), ("records", "feed"), ("feed", "jobs")):
        for name in [each for each in disk.names() if each.startswith(f"{kind}/")]:
            folder = ("folder", str(Path(name).parent))
            assert folder in disk.events[disk.place("name", name) : first[after]]


def test_many_are_brought_to_the_disk_at_once_before_they_have_names(
    bucket: BucketRemote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = tmp_path / "bucket"
    seen: list[set[str]] = []

    def all_at_once(path: Path) -> bool:
        names = {str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()}
        seen.append({each.partition("/")[0] for each in names if "#" not in each})
        assert path.exists()
        return True

    monkeypatch.setattr(to_disk, "_brings_all", all_at_once)
    bucket.put([job_entry(made_record(number)) for number in range(40)])

    # Records, their folders; then what tells where they are, and its folders.
    header, told = {"dendro-bucket.json"}, {"dendro-bucket.json", "records", "feed"}
    assert seen == [header, header | {"records"}, told, told | {"jobs", "content"}]


def test_all_of_this_disk_is_brought_there_at_once_or_each_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / str(number) for number in range(to_disk.MANY)]
    for file in files:
        file.touch()
    alone: list[int] = []
    monkeypatch.setattr("os.fsync", alone.append)

    to_disk.to_disk(files)
    assert len(alone) in (0, len(files))
    alone.clear()
    to_disk.to_disk(files[1:])
    assert len(alone) == len(files) - 1


def test_a_file_that_is_replaced_is_on_the_disk_first(bucket: BucketRemote, disk: Disk) -> None:
    record = made_record(1)
    bucket.put([job_entry(record)])
    disk.events.clear()

    bucket.put([job_entry(record, tags=["night"])])

    (name,) = [each for each in disk.names() if each.startswith("records/")]
    assert disk.place("bytes", name) < disk.place("name", name)


def test_what_cannot_be_brought_to_the_disk_gets_no_name(
    bucket: BucketRemote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    digest, source = written(tmp_path, b"content")

    def failing(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    bucket.store_id_or_new()
    monkeypatch.setattr("os.fsync", failing)
    with pytest.raises(Exception, match="Input/output error"):
        bucket.send(digest, source, lambda _: None)

    monkeypatch.undo()
    assert bucket.lacking_blobs({digest: 7}) == {digest}
    assert [each.name for each in (tmp_path / "bucket").rglob("*") if each.is_file()] == [
        "dendro-bucket.json"
    ]


def push_one(bucket: BucketRemote, tmp_path: Path) -> None:
    """An app, and a job with two outputs."""
    outputs = {"output": b"content", "large": b"x" * (9 << 20)}
    for data in outputs.values():
        bucket.send(*written(tmp_path, data), lambda _: None)
    entries: list[Entry] = [app_entry(), job_entry(made_record(1, outputs=outputs))]
    bucket.put(entries)


def at(disk: Disk, kind: str) -> list[int]:
    """When names of this kind were given."""
    return [
        at
        for at, (event, path) in enumerate(disk.events)
        if event == "name" and path.startswith(f"{kind}/") and path != "feed/next.json"
    ]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="There is no such file system here.")
def test_a_folder_that_no_program_can_bring_to_the_disk_is_left_to_its_file_system() -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        _fsync(Path("/proc"))

    to_disk.to_disk([Path("/proc")])


def _fsync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
