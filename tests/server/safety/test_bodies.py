"""Bodies that are too long, packed, or made to be more than they look."""

import gzip
import socket
from collections.abc import Callable

import msgspec
import pytest

from dendro_local.server import slow_clients
from dendro_local.server.serving import ServerOptions
from tests.server.conftest import OWNER, job_request
from tests.server.safety.conftest import Port, read_reply

MEGABYTE = 1 << 20


def test_a_packed_body_is_refused_before_it_is_unpacked(port: Port) -> None:
    body = gzip.compress(b" " * (16 * MEGABYTE))
    for encoding in ("gzip", "deflate", "br", "zstd", "gzip, identity", "GZIP"):
        headers = {"content-encoding": encoding, "content-type": "application/json"}
        for line in ("POST /api/findJobs", "POST /v1/jobs", "PUT /u/x", "POST /account/keys"):
            assert port.ask(line, body, headers=headers).status == 415, (line, encoding)


def test_a_body_that_is_said_to_be_as_it_is_is_taken(port: Port) -> None:
    body = b'{"type":"findJobsRequest","serviceName":"any"}'

    reply = port.ask("POST /api/findJobs", body, headers={"content-encoding": "identity"})

    assert reply.status == 200


@pytest.mark.parametrize(
    ("line", "megabytes"), [("POST /api/findJobs", 9), ("POST /v1/jobs/x/tags", 2)]
)
def test_a_body_that_is_too_long_is_refused_with_413(port: Port, line: str, megabytes: int) -> None:
    headers = {"content-type": "application/json", **key_of_owner(port)}
    body = b" " * (megabytes * MEGABYTE)
    chunked = b"".join(b"%x\r\n%b\r\n" % (MEGABYTE, b" " * MEGABYTE) for _ in range(megabytes))

    assert port.ask(line, body, headers=headers).status == 413
    headers["transfer-encoding"] = "chunked"
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    host = f"host: 127.0.0.1:{port.server.port}\r\n"
    said = f"{line} HTTP/1.1\r\n{host}{head}\r\n".encode()
    assert port.say(said, chunked, b"0\r\n\r\n").status == 413


def test_a_head_that_is_too_long_is_refused_with_431(port: Port) -> None:
    for head in (
        b"GET /%s HTTP/1.1\r\nhost: localhost\r\n\r\n" % (b"a" * 100_000),
        b"GET / HTTP/1.1\r\nhost: localhost\r\nx: %s\r\n\r\n" % (b"a" * 100_000),
        b"GET / HTTP/1.1\r\nhost: localhost\r\n%s\r\n" % (b"a: b\r\n" * 20_000),
        b"GET / HTTP/1.1\r\nhost: localhost\r\nx: %s" % (b"a" * 1_000_000),
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\nx: %s\r\n\r\nhello"
        % (b"a" * 100_000),
    ):
        assert port.say(head).status == 431, head[:60]
    assert port.ask("GET /healthz").status == 200


JSON_BOMBS = {
    "nested lists": b'{"x":' + b"[" * (4 * MEGABYTE),
    "nested objects": b'{"x":' + b'{"a":' * MEGABYTE,
    "nested where a definition is": b'{"type":"createJobRequest","jobDefinition":'
    + b'{"jobDefinition":' * 100_000,
    "a number of a million digits": b'{"type":"createJobRequest","batchId":'
    + b"9" * MEGABYTE
    + b"}",
    "a million digits where a number is": b'{"type":"findJobsRequest","status":"pending","limit":'
    + b"9" * MEGABYTE
    + b"}",
    "an exponent": b'{"type":"findJobsRequest","status":"pending","limit":1e999999999}',
    "many objects": b'{"x":[' + b"{}," * (2 * MEGABYTE) + b"{}]}",
    "many lists where tags are": b'{"type":"createJobRequest","tags":['
    + b"[]," * (2 * MEGABYTE)
    + b"[]]}",
    "many keys": b"{" + b",".join(b'"%d":1' % number for number in range(500_000)) + b"}",
    "one key many times": b"{" + b'"a":1,' * MEGABYTE + b'"a":1}',
}


def test_json_that_is_made_to_be_more_than_it_looks_is_no_request(port: Port) -> None:
    headers = {"content-type": "application/json", **key_of_owner(port)}

    for name, body in JSON_BOMBS.items():
        for call in ("createJob", "findJobs"):
            reply = port.ask(f"POST /api/{call}", body, headers=headers)
            assert (reply.status, reply.error) == (400, "Invalid request"), (name, call)
        assert port.ask("POST /v1/jobs", body, headers=headers).status == 400, name
        assert port.ask("POST /v1/jobs/x/tags", body, headers=headers).status in (400, 413), name


def test_a_long_parameter_is_taken_within_the_limit(port: Port) -> None:
    # What is long is not refused for that.
    request = job_request("x" * 100_000)
    body = msgspec.json.encode({"type": "createJobRequest", **request})

    reply = port.ask("POST /api/createJob", body, headers=key_of_owner(port))

    assert reply.status == 200


def test_a_head_that_comes_too_slowly_is_not_waited_for(
    serve: Callable[[ServerOptions], Port], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_clients, "HEAD_SEC", 0.2)
    monkeypatch.setattr(slow_clients, "SWEEP_SEC", 0.05)
    port = serve(ServerOptions(port=0))
    with port.connect() as silent, port.connect() as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nhost: loc")

        assert read_reply(silent).status == 0
        assert read_reply(slow).status == 0
    assert port.ask("GET /v1/jobs").status == 200


def test_a_body_that_pauses_too_long_is_not_waited_for(
    serve: Callable[[ServerOptions], Port], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_clients, "SILENCE_SEC", 0.2)
    monkeypatch.setattr(slow_clients, "SWEEP_SEC", 0.05)
    port = serve(ServerOptions(port=0))
    with port.connect() as slow:
        slow.sendall(
            b"POST /api/findJobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{"
        )

        assert read_reply(slow).status == 0


def test_an_answer_that_nobody_takes_is_not_kept(
    serve: Callable[[ServerOptions], Port], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_clients, "SILENCE_SEC", 0.2)
    monkeypatch.setattr(slow_clients, "SWEEP_SEC", 0.05)
    port = serve(ServerOptions(port=0))
    with port.connect() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"GET /v1/docs/rapidoc-min.js HTTP/1.1\r\nhost: localhost\r\n\r\n"
        connections = port.server._uvicorn.server_state.connections
        try:
            for _ in range(200):  # more than the system keeps for one who does not read
                deaf.sendall(request)
        except (ConnectionError, TimeoutError):
            pass
        while connections:
            assert port.ask("GET /healthz").status == 200


def key_of_owner(port: Port) -> dict[str, str]:
    """The header with a key of the user whose store it is."""
    return {"authorization": f"Bearer {port.hub.add_api_key(OWNER)[1]}"}


def test_who_asks_by_https_is_told_in_the_log_once(
    port: Port, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_clients.LimitedProtocol, "_has_told_of_tls", False)

    replies = [port.say(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") for _ in range(3)]

    assert [reply.status for reply in replies] == [400, 400, 400]
    [told] = caplog.records
    assert told.name == "dendro_local.server.slow_clients"
    assert "the address begins with http://" in told.getMessage()
