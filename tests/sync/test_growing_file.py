"""A file that grows by what comes: its bytes, and their digest, however they come."""

import errno
import hashlib
import os
import random
from io import FileIO
from pathlib import Path

import pytest

from dendro_sync.remotes.growing_file import LARGE_BYTES, PIECE_BYTES, GrowingFile

CONTENT = random.Random(1).randbytes(LARGE_BYTES + 2 * PIECE_BYTES + 77)


def grow(growing: GrowingFile, content: bytes, most_at_once: int) -> None:
    """Let bytes come, so many at once."""
    rest = memoryview(content)
    while rest:
        room = growing.room()
        count = min(len(room), len(rest), most_at_once)
        room[:count] = rest[:count]
        growing.grow(count)
        rest = rest[count:]


@pytest.mark.parametrize("is_past_cache", [True, False])
@pytest.mark.parametrize("most_at_once", [PIECE_BYTES, 300_001])
@pytest.mark.parametrize("begun", [0, 5, 4096, PIECE_BYTES + 7])
def test_what_comes_is_added_to_what_is_there(
    begun: int, most_at_once: int, is_past_cache: bool, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if not is_past_cache:
        monkeypatch.delattr(os, "O_DIRECT", raising=False)  # as on other systems
    file = tmp_path / "file"
    file.write_bytes(CONTENT[:begun])

    with GrowingFile(file, len(CONTENT) - begun) as growing:
        assert growing.size == begun
        grow(growing, CONTENT[begun:], most_at_once)

    assert file.read_bytes() == CONTENT
    assert growing.digest == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, LARGE_BYTES - 1])
def test_what_is_small_comes_without_a_digest(size: int, tmp_path: Path) -> None:
    with GrowingFile(tmp_path / "file", size) as growing:
        grow(growing, CONTENT[:size], 50_000)

    assert (tmp_path / "file").read_bytes() == CONTENT[:size]
    assert growing.digest is None


@pytest.mark.parametrize("expected", [10, len(CONTENT)])
def test_whatever_ends_it_all_that_came_is_in_the_file(expected: int, tmp_path: Path) -> None:
    came = PIECE_BYTES + 123_457

    def come_and_break() -> None:
        with GrowingFile(tmp_path / "file", expected) as growing:
            grow(growing, CONTENT[:came], 100_000)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        come_and_break()

    assert (tmp_path / "file").read_bytes() == CONTENT[:came]


def test_after_a_pause_it_goes_on_at_any_byte(tmp_path: Path) -> None:
    file = tmp_path / "file"

    with GrowingFile(file, len(CONTENT)) as growing:
        for first, end in ((0, 99), (99, 5000), (5000, 3 * PIECE_BYTES), (3 * PIECE_BYTES, None)):
            grow(growing, CONTENT[first:end], PIECE_BYTES)
            growing.flush()
            assert file.read_bytes() == CONTENT[:end]

    assert growing.digest == hashlib.sha256(CONTENT).hexdigest()


def test_what_began_anew_has_only_what_came_since(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"other")

    with GrowingFile(file, len(CONTENT)) as growing:
        grow(growing, b"more", 10)
        growing.clear()
        assert growing.size == 0
        grow(growing, CONTENT, PIECE_BYTES)

    assert file.read_bytes() == CONTENT
    assert growing.digest is None


@pytest.mark.parametrize("expected", [10, len(CONTENT)])
def test_what_cannot_be_written_is_told_and_leaves_no_gap(
    expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite

    def write_all_but_one(descriptor: int, data: memoryview, first: int) -> int:
        if first == PIECE_BYTES:
            raise OSError(errno.ENOSPC, "no room")
        return write(descriptor, data, first)

    def grow_to_the_end() -> None:
        with GrowingFile(tmp_path / "file", expected) as growing:
            grow(growing, CONTENT, PIECE_BYTES)

    monkeypatch.setattr(os, "pwrite", write_all_but_one)

    with pytest.raises(OSError, match="no room"):
        grow_to_the_end()

    assert (tmp_path / "file").read_bytes() == CONTENT[:PIECE_BYTES]


def test_what_was_there_and_cannot_be_read_stops_nothing_and_gives_no_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Damaged(FileIO):
        def readinto(self, buffer: object, /) -> int:
            raise OSError(errno.EIO, "damaged")

    file = tmp_path / "file"
    file.write_bytes(b"x")
    content = CONTENT * 4  # more than the buffers hold
    monkeypatch.setattr(Path, "open", lambda file, *_, **__: Damaged(file))

    with GrowingFile(file, len(content)) as growing:
        grow(growing, content, PIECE_BYTES)

    monkeypatch.undo()
    assert growing.digest is None
    assert file.read_bytes() == b"x" + content
