"""Hubs on a port, and bytes sent to them as no client would."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec
import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.server.serving import Server, ServerOptions

LIMIT_SEC = 60.0
"""Whatever is waited for takes far less, on a machine that has other work too."""


class Reply(NamedTuple):
    """What came back on a connection: nothing of it if the connection was ended without a word."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> object:
        """What a refusal says."""
        found: object = msgspec.json.decode(self.body)["error"]
        return found


class Port:
    """A hub that is served, and its port."""

    def __init__(self, hub: LocalHub, options: ServerOptions) -> None:
        self.hub = hub
        self.server = Server(hub, options)
        has_started = threading.Event()
        self._thread = threading.Thread(target=self.server.run, args=(has_started.set,))
        self._thread.start()
        assert has_started.wait(LIMIT_SEC)

    def connect(self) -> socket.socket:
        """A connection of one's own."""
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=LIMIT_SEC)

    def say(self, *pieces: bytes) -> Reply:
        """The reply to these bytes, on a connection of their own."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            return read_reply(connection)

    def ask(
        self,
        line: str,
        body: bytes = b"",
        *,
        host: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """The reply to a request: ``ask('GET /x', headers={...})``."""
        sent = {"host": host or f"127.0.0.1:{self.server.port}", **(headers or {})}
        if body:
            sent["content-length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        return self.say(f"{line} HTTP/1.1\r\n{head}\r\n".encode() + body)

    def close(self) -> None:
        self.server.stop()
        self._thread.join(LIMIT_SEC)
        assert not self._thread.is_alive()


def read_reply(connection: socket.socket) -> Reply:
    """A reply, which must say how long it is, or the end of the connection."""
    with connection.makefile("rb") as stream:
        try:
            first = stream.readline()
            lines = list(iter(lambda: stream.readline().decode("latin-1").strip(), ""))
        except ConnectionResetError:
            return Reply(0, {}, b"")
        if not first:
            return Reply(0, {}, b"")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        body = stream.read(int(headers["content-length"]))
        return Reply(int(first.split(b" ")[1]), headers, body)


@pytest.fixture
def serve(hub: LocalHub) -> Iterator[Callable[[ServerOptions], Port]]:
    """Serve the hub on a port: ``serve(ServerOptions(port=0))``; it ends with the test."""
    started: list[Port] = []

    def start(options: ServerOptions) -> Port:
        started.append(Port(hub, options))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def port(serve: Callable[[ServerOptions], Port]) -> Port:
    """The hub, served as a machine serves it to itself."""
    return serve(ServerOptions(port=0))
