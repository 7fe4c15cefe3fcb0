"""What answers as no hub of the original does."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dendro_local.errors import NotAHub
from dendro_local.remote_hub import transport
from dendro_sync.remotes.dendro import DendroRemote

PACKED = gzip.compress(b" " * (4 << 20))


class _Hostile(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(PACKED)))
        self.end_headers()
        self.wfile.write(PACKED)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is told."""


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[DendroRemote]:
    """A remote whose answers are some kilobytes, as long as they are packed."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hostile) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        remote = DendroRemote(f"http://127.0.0.1:{server.server_address[1]}", tmp_path)
        yield remote
        remote.close()
        server.shutdown()
        thread.join()


def test_an_answer_is_not_unpacked_without_end(
    hostile: DendroRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_REPLY_BYTES", 1 << 20)

    with pytest.raises(NotAHub, match="more than 1 MiB"):
        hostile.facts()
