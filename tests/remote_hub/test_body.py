"""The body of a reply that is read past the HTTP client, which is to be the one that was sent."""

import ipaddress
import random
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dendro_local.remote_hub.body import LARGE_BYTES, Body

CONTENT = random.Random(1).randbytes(3 * LARGE_BYTES + 7)

Answer = Callable[[BaseHTTPRequestHandler], None]


def whole(handler: BaseHTTPRequestHandler) -> None:
    """Answer with the content, and say how long it is."""
    handler.send_response(200)
    handler.send_header("content-length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT)


def of_unknown_length(handler: BaseHTTPRequestHandler) -> None:
    """Answer with the content in chunks."""
    handler.send_response(200)
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    for first in range(0, len(CONTENT), 100_000):
        piece = CONTENT[first : first + 100_000]
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    handler.wfile.write(b"0\r\n\r\n")


def short(handler: BaseHTTPRequestHandler) -> None:
    """Answer with a little."""
    handler.send_response(200)
    handler.send_header("content-length", "5")
    handler.end_headers()
    handler.wfile.write(CONTENT[:5])


def broken(handler: BaseHTTPRequestHandler) -> None:
    """Hang up before the end of the content."""
    handler.send_response(200)
    handler.send_header("content-length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT[:-1])
    handler.close_connection = True


def stuck(handler: BaseHTTPRequestHandler) -> None:
    """Send no more before the end of the content."""
    broken(handler)
    handler.rfile.read(1)  # until the other side hangs up


def _context(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server on this machine shows, and what believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(file)
    return shown, ssl.create_default_context(cafile=str(file))


@contextmanager
def answering(
    answer: Answer, *, folder: Path | None = None
) -> Generator[tuple[httpx.Client, set[int]]]:
    """A client of a server that answers so, and the ports from which it has asked.

    By TLS if a folder is given, for the certificate.
    """
    ports: set[int] = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            ports.add(self.client_address[1])
            answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ExitStack() as stack:
        server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        scheme, trust = "http", ssl.create_default_context()
        if folder is not None:
            scheme = "https"
            shown, trust = _context(folder)
            server.socket = shown.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        client = httpx.Client(
            base_url=f"{scheme}://127.0.0.1:{server.server_port}",
            verify=trust,
            timeout=httpx.Timeout(30.0, read=1.0 if answer is stuck else 30.0),
        )
        yield stack.enter_context(closing(client)), ports


def read(client: httpx.Client, came: bytearray, room_bytes: int = LARGE_BYTES) -> None:
    """Read a body to its end."""
    room = memoryview(bytearray(room_bytes))
    with client.stream("GET", "/") as reply:
        body = Body(reply)
        while count := body.readinto(room):
            came += room[:count]


@pytest.mark.parametrize("by_tls", [False, True])
@pytest.mark.parametrize("answer", [whole, of_unknown_length, short])
def test_a_body_comes_as_it_was_sent(answer: Answer, by_tls: bool, tmp_path: Path) -> None:
    came = bytearray()

    with answering(answer, folder=tmp_path if by_tls else None) as (client, _):
        read(client, came)

    assert came == (CONTENT[:5] if answer is short else CONTENT)


def test_a_body_comes_into_little_memory_too(tmp_path: Path) -> None:
    came = bytearray()

    with answering(whole) as (client, _):
        read(client, came, 60_001)

    assert came == CONTENT


@pytest.mark.parametrize(("answer", "fault"), [(broken, "broke"), (stuck, "timed out")])
def test_of_a_body_that_breaks_off_all_that_came_is_given(answer: Answer, fault: str) -> None:
    came = bytearray()

    with answering(answer) as (client, _), pytest.raises(httpx.HTTPError, match=fault):
        read(client, came)

    assert came == CONTENT[:-1]


def test_a_connection_is_used_again_after_a_short_body_and_not_after_a_long_one() -> None:
    with answering(short) as (client, ports):
        read(client, bytearray())
        read(client, bytearray())
        assert len(ports) == 1
    with answering(whole) as (client, ports):
        read(client, bytearray())
        read(client, bytearray())
        assert len(ports) == 2
