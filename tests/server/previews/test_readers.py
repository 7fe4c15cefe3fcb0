"""The processes that read files: what becomes of the hub when one of them fails."""

import asyncio
import os
from pathlib import Path

import pytest

from dendro_local.server.previews import readers as readers_module
from dendro_local.server.previews.readers import Readers
from dendro_local.server.previews.reading.question import Question, Reply
from tests.server.previews.conftest import DATA, Ask

NWB = DATA / "ephys_tiny.nwb"


def ask_many(readers: Readers, *asked: tuple[Path, str | None]) -> list[Reply]:
    """What several are answered who ask at once for the JSON of a file with a digest."""

    async def ask(file: Path, digest: str | None) -> Reply:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            return await readers.ask(descriptor, digest, Question(format="json"))
        finally:
            os.close(descriptor)

    async def all_of_them() -> list[Reply]:
        return await asyncio.gather(*(ask(*each) for each in asked))

    return asyncio.run(all_of_them())


def test_who_takes_too_long_is_ended(ask: Ask) -> None:
    assert "more than 0.001 s" in (ask(NWB, format="hdf5", most_sec=0.001).fault or "")


def test_a_reader_that_dies_is_told_of(tmp_path: Path, ask: Ask) -> None:
    # A folder can be opened, and not read: nobody foresees that.
    assert "damaged" in (ask(tmp_path, format="json").fault or "")


def test_an_answer_that_is_too_long_is_not_taken(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers_module, "MOST_REPLY_BYTES", 1000)
    assert "too much" in (ask(NWB, format="hdf5").fault or "")


def test_many_at_once_are_all_answered(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}')
    replies = ask_many(Readers(most_sec=60), *[(tmp_path / "a.json", None)] * 3)
    assert [reply.json is not None for reply in replies] == [True] * 3


def test_what_is_known_of_a_file_is_not_read_again(tmp_path: Path) -> None:
    readers = Readers(most_sec=60)
    (tmp_path / "a.json").write_text('{"a": 1}')
    [first] = ask_many(readers, (tmp_path / "a.json", "ab" * 32))
    (tmp_path / "a.json").write_text("other bytes, which a digest cannot have")
    [again] = ask_many(readers, (tmp_path / "a.json", "ab" * 32))
    [unknown] = ask_many(readers, (tmp_path / "a.json", None))
    assert again == first
    assert "no JSON" in (unknown.fault or "")


def test_little_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers_module, "KEPT_BYTES", 1)
    readers = Readers(most_sec=60)
    (tmp_path / "a.json").write_text("1")
    ask_many(readers, (tmp_path / "a.json", "ab" * 32))
    (tmp_path / "a.json").write_text("2")
    [again] = ask_many(readers, (tmp_path / "a.json", "ab" * 32))
    assert again.json is not None
    assert again.json.text == "2"
