"""What every call of the contract checks before it answers."""

import pytest

from dendro_local.server.contract.routes import MODULES
from tests.server.conftest import Served, refusal

CALLS = sorted(call.name for module in MODULES for call in module.CALLS)

INVALID = refusal(400, "Invalid request")


def test_every_call_refuses_other_methods(served: Served) -> None:
    for name in CALLS:
        for method in ("GET", "PUT", "DELETE"):
            reply = served.send(method, f"/api/{name}")
            assert (reply.status_code, reply.json()) == refusal(405, "Method not allowed"), name


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"{}",
        b'{"type": "other"}',
        b'{"type": "NAME", "aKeyThatNoRequestHas": 1}',
        b'{"type": "NAME", "userId": {}, "jobId": [], "serviceName": 1, "computeClientId": 1.5, '
        b'"serviceApp": "x"}',
        b'{"type": "NAME", "x": ' + b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_every_call_refuses_what_is_no_request_of_it(served: Served, body: bytes) -> None:
    for name in CALLS:
        sent = body.replace(b"NAME", f"{name}Request".encode())
        reply = served.send("POST", f"/api/{name}", content=sent)
        assert (reply.status_code, reply.json()) == INVALID, name


def test_every_call_refuses_null_for_what_may_be_absent(served: Served) -> None:
    for name, field in (
        ("getServices", "userId"),
        ("getServiceApps", "serviceName"),
        ("getComputeClients", "serviceName"),
        ("getPubsubSubscription", "protocolVersion"),
    ):
        assert served.ask(name, {field: None}) == INVALID


def test_a_body_that_is_too_long_is_refused(served: Served) -> None:
    reply = served.send("POST", "/api/getServices", content=b" " * (8 << 20) + b"{}")

    too_large = refusal(413, "Request is too large: it may have 8,388,608 bytes")
    assert (reply.status_code, reply.json()) == too_large


def test_what_is_wrong_with_the_store_is_for_its_log_alone(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    folder = served.hub.store.folder
    served.hub.store.close()
    folder.database.write_bytes(b"not a database" * 1000)

    status, reply = served.ask("getServices")

    assert (status, reply) == refusal(500, "The hub could not do this; its log says why.")
    assert f"{folder.database} is not a whole store" in caplog.text


def test_an_unknown_call_is_told(served: Served) -> None:
    assert served.ask("getEverything")[0] == 404
