"""Static file servers that know ranges, none, or answer everything with a page."""

import http.server
import re
from io import BytesIO
from pathlib import Path
from typing import IO


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Python's own static server, which knows no ranges."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class RangeHandler(QuietHandler):
    """Also serves a file from a byte on, as static servers do."""

    def send_head(self) -> BytesIO | IO[bytes] | None:  # type: ignore[override]
        """The reply's head, and its body."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        file = Path(self.translate_path(self.path))
        if asked is None or not file.is_file():
            return super().send_head()
        data = file.read_bytes()
        start = int(asked[1])
        if start >= len(data):
            self.send_error(416)
            return None
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        return BytesIO(data[start:])


class PageHandler(QuietHandler):
    """Answers with a page what is not there, as some hosts do."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A page, where others say 404."""
        body = b"<html>Welcome</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
