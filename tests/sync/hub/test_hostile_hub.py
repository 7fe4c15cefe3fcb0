"""A hub that is damaged, or gives other things than it was asked for, does no harm."""

import contextlib
import gzip
import threading
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import msgspec
import pytest
import zstandard

from dendro_local.errors import NotAHub
from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest
from dendro_local.signed_records.entries import MAX_LINE_BYTES
from dendro_local.v1.many_blobs import blob_head
from dendro_sync import Selection, pull, push
from dendro_sync.remotes.hub import HubRemote
from tests.hub.conftest import NewJobMaker
from tests.live_hub import LiveHub
from tests.sync.conftest import Stores
from tests.sync.conftest import greeting as new_greeting
from tests.sync.hub.test_hub_remote import done

ASKED, OTHER = Digest("a" * 64), Digest("b" * 64)
WHOLE = 100
BOMBS = {"gzip": gzip.compress(b"0" * (64 << 20)), "zstd": zstandard.compress(b"0" * (64 << 20))}
"""Some kilobytes each, as long as they are packed."""

FACTS = {"version": "0", "storeId": "", "jobs": 0, "publicKey": "", "userId": None}


class _Hostile(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if "/find" in self.path:
            self._answer(200, BOMBS["gzip"], "gzip")
        elif "/changes" in self.path:
            self._answer(200, BOMBS["zstd"], "zstd")
        elif "/blobs/" not in self.path:
            self._answer(200, msgspec.json.encode(FACTS | {"canWrite": True, "movesMany": True}))
        elif "range" in self.headers:
            self._answer(206, b"")  # and so each time
        else:
            self._answer(200, b"short")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        if self.path.endswith("get-blobs"):
            self._answer(200, blob_head(OTHER, 1) + b"x")
        elif self.path.endswith("blob-sizes"):
            self._answer(200, msgspec.json.encode({"blobs": {ASKED: 1, OTHER: 1 << 50}}))
        else:
            self._answer(200, msgspec.json.encode({"blobs": [ASKED, OTHER, "../../secret"]}))

    def _answer(self, status: int, body: bytes, packed: str = "identity") -> None:
        self.send_response(status)
        self.send_header("content-encoding", packed)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is told."""


@pytest.fixture
def hostile() -> Iterator[HubRemote]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hostile) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        remote = HubRemote(f"http://127.0.0.1:{server.server_address[1]}")
        yield remote
        remote.close()
        server.shutdown()
        thread.join()


def test_a_file_of_which_no_more_comes_is_not_asked_for_without_end(
    hostile: HubRemote, tmp_path: Path
) -> None:
    hostile.fetch(ASKED, WHOLE, tmp_path / "file", lambda _: None)

    assert (tmp_path / "file").read_bytes() == b"short"
    assert hostile.requests == 2


def test_sizes_of_files_that_were_not_asked_for_are_passed_over(hostile: HubRemote) -> None:
    assert hostile.blob_sizes([ASKED]) == {ASKED: 1}


def test_files_of_which_nobody_spoke_are_not_lacking(hostile: HubRemote) -> None:
    assert hostile.lacking_blobs({ASKED: 1}) == {ASKED}


def test_files_that_were_not_asked_for_are_not_taken(hostile: HubRemote) -> None:
    with pytest.raises(NotAHub, match="not asked for"):
        list(hostile.fetch_many([ASKED]))


@pytest.mark.parametrize("size", [1_000, 1_000_000])
def test_a_file_that_was_cut_off_at_the_hub_is_refused_and_the_rest_comes(
    stores: Stores, size: int
) -> None:
    hub = stores.serve()
    stores.trust("b", "a")
    cut_off, whole = (
        stores.complete("a", new_greeting(f"{number}"), b"%d" % number * size)
        for number in range(2)
    )
    push(stores["a"])
    digest = hub.stored(cut_off.jobId).files.outputs["output"].digest
    assert digest is not None
    file = hub.store.blobs.path(digest)
    content = file.read_bytes()[: size // 2]
    file.unlink()
    file.write_bytes(content)

    report = pull(stores["b"])

    assert [(each.job_id, each.code) for each in report.refused] == [(cut_off.jobId, "size")]
    assert report.new == 1
    assert stores["b"].output_file(whole.jobId, "output").read_bytes() == b"1" * size


def test_a_file_that_is_asked_for_many_times_at_once_is_given_once(
    live: LiveHub, there: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    content = b"x" * 1_000
    job = done(there, tmp_path, greeting("x"), content)
    digest = there.stored(job.jobId).files.outputs["output"].digest

    reply = httpx.post(
        f"{live.url}/v1/sync/get-blobs", json={"blobs": [digest] * 1_000}, trust_env=False
    )

    assert digest is not None
    assert reply.content == blob_head(digest, len(content)) + content


def test_an_answer_that_was_packed_unasked_is_not_unpacked(hostile: HubRemote) -> None:
    with most_memory(MAX_LINE_BYTES), pytest.raises(NotAHub, match="packed"):
        list(hostile.find("service", "0" * 40, None))


def test_of_a_line_without_end_no_more_is_unpacked_than_a_line_may_have(
    hostile: HubRemote,
) -> None:
    with most_memory(4 * MAX_LINE_BYTES), pytest.raises(NotAHub, match="A line has more than"):
        list(hostile.changes("", Selection()))


@contextlib.contextmanager
def most_memory(most: int) -> Iterator[None]:
    """A block that may have no more than so many bytes of Python's memory at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
