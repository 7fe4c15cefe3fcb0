"""Fetching a file: from where it broke off, once, and only if its bytes are the right ones."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dendro_local.errors import HubUnreachable, OutputNotFound
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.trust import Refused
from dendro_local.model import Digest
from dendro_sync.incoming_blob import IncomingBlob, Stopped
from dendro_sync.remotes.remote import OnBytes
from tests.sync.conftest import left_in_uploads

CONTENT = b"0123456789" * 600_000
DIGEST = Digest(hashlib.sha256(CONTENT).hexdigest())
PIECE = 1 << 20

Fault = Callable[[int], None]


class Source:
    """A remote that gives these bytes, and counts what it gives.

    Args:
        content: what it gives.
        fault: is told how many bytes were given so far, and may raise.
    """

    def __init__(self, content: bytes = CONTENT, fault: Fault = lambda _: None) -> None:
        self.content = content
        self.fault = fault
        self.given = 0
        self.asked_from: list[int] = []

    def fetch(self, digest: Digest, size: int, file: Path, on_bytes: OnBytes) -> None:
        with file.open("ab") as stream:
            self.asked_from.append(stream.tell())
            while piece := self.content[stream.tell() :][:PIECE]:
                self.fault(self.given)
                stream.write(piece)
                stream.flush()
                self.given += len(piece)
                on_bytes(len(piece))


def fetch(hub: LocalHub, source: Source, size: int = len(CONTENT)) -> IncomingBlob:
    blob = IncomingBlob(hub, DIGEST, size)
    blob.fetch(source, lambda _: None, lambda: False)  # type: ignore[arg-type]  # it is asked for nothing else
    return blob


def breaking_at(size: int) -> Fault:
    def fault(given: int) -> None:
        if given >= size:
            raise HubUnreachable("gone")

    return fault


def test_a_file_is_in_the_store_once_it_is_whole(hub: LocalHub) -> None:
    blob = fetch(hub, Source())

    assert hub.store.blobs.path(DIGEST).read_bytes() == CONTENT
    assert blob.file.exists()
    blob.done()
    assert left_in_uploads(hub) == []


def test_what_broke_off_is_gone_on_with(hub: LocalHub) -> None:
    broken = Source(fault=breaking_at(3 * PIECE))
    with pytest.raises(HubUnreachable):
        fetch(hub, broken)
    assert not hub.store.blobs.has(DIGEST)

    source = Source()
    fetch(hub, source)

    assert source.asked_from == [3 * PIECE]
    assert broken.given + source.given == len(CONTENT)
    assert hub.store.blobs.path(DIGEST).read_bytes() == CONTENT


def test_what_had_come_whole_is_not_fetched_again(hub: LocalHub) -> None:
    hub.fetched_blob(DIGEST).write_bytes(CONTENT)
    source = Source()

    fetch(hub, source)

    assert source.given == 0
    assert hub.store.blobs.has(DIGEST)


def test_what_was_torn_is_fetched_once_more_from_its_beginning(hub: LocalHub) -> None:
    hub.fetched_blob(DIGEST).write_bytes(b"\0" * PIECE)
    source = Source()

    fetch(hub, source)

    assert source.asked_from == [PIECE, 0]
    assert hub.store.blobs.path(DIGEST).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"!" + CONTENT[1:], "digest"),
        (CONTENT[:-1], "size"),
        (CONTENT + b"!", "size"),
        (b"", "size"),
    ],
)
def test_other_bytes_are_refused_and_removed(hub: LocalHub, content: bytes, code: str) -> None:
    with pytest.raises(Refused) as caught:
        fetch(hub, Source(content))

    assert caught.value.code == code
    assert not hub.store.blobs.has(DIGEST)
    assert left_in_uploads(hub) == []


def test_of_what_never_ends_no_more_is_taken_than_there_can_be(hub: LocalHub) -> None:
    source = Source(CONTENT * 20)

    with pytest.raises(Refused):
        fetch(hub, source)

    assert source.given <= len(CONTENT) + PIECE


def test_what_is_not_there_is_refused(hub: LocalHub) -> None:
    def gone(_: int) -> None:
        raise OutputNotFound("It is not there.")

    with pytest.raises(Refused) as caught:
        fetch(hub, Source(fault=gone))

    assert caught.value.code == "missing"
    assert left_in_uploads(hub) == []


def test_what_nobody_wants_any_more_is_stopped(hub: LocalHub) -> None:
    source = Source()
    blob = IncomingBlob(hub, DIGEST, len(CONTENT))

    with pytest.raises(Stopped):
        blob.fetch(source, lambda _: None, lambda: source.given >= 2 * PIECE)  # type: ignore[arg-type]  # it is asked for nothing else

    assert source.given == 2 * PIECE


def test_of_several_who_want_a_file_one_fetches_it(hub: LocalHub) -> None:
    source = Source()
    threads = [threading.Thread(target=fetch, args=(hub, source)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert source.given == len(CONTENT)
    assert hub.store.blobs.path(DIGEST).read_bytes() == CONTENT


def test_who_waited_for_a_file_has_it_though_who_fetched_it_tidies_up_just_then(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(hub, Source()).done()
    waiting, has = IncomingBlob(hub, DIGEST, len(CONTENT)), hub.store.blobs.has

    def tidied_up(digest: Digest) -> bool:
        waiting.file.unlink()
        return has(digest)

    monkeypatch.setattr(hub.store.blobs, "has", tidied_up)
    source = Source()

    waiting.fetch(source, lambda _: None, lambda: False)  # type: ignore[arg-type]  # it is asked for nothing else

    assert source.asked_from == []


def test_an_empty_file_needs_no_asking(hub: LocalHub) -> None:
    digest = Digest(hashlib.sha256(b"").hexdigest())
    source = Source(b"")

    IncomingBlob(hub, digest, 0).fetch(source, lambda _: None, lambda: False)  # type: ignore[arg-type]  # it is asked for nothing else

    assert source.asked_from == []
    assert hub.store.blobs.path(digest).read_bytes() == b""
