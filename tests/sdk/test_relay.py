"""What an app in a container says to its hub comes to it, though there is no network."""

import contextlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dendro_local.compute.containers.hub_socket import HubSocket
from dendro_local.sdk import relay as relay_module

pytestmark = pytest.mark.process


class Hub(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent, doubled."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = 2 * self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub_socket() -> Iterator[HubSocket]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    found = HubSocket(f"http://127.0.0.1:{server.server_port}/address")
    yield found
    found.close()
    server.shutdown()
    server.server_close()


ASK = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for size in (1, 3_000_000):
    connection.request("PUT", "/", body=b"x" * size)
    assert connection.getresponse().read() == b"xx" * size
print("well")
"""


def free_port() -> int:
    """A port at which nothing listens, and which the system gives nobody who asks for any."""
    for port in range(20000 + os.getpid() % 10000, 32000):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


def relay(place: Path, port: int, *command: str) -> list[str]:
    return [sys.executable, "-I", relay_module.__file__, str(place), str(port), *command]


def test_large_bodies_come_through_both_ways_on_one_connection(hub_socket: HubSocket) -> None:
    port = free_port()
    command = relay(hub_socket.file, port, sys.executable, "-c", ASK, str(port))

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (ended.stdout, ended.stderr) == ("well\n", "")


def test_where_the_hub_is_at_its_port_nothing_is_passed_on(hub_socket: HubSocket) -> None:
    port = hub_socket.port
    command = relay(Path("/nowhere"), port, sys.executable, "-c", ASK, str(port))

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (ended.stdout, ended.stderr) == ("well\n", "")


@pytest.mark.parametrize(("code", "told"), [("raise SystemExit(3)", 3), ("os.abort()", 134)])
def test_it_ends_as_the_command_does(tmp_path: Path, code: str, told: int) -> None:
    command = relay(tmp_path, free_port(), sys.executable, "-c", f"import os; {code}")

    assert subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == told


def test_a_signal_is_for_the_command(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getppid(), signal.SIGTERM); signal.pause()"
    command = relay(tmp_path, free_port(), sys.executable, "-c", code)

    assert subprocess.run(command, check=False).returncode == 128 + signal.SIGTERM


def test_a_hub_that_is_gone_closes_the_connection() -> None:
    gone = HubSocket(f"http://127.0.0.1:{free_port()}/address")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(gone.file))
        assert connection.recv(1) == b""
    gone.close()

    assert not gone.file.parent.exists()
