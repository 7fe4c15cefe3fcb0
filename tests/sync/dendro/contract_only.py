"""What lies before a hub and lets through what the Dendro contract has, and nothing else."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx

__all__ = ["ContractOnly"]

OPEN = ("/api/", "/f/", "/u/")

LEFT_OUT = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date"})

Change = Callable[[Any], Any]


class ContractOnly:
    """A hub at another address, of which only calls of the contract and files can be asked.

    Attributes:
        url: where it is.
        asked: the method and path of each request that came.
        authorizations: the authorization of each, or None.
        changes: what is to become of the replies of a call, by its name.
        breaks_at: the number of a request, counted in `asked` from 0, whose answer is lost.
        gone: paths of files that are not there any more.
    """

    def __init__(self, upstream: str) -> None:
        self.asked: list[tuple[str, str]] = []
        self.authorizations: list[str | None] = []
        self.changes: dict[str, Change] = {}
        self.gone: set[str] = set()
        self.breaks_at: int | None = None
        self._client = httpx.Client(base_url=upstream, verify=False, trust_env=False, timeout=60)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def calls(self) -> list[str]:
        """The names of the calls that came."""
        return [path.removeprefix("/api/") for _, path in self.asked if path.startswith("/api/")]

    def forget(self) -> None:
        """Begin to count anew."""
        self.asked.clear()
        self.authorizations.clear()
        self.breaks_at = None

    def close(self) -> None:
        """Let nothing through any more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._client.close()

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> httpx.Response | None:
        """The hub's answer to a request; None if it is lost."""
        path = urlsplit(target).path
        number = len(self.asked)
        self.asked.append((method, path))
        self.authorizations.append(headers.get("authorization"))
        if not path.startswith(OPEN) or path in self.gone:
            return httpx.Response(404, text="<html>Not found</html>")
        reply = self._client.request(method, target, headers=headers, content=body)
        if number == self.breaks_at:
            return None
        change = self.changes.get(path.removeprefix("/api/"))
        if change is not None and reply.status_code == 200:
            return httpx.Response(200, json=change(json.loads(reply.content)))
        return reply

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                given = {name.lower(): value for name, value in self.headers.items()}
                reply = proxy.answer(self.command, self.path, given, body)
                if reply is None:
                    self.close_connection = True
                    return
                self.send_response(reply.status_code)
                for name, value in reply.headers.items():
                    if name not in LEFT_OUT and name != "content-encoding":
                        self.send_header(name, value)
                self.send_header("content-length", str(len(reply.content)))
                self.end_headers()
                self.wfile.write(reply.content)

            do_GET = do_HEAD = do_POST = do_PUT = handle_any

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler
