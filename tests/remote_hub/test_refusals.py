"""What goes wrong with a hub elsewhere: what is said of it, and whether it is tried again."""

import datetime
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dendro_local import DendroJob
from dendro_local.client.handle import why_now
from dendro_local.errors import (
    DiskFull,
    HubUnreachable,
    InvalidRequest,
    NotAHub,
    NotAllowed,
    NotAuthenticated,
    QuotaExceeded,
    TooLarge,
)
from dendro_local.local_hub import LocalHub
from dendro_local.remote_hub import RemoteHub
from dendro_local.remote_hub.credentials import user_key
from dendro_local.remote_hub.transport import Timeouts, Transport
from dendro_local.remote_hub.uploads import upload
from dendro_local.v1 import Health, Stats
from tests.faults.scripts import wait_until
from tests.hub.conftest import NewJobMaker, Worker
from tests.live_hub import LiveHub
from tests.remote_hub.conftest import TransportMaker
from tests.remote_hub.proxy import Proxy

Answer = tuple[int, dict[str, str], bytes]

OK: Answer = (200, {}, b'{"status": "ok"}')

PATIENCE_SEC = 60.0


class Stranger:
    """Something that answers HTTP, with these answers one after another, the last for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [OK]
        self.asked: list[str] = []
        stranger = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stranger.asked.append(self.path)
                answers = stranger.answers
                status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(status)
                for name, value in {"content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    stranger = Stranger()
    yield stranger
    stranger.close()


@pytest.fixture
def transport(stranger: Stranger, open_transport: TransportMaker) -> Transport:
    """Asks the stranger."""
    return open_transport(stranger.url, "key", patience_sec=PATIENCE_SEC)


def refusal(code: str, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


def ask(transport: Transport) -> Health:
    return transport.get("/healthz", Health)


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        ((400, {}, refusal("invalid_request", "No such thing.")), InvalidRequest, "No such thing"),
        ((403, {}, refusal("not_allowed", "Not you.")), NotAllowed, "Not you"),
        ((413, {}, refusal("too_large", "Too many bytes.")), TooLarge, "Too many bytes"),
        ((418, {}, refusal("of_the_future", "A teapot.")), InvalidRequest, "A teapot"),
        ((507, {}, refusal("disk_full", "No room.")), DiskFull, "No room"),
        (
            (429, {"retry-after": "7200"}, refusal("quota_exceeded", "Enough for today.")),
            QuotaExceeded,
            "Enough for today",
        ),
        ((404, {}, b"<html>"), NotAHub, "is no hub .* /healthz is answered with status 404"),
        ((200, {"content-type": "text/html"}, b"<html>"), NotAHub, "status 200 and text/html"),
        ((302, {"location": "https://x.org/"}, b""), NotAHub, "sends on to https://x.org/"),
    ],
)
def test_what_can_never_succeed_is_asked_once(
    stranger: Stranger,
    transport: Transport,
    answer: Answer,
    kind: type[Exception],
    says: str,
) -> None:
    stranger.answers = [answer]

    with pytest.raises(kind, match=says):
        ask(transport)

    assert stranger.asked.count("/healthz") == 1


@pytest.mark.parametrize(
    "answer",
    [
        (503, {}, refusal("not_ready", "Just a moment.")),
        (502, {"content-type": "text/html"}, b"<html>"),
        (429, {"retry-after": "0"}, refusal("too_many_requests", "Slowly.")),
    ],
)
def test_what_passes_is_waited_for(
    stranger: Stranger, transport: Transport, answer: Answer
) -> None:
    stranger.answers = [answer, answer, OK]

    assert ask(transport).status == "ok"
    assert len(stranger.asked) == 3


def test_a_person_waits_for_a_while_and_is_told_why(
    stranger: Stranger, open_transport: TransportMaker
) -> None:
    stranger.answers = [(503, {}, refusal("not_ready", "Just a moment."))]
    transport = open_transport(stranger.url, patience_sec=2.0)

    with pytest.raises(HubUnreachable, match="cannot answer now: Just a moment"):
        ask(transport)

    assert 1 < len(stranger.asked) < 10


def test_a_hub_that_is_down_is_waited_for_and_named(open_transport: TransportMaker) -> None:
    transport = open_transport("http://127.0.0.1:9", patience_sec=0.5)

    with pytest.raises(HubUnreachable, match=r"127\.0\.0\.1:9 does not answer: .* refused"):
        ask(transport)


def test_a_hub_that_says_nothing_is_not_waited_for_for_ever(
    stranger: Stranger, open_transport: TransportMaker
) -> None:
    released = threading.Event()
    stranger.server.RequestHandlerClass.do_GET = lambda _: released.wait()  # type: ignore[attr-defined]
    transport = open_transport(stranger.url, patience_sec=0.0, timeouts=Timeouts(silence_sec=0.2))

    with pytest.raises(HubUnreachable, match="does not answer: timed out"):
        ask(transport)

    released.set()


def test_who_ends_waits_no_more(stranger: Stranger, open_transport: TransportMaker) -> None:
    stranger.answers = [(503, {}, refusal("not_ready", "Just a moment."))]
    transport = open_transport(stranger.url, patience_sec=float("inf"))
    threading.Timer(0.3, transport.close).start()

    with pytest.raises(HubUnreachable):
        ask(transport)
    with pytest.raises(HubUnreachable, match="is not asked any more"):
        ask(transport)


def test_a_hub_of_another_version_is_named(stranger: Stranger, transport: Transport) -> None:
    stats = b'{"version": "99.0", "storeId": "x"}'

    answers: list[Answer] = [
        (200, {}, b'{"of": "another form"}'),
        (400, {}, refusal("invalid_request", "Object contains unknown field `x`")),
        (404, {}, refusal("not_found", "There is nothing at /v1/stats. /v1/docs shows ...")),
    ]
    for answer in answers:
        stranger.answers = [answer, (200, {}, stats)]
        with pytest.raises(NotAHub, match=r"is dendro-local 99\.0, and this is 0"):
            transport.get("/v1/stats", Stats)


def test_no_key_and_a_wrong_key_are_told_apart(
    live: LiveHub, greeting: NewJobMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit() -> None:
        hub = RemoteHub(live.url, tmp_path)
        try:
            hub.submit([greeting()])
        finally:
            hub.close()

    monkeypatch.delenv("DENDRO_API_KEY", raising=False)
    with pytest.raises(NotAuthenticated, match=r"wants an API key .* Set DENDRO_API_KEY"):
        submit()
    monkeypatch.setenv("DENDRO_API_KEY", "wrong")
    with pytest.raises(NotAuthenticated, match="does not take the key in DENDRO_API_KEY"):
        submit()
    monkeypatch.setenv("DENDRO_API_KEY", "two words")
    with pytest.raises(NotAuthenticated, match="What is set as the key in DENDRO_API_KEY"):
        submit()


def test_a_user_without_the_right_is_told_so(
    local_hub: LocalHub,
    live: LiveHub,
    greeting: NewJobMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    local_hub.add_user("ada", {})
    monkeypatch.setenv("DENDRO_API_KEY", local_hub.add_api_key("ada", "test")[1])
    hub = RemoteHub(live.url, tmp_path)

    with pytest.raises(NotAllowed, match="ada may not create jobs on service"):
        hub.submit([greeting()])
    with pytest.raises(NotAllowed, match="ada may create or process jobs on no service"):
        upload(hub.transport, Path(__file__), f"/v1/blobs/{'0' * 64}")
    hub.close()


@pytest.mark.parametrize(
    "url", ["hub.lab", "ftp://hub.lab", "http://", "http://a:b@hub.lab", "http://x/?a", "http://[:"]
)
def test_what_is_no_url_of_a_hub_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="Give the URL of a hub"):
        RemoteHub(url, tmp_path)


def test_a_hub_is_the_same_however_its_url_is_written(live: LiveHub, tmp_path: Path) -> None:
    for url in (live.url, f"{live.url}/", f" {live.url.upper().replace('HTTP', 'http')} "):
        hub = RemoteHub(url, tmp_path)
        assert hub.place == live.url
        assert hub.services()
        hub.close()
    assert len(list((tmp_path / "hubs").iterdir())) == 1


def test_tls_that_fails_is_named_and_not_tried_again(
    stranger: Stranger, tmp_path: Path, open_transport: TransportMaker
) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    stranger.server.socket = context.wrap_socket(stranger.server.socket, server_side=True)
    # Who tried again would do so until the test is given up.
    transport = open_transport(stranger.url.replace("http", "https"), patience_sec=3600.0)

    with pytest.raises(NotAHub, match=r"cannot be trusted.*SSL_CERT_FILE"):
        ask(transport)


def test_tls_with_what_speaks_none_is_named(
    stranger: Stranger, open_transport: TransportMaker
) -> None:
    transport = open_transport(stranger.url.replace("http", "https"))

    with pytest.raises(NotAHub, match="does not speak https"):
        ask(transport)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "certificate.pem", folder / "key.pem"


def test_who_waits_for_a_job_waits_for_its_hub_too(
    hub: RemoteHub,
    network: Proxy,
    greeting: NewJobMaker,
    worker: Worker,
    open_transport: TransportMaker,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hub.transport.close()
    hub.transport = open_transport(network.url, user_key(), patience_sec=0.1)
    job = DendroJob(hub.submit([greeting()])[0], hub)
    looks = job.watch(look_sec=0.05)
    next(looks)

    network.split()
    assert [next(looks).status for _ in range(3)] == ["pending"] * 3
    assert why_now(job) is None
    network.heal()
    assert str(why_now(job)).startswith("Pending: ")
    wait_until(lambda: next(looks) is job and hub.has_compute_client(), "the hub to be back")
    worker.complete(worker.claim())

    assert [each.status for each in looks][-1] == "completed"
    told = capsys.readouterr().err
    assert told.count("does not answer") == 1
    assert told.endswith("Waiting for it.\n")
