"""Places for buckets: a folder, an S3 server, a static file server and an archive.

The S3 server is moto's (one of the development requirements). It is real enough: it speaks S3's
protocol over HTTP, refuses a put that is only to create with 412 (If-None-Match: *), takes uploads
in parts, and answers as S3 does where something is missing. In one respect it is helped: S3 decides
on one request after the other, and moto's threads do not, so its requests are made one by one.
"""

import contextlib
import functools
import http.server
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from dendro_local.random_ids import random_token
from dendro_sync.remotes.bucket import BucketRemote, new_archive, open_archive
from tests.sync.bucket.made_entries import KEY
from tests.sync.bucket.static_servers import RangeHandler

Fill = Callable[[BucketRemote], None]


class Place:
    """Somewhere a bucket can be: what fills it, and what reads it then."""

    def __init__(self, write: Callable[[Fill], None], read: Callable[[], BucketRemote]) -> None:
        self._write = write
        self._read = read
        self._opened: list[BucketRemote] = []

    def filled(self, fill: Fill) -> BucketRemote:
        """The bucket as who did not fill it sees it."""
        self._write(fill)
        remote = self._read()
        self._opened.append(remote)
        return remote

    def close(self) -> None:
        """Close what was opened."""
        for remote in self._opened:
            remote.close()


class _OneByOne:
    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._lock = threading.Lock()

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        with self._lock:
            return list(self._app(environ, start_response))


class _QuietRequests(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Where an S3 server is."""
    app = _OneByOne(DomainDispatcherApplication(create_backend_app))
    server = make_server(
        "127.0.0.1",
        0,
        app,
        threaded=True,
        request_handler=_QuietRequests,
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh S3 bucket, with credentials in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    name = f"bucket-{random_token(8)}"
    httpx.put(f"{s3_endpoint}/{name}", timeout=30).raise_for_status()
    return f"s3://{name}/some/folder?endpoint={s3_endpoint}"


@contextlib.contextmanager
def served(
    folder: Path, handler: type[http.server.SimpleHTTPRequestHandler] = RangeHandler
) -> Iterator[str]:
    """A block in which a folder is served; the URL."""
    folder.mkdir(parents=True, exist_ok=True)
    bound = functools.partial(handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), bound)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def folder_url(tmp_path: Path) -> str:
    """A folder that is not there yet."""
    return (tmp_path / "bucket").as_uri()


def write_at(url: str, fill: Fill) -> None:
    """Fill a bucket."""
    remote = BucketRemote.at(url, key=KEY)
    fill(remote)
    remote.close()


@pytest.fixture(params=["file", "s3", "http", "zip"])
def place(request: pytest.FixtureRequest, tmp_path: Path, folder_url: str) -> Iterator[Place]:
    """Each kind of place."""
    with contextlib.ExitStack() as stack:
        found = _place(str(request.param), request, tmp_path, folder_url, stack)
        yield found
        found.close()


def _place(
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    folder_url: str,
    stack: contextlib.ExitStack,
) -> Place:
    if kind == "zip":
        file = tmp_path / "archive.zip"

        def write(fill: Fill) -> None:
            with new_archive(file, key=KEY) as remote:
                fill(remote)

        return Place(write, lambda: open_archive(file))
    url = str(request.getfixturevalue("s3_url")) if kind == "s3" else folder_url
    seen = url
    if kind == "http":
        seen = stack.enter_context(served(tmp_path / "bucket"))
    return Place(lambda fill: write_at(url, fill), lambda: BucketRemote.at(seen))


@pytest.fixture(params=["file", "s3"])
def writable_url(request: pytest.FixtureRequest) -> str:
    """Each kind of place that can be written to more than once."""
    fixture = "folder_url" if request.param == "file" else "s3_url"
    return str(request.getfixturevalue(fixture))
