"""Files that clients send to a hub: what becomes of those that do not come whole, or of no use."""

import os
import socket
import time
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from dendro_local.compute.job_folder import JobFolder
from dendro_local.errors import IncompleteUpload, NotAuthenticated
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.incoming_blobs import UNUSED_SEC
from dendro_local.model import Digest
from dendro_local.remote_hub import RemoteHub
from dendro_local.remote_hub.uploads import upload
from dendro_local.server.v1 import incoming
from dendro_local.v1 import Received
from tests.faults.scripts import wait_until
from tests.live_hub import LiveHub
from tests.remote_hub.conftest import TransportMaker
from tests.remote_hub.test_transfers import counting_characters

LARGE_BYTES = 5 << 20
"""More than a hub has in memory of a file that comes."""


class NoRunFolders:
    """As the doctor asks of compute clients, of which there are none."""

    def can_go_on(self, folder: Path, /) -> bool:
        return False

    def end(self, folder: Path, /) -> None:
        pass

    def remove(self, folder: Path, /) -> None:
        JobFolder(folder).remove()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "file.dat"
    file.write_bytes(b"spikes")
    return file


def digest_of(file: Path) -> Digest:
    return Digest(sha256(file.read_bytes()).hexdigest())


def age(file: Path) -> None:
    """Let a file be as old as one that nobody goes on with."""
    long_ago = time.time() - UNUSED_SEC - 1
    os.utime(file, (long_ago, long_ago))


def test_a_file_that_came_in_part_waits_for_the_rest_and_is_removed_after_a_day(
    local_hub: LocalHub, file: Path
) -> None:
    partial = local_hub.incoming_blob(digest_of(file))
    partial.write_bytes(b"spi")

    local_hub.clear_uploads()
    local_hub.clear_blobs()
    assert partial.exists()
    assert local_hub.examine(NoRunFolders(), young_sec=0).findings == []

    age(partial)
    [finding] = local_hub.examine(NoRunFolders(), young_sec=0).findings
    assert finding.check == "upload_left"
    local_hub.clear_blobs()
    assert not partial.exists()


def test_a_file_that_no_job_was_given_is_removed_after_a_day(
    hub: RemoteHub, local_hub: LocalHub, file: Path
) -> None:
    digest = digest_of(file)
    upload(hub.transport, file, f"/v1/blobs/{digest}")
    [told] = local_hub.store.folder.uploads.iterdir()

    local_hub.clear_blobs()
    assert local_hub.store.blobs.has(digest)
    age(told)
    local_hub.clear_blobs()

    assert not local_hub.store.blobs.has(digest)
    assert list(local_hub.store.folder.uploads.iterdir()) == []


def test_a_file_that_a_job_was_given_stays(hub: RemoteHub, local_hub: LocalHub, file: Path) -> None:
    hub.submit([counting_characters(hub, file)])
    [told] = local_hub.store.folder.uploads.iterdir()

    age(told)
    local_hub.clear_blobs()

    assert local_hub.store.blobs.has(digest_of(file))
    assert list(local_hub.store.folder.uploads.iterdir()) == []


def test_other_bytes_than_those_of_the_digest_are_not_kept(
    live: LiveHub,
    hub: RemoteHub,
    local_hub: LocalHub,
    file: Path,
    open_transport: TransportMaker,
) -> None:
    transport = open_transport(live.url, os.environ["DENDRO_API_KEY"], patience_sec=0)

    with pytest.raises(IncompleteUpload, match="are not those of 000000000000"):
        upload(transport, file, f"/v1/blobs/{'0' * 64}")

    assert list(local_hub.store.folder.uploads.iterdir()) == []
    assert list(local_hub.store.folder.blobs.glob("*/*")) == []


def test_what_has_come_stays_as_long_as_was_said_when_a_request_that_hung_goes_on(
    live: LiveHub, hub: RemoteHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever goes on behind what was said would otherwise send all that follows for nothing."""
    file = tmp_path / "recording.dat"
    file.write_bytes(bytes(LARGE_BYTES))
    path = f"/v1/blobs/{digest_of(file)}"

    def received() -> Received:
        return hub.transport.get_once(path, Received)

    with socket.create_connection(("127.0.0.1", live.port)) as hanging:
        head = (
            f"PATCH {path} HTTP/1.1\r\nhost: 127.0.0.1:{live.port}\r\n"
            f"authorization: Bearer {os.environ['DENDRO_API_KEY']}\r\n"
            f"upload-length: {LARGE_BYTES}\r\nupload-offset: 0\r\n"
            f"content-length: {LARGE_BYTES}\r\n\r\n"
        )
        hanging.sendall(head.encode() + bytes(LARGE_BYTES // 2))
        wait_until(lambda: received().offset > 0, "bytes to come")
        assert received().is_coming
        monkeypatch.setattr(incoming, "STALE_SEC", 0.2)
        monkeypatch.setattr(incoming, "RECENT_SEC", 0.2)
        wait_until(lambda: not received().is_coming, "the request to make way")
        said = received().offset
        hanging.sendall(bytes(LARGE_BYTES // 2))
        answer = hanging.recv(1000)

    assert b" 409 " in answer
    assert received().offset == said
    upload(hub.transport, file, path)
    assert received().is_whole


def test_nothing_comes_behind_a_file_that_is_being_kept(
    live: LiveHub,
    hub: RemoteHub,
    local_hub: LocalHub,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digest = digest_of(file)
    path = f"/v1/blobs/{digest}"
    keep = local_hub.keep_incoming_blob
    answers: list[int] = []

    def keep_while_more_comes(named: Digest, found: Digest) -> None:
        headers = {
            "authorization": f"Bearer {os.environ['DENDRO_API_KEY']}",
            "upload-length": "8",
            "upload-offset": "6",
        }
        sent = httpx.patch(f"{live.url}{path}", content=b"!!", headers=headers, trust_env=False)
        answers.append(sent.status_code)
        keep(named, found)

    monkeypatch.setattr(local_hub, "keep_incoming_blob", keep_while_more_comes)

    upload(hub.transport, file, path)

    assert answers == [409]
    assert local_hub.store.blobs.path(digest).read_bytes() == b"spikes"


def test_nobody_sends_without_a_key(
    live: LiveHub, local_hub: LocalHub, file: Path, open_transport: TransportMaker
) -> None:
    with pytest.raises(NotAuthenticated):
        upload(open_transport(live.url), file, f"/v1/blobs/{digest_of(file)}")

    assert not local_hub.store.folder.uploads.exists()


def test_a_file_that_is_there_is_told_to_be(hub: RemoteHub, file: Path) -> None:
    path = f"/v1/blobs/{digest_of(file)}"
    assert hub.transport.get(path, Received) == Received(offset=0)

    upload(hub.transport, file, path)

    assert hub.transport.get(path, Received) == Received(offset=6, is_whole=True)
