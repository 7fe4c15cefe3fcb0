"""A web server for files, which answers requests for ranges and counts what it sends."""

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self


class WebFiles:
    """Files by their name. What is asked of them can be looked at, and be answered otherwise.

    Attributes:
        knows_ranges: whether requests for ranges are answered so; else with the whole file.
        bytes_sent: of all files together.
        requests: path, range and authorization of each request.
        redirects: by path, given the authorization of a request: the place to which it leads, an
            empty one for the file itself, or None if it is refused.
    """

    def __init__(self) -> None:
        self.knows_ranges = True
        self.bytes_sent = 0
        self.requests: list[tuple[str, str | None, str | None]] = []
        self.redirects: dict[str, Callable[[str | None], str | None]] = {}
        self._files: dict[str, bytes] = {}
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def base_url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def add(self, file: Path | bytes, name: str | None = None) -> str:
        """Serve a file; its URL."""
        path = f"/{name or (file.name if isinstance(file, Path) else 'file')}"
        self._files[path] = file.read_bytes() if isinstance(file, Path) else file
        return f"{self.base_url}{path}"

    def content(self, path: str) -> bytes | None:
        """The bytes of the file at a path; None if there is none."""
        return self._files.get(path.partition("?")[0])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever asks may go away before all is sent."""


def _handler(files: WebFiles) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            authorization = self.headers.get("Authorization")
            wanted = self.headers.get("Range")
            files.requests.append((self.path, wanted, authorization))
            redirect = files.redirects.get(self.path)
            place = "" if redirect is None else redirect(authorization)
            if place != "":
                self.send_response(403 if place is None else 302)
                self.send_header("Location", place or "")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = files.content(self.path)
            if content is None:
                self.send_error(404)
                return
            found = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted or "")
            if found is None or not files.knows_ranges:
                self._send(200, content)
                return
            start, end = int(found[1]), min(int(found[2]) + 1, len(content))
            self._send(206, content[start:end], f"bytes {start}-{end - 1}/{len(content)}")

        def _send(self, status: int, body: bytes, content_range: str | None = None) -> None:
            self.send_response(status)
            if content_range is not None:
                self.send_header("Content-Range", content_range)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            files.bytes_sent += len(body)
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...

    return Handler
