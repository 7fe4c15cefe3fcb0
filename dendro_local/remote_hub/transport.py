"""Requests to a hub: who asks, and what is tried again.

What can never succeed fails at once, with the hub's own message: every answer from 400 to 499 but
a 429 that soon passes. A hub that is not reached, is just starting or is overloaded is asked
again, for as long as the caller has patience.
"""

import contextlib
import functools
import os
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from dendro_local.errors import (
    DendroError,
    HubUnreachable,
    InvalidRequest,
    NotAHub,
    NotAuthenticated,
    NotFound,
)
from dendro_local.reasons import reason_of
from dendro_local.remote_hub.patience import BrokenOff, Patience
from dendro_local.remote_hub.replies import Answers, PastEnd, is_tls_fault

__all__ = ["NotASecureHub", "PATIENCE_SEC", "Timeouts", "Transport", "whole_reply"]

T = TypeVar("T")

PATIENCE_SEC = 8.0
"""For how long a person waits for a hub that does not answer."""

MAX_REPLY_BYTES = 256 << 20
"""No answer that is read as a whole is longer; the hub may be anybody's."""

_encode = msgspec.json.Encoder().encode


class NotASecureHub(NotAHub):
    """What answers at an https address does not speak https."""


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for a connection, and for the next bytes over it."""

    connect_sec: float = 5.0
    silence_sec: float = 60.0

    def httpx(self) -> httpx.Timeout:
        """As the HTTP client takes them."""
        return httpx.Timeout(self.silence_sec, connect=self.connect_sec, pool=None)


class Transport:
    """Asks one hub. Safe for use by many threads, and by processes that are forked.

    Args:
        base_url: where the hub is, such as ``http://192.168.1.20:61423``.
        key: the API key of a user, or the private key of a compute client; None for a guest.
        what_key: how people know the key, such as ``the key in DENDRO_API_KEY``.
        what_url: how people know the address.
        how_to_key: what to do for another key: a sentence; None for a user's key of this machine.
        headers: of every request.
        patience_sec: for how long a hub that does not answer is asked again.
        waits_for_room: whether it is also asked again while its disk is full.
        timeouts: for how long an answer is waited for.

    Raises:
        NotAuthenticated: no key can have these characters.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None,
        *,
        what_key: str = "the key in DENDRO_API_KEY",
        what_url: str = "DENDRO_API_URL",
        how_to_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        patience_sec: float = PATIENCE_SEC,
        waits_for_room: bool = False,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._patience_sec = patience_sec
        # A file must come with just the bytes that it has.
        self._headers = {"accept-encoding": "identity", **(headers or {})}
        if key is not None:
            if not (key.isascii() and key.isprintable()) or " " in key:
                raise NotAuthenticated(f"What is set as {what_key} cannot be one.")
            self._headers["authorization"] = f"Bearer {key}"
        self._what_url = what_url
        self._answers = Answers(
            self.base_url,
            None if key is None else what_key,
            waits_for_room=waits_for_room,
            what_url=what_url,
            how_to_key=how_to_key,
        )
        self._timeouts = (timeouts or Timeouts()).httpx()
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._pid = os.getpid()
        self._is_closed = threading.Event()

    # Records

    def get(self, path: str, kind: type[T], **query: str | list[str] | None) -> T:
        """The record that a path gives."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._record(self.ask("GET", path, params=given), kind)

    def get_once(self, path: str, kind: type[T], **request: Any) -> T:
        """The record that a path gives, asked for once."""
        return self._record(self.ask_once("GET", path, **request), kind)

    def post(
        self, path: str, record: object, kind: type[T], headers: Mapping[str, str] | None = None
    ) -> T:
        """The record that a path answers with to another."""
        return self._record(self.ask("POST", path, **_body(record, headers)), kind)

    def post_once(self, path: str, record: object, kind: type[T], **request: Any) -> T:
        """The record that a path answers with to another, asked for once."""
        return self._record(self.ask_once("POST", path, **_body(record), **request), kind)

    def patch_once(self, path: str, kind: type[T], **request: Any) -> T:
        """The record that a path answers with to what is added to it, asked for once."""
        return self._record(self.ask_once("PATCH", path, **request), kind)

    def send_once(self, path: str, record: object) -> None:
        """Send a record to a path that has nothing to say to it, once."""
        self.ask_once("POST", path, **_body(record))

    def call(self, name: str, fields: Mapping[str, object]) -> None:
        """A call of the Dendro contract whose reply is of no matter.

        Raises:
            DendroError: the hub refused it, in the contract's words.
            HubUnreachable: it was not reached, or could not answer now.
        """
        self.ask_once("POST", f"/api/{name}", **_body({"type": f"{name}Request", **fields}))

    # Requests

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer to a request, which can be made again without harm.

        Raises:
            DendroError: as the hub has it.
            HubUnreachable: it was not reached, or could not answer, for too long.
        """
        return self.patiently(lambda _: self.ask_once(method, path, **request))

    def ask_once(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer to one request.

        Raises:
            DendroError: as the hub has it.
            HubUnreachable: it was not reached, or could not answer now.
        """
        with self._translated() as client, client.stream(method, path, **request) as coming:
            reply = whole_reply(coming)
        self._check(reply)
        return reply

    @contextlib.contextmanager
    def stream(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, list[str]] | None = None,
        record: object = None,
        silence_sec: float | None = None,
    ) -> Generator[httpx.Response]:
        """A block in which the body of what a path gives can be read in pieces.

        Args:
            path: what to get.
            headers: of the request.
            query: of the request.
            record: what is sent by POST; None for a GET.
            silence_sec: how long the hub may say nothing; by default as for every request.

        Raises:
            DendroError: as the hub has it.
            HubUnreachable: it was not reached, or the connection broke.
        """
        timeout = self._timeouts
        if silence_sec is not None:
            timeout = httpx.Timeout(silence_sec, connect=timeout.connect, pool=None)
        method = "GET" if record is None else "POST"
        sent = _body(record, headers)
        with (
            self._translated() as client,
            client.stream(method, path, params=query, timeout=timeout, **sent) as reply,
        ):
            self._check(reply if reply.is_success else whole_reply(reply))
            yield reply

    def patiently(self, attempt: Callable[[bool], T]) -> T:
        """Try something until the hub is reached, or the patience is at its end.

        Args:
            attempt: is told whether it was tried before, and may have come to the hub.

        Raises:
            DendroError: as the last attempt.
        """
        patience = self.patience()
        is_again = False
        while True:
            try:
                return attempt(is_again)
            except HubUnreachable as error:
                patience.pause(error)
                is_again = True

    def patience(self) -> Patience:
        """For how long something is tried again, from now on."""
        return Patience(self._patience_sec, self._is_closed)

    @property
    def is_closed(self) -> bool:
        """Whether nothing is asked any more."""
        return self._is_closed.is_set()

    def close(self) -> None:
        """Ask nothing any more; what waits for the hub to come back ends."""
        self._is_closed.set()
        with self._lock:
            client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            client.close()

    def _open(self) -> httpx.Client:
        with self._lock:
            if self._is_closed.is_set():
                raise HubUnreachable(f"The hub at {self.base_url} is not asked any more.")
            if self._client is None or self._pid != os.getpid():
                # A connection that a forked process shared would give it another's answers.
                self._pid = os.getpid()
                self._client = httpx.Client(
                    base_url=self.base_url,
                    verify=_certificates(self.base_url),
                    headers=self._headers,
                    timeout=self._timeouts,
                    limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
                    follow_redirects=False,
                )
            return self._client

    def _record(self, reply: httpx.Response, kind: type[T]) -> T:
        try:
            return self._answers.record(reply, kind)
        except NotAHub as error:
            raise self._with_version(error) from error.__cause__

    def _check(self, reply: httpx.Response) -> None:
        try:
            self._answers.check(reply)
        except PastEnd:
            raise
        except (NotAHub, InvalidRequest, NotFound) as error:
            # A hub of another version may lack a route, or a field.
            is_known = not isinstance(error, NotAHub)
            if is_known and not any(text in str(error) for text in _OTHER_FORM):
                raise
            raise self._with_version(error) from error.__cause__

    def _with_version(self, error: DendroError) -> DendroError:
        try:
            with self._translated() as client:
                stats = client.get("/v1/stats").content
        except HubUnreachable:
            return error
        return self._answers.other_version(stats, error)

    @contextlib.contextmanager
    def _translated(self) -> Generator[httpx.Client]:
        try:
            yield self._open()
        except (httpx.HTTPError, httpx.StreamError) as error:
            if _PLAIN in str(error):
                raise NotASecureHub(
                    f"What is at {self.base_url} does not speak https. A hub without a "
                    f"certificate is at http{self.base_url.removeprefix('https')}."
                ) from error
            if is_tls_fault(error):
                raise NotAHub(
                    f"The hub at {self.base_url} cannot be trusted, or does not speak TLS: "
                    f"{error}. If its certificate is signed by an authority of your own, name that "
                    "one's certificate by SSL_CERT_FILE."
                ) from error
            kind = BrokenOff if isinstance(error, _BROKEN) else HubUnreachable
            what = (reason_of(error) or type(error).__name__).rstrip(".")
            raise kind(
                f"The hub at {self.base_url} does not answer: {what}."
                f" Check that it runs and that {self._what_url} is its address."
            ) from error
        except Exception as error:
            # A connection that is closed under a request fails in many ways.
            if isinstance(error, DendroError) or not self._is_closed.is_set():
                raise
            raise HubUnreachable(f"The hub at {self.base_url} is not asked any more.") from error


def whole_reply(coming: httpx.Response, *, may_be_packed: bool = False) -> httpx.Response:
    """An answer with all of its body.

    Args:
        coming: nothing of its body was read.
        may_be_packed: whether it was asked for packed, and is unpacked. A little can unpack to any
            amount.

    Raises:
        NotAHub: it is too long, or packed and was not to be.
    """
    body = bytearray()
    is_packed = (
        not may_be_packed and coming.headers.get("content-encoding", "identity") != "identity"
    )
    if is_packed and coming.is_success:
        raise NotAHub(f"{coming.request.url.host} answers packed, though it was not asked to.")
    for piece in coming.iter_bytes() if may_be_packed else coming.iter_raw():
        body += piece
        if len(body) > MAX_REPLY_BYTES:
            raise NotAHub(
                f"{coming.request.url.host} answers with more than {MAX_REPLY_BYTES >> 20} MiB."
            )
    headers = [(name, value) for name, value in coming.headers.raw if name.lower() not in _AS_SENT]
    return httpx.Response(
        coming.status_code,
        headers=headers,
        content=b"" if is_packed else bytes(body),
        request=coming.request,
    )


_AS_SENT = (b"content-encoding", b"transfer-encoding", b"content-length")


def _certificates(base_url: str) -> ssl.SSLContext:
    """What tells whom to trust. Reading all authorities takes 40 ms, and a plain URL needs none."""
    return _all_certificates() if base_url.startswith("https:") else _no_certificates()


_all_certificates = functools.cache(httpx.create_ssl_context)


@functools.cache
def _no_certificates() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


_PLAIN = "WRONG_VERSION_NUMBER"
"""What OpenSSL makes of an answer that is none of TLS."""

_BROKEN = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)

_OTHER_FORM = ("There is nothing at /", "unknown field", "required field")


def _body(record: object, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    if record is None:
        return {"headers": dict(headers or {})}
    sent = {"content-type": "application/json", **(headers or {})}
    return {"content": _encode(record), "headers": sent}
