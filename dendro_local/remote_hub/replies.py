"""What a hub's answer means here: its record, or the error that it had."""

import math
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

import httpx
import msgspec

from dendro_local import __version__, errors
from dendro_local.errors import DendroError, NotAHub
from dendro_local.remote_hub.patience import HubBusy
from dendro_local.v1 import ErrorBody, ErrorReply

__all__ = ["Answers", "PastEnd", "is_tls_fault"]

T = TypeVar("T")

LONGEST_WAIT_SEC = 60.0
"""Who is told to come back later than this is told why, and does not wait."""

_BUSY = frozenset({429, 500, 502, 503, 504})


class PastEnd(NotAHub):
    """A file of the hub was asked for from a byte on that it has not got."""


class _ContractFault(msgspec.Struct, frozen=True):
    error: str


class _Facts(msgspec.Struct, frozen=True, rename="camel"):
    """What every version of a hub tells of itself."""

    version: str
    store_id: str


_fault = msgspec.json.Decoder(ErrorReply)
_contract_fault = msgspec.json.Decoder(_ContractFault)


def _by_code(kind: type[DendroError]) -> dict[str, type[DendroError]]:
    found = {kind.code: kind}
    for each in kind.__subclasses__():
        found = _by_code(each) | found
    return found


_ERRORS = _by_code(DendroError)

_BY_STATUS: Mapping[int, type[DendroError]] = {
    401: errors.NotAuthenticated,
    403: errors.NotAllowed,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.TooLarge,
    429: errors.QuotaExceeded,
}


class Answers:
    """Reads what one hub answers.

    Args:
        base_url: where the hub is.
        what_key: which key is sent, for people; None if none is.
        waits_for_room: whether a full disk of the hub is something that passes.
        what_url: how people know the address.
        how_to_key: what to do for another key: a sentence; None for a user's key of this machine.
    """

    def __init__(
        self,
        base_url: str,
        what_key: str | None,
        *,
        waits_for_room: bool,
        what_url: str,
        how_to_key: str | None = None,
    ) -> None:
        self._base_url = base_url
        self._what_url = what_url
        self._what_key = what_key
        self._how_to_key = how_to_key
        self._waits_for_room = waits_for_room

    def record(self, reply: httpx.Response, kind: type[T]) -> T:
        """The record in the body of an answer.

        Raises:
            NotAHub: it is none of this version.
        """
        try:
            return msgspec.json.decode(reply.content, type=kind)
        except ValueError as error:
            raise self.not_a_hub(reply) from error

    def check(self, reply: httpx.Response) -> None:
        """Raise what an answer says went wrong. Its body must have been read then."""
        status = reply.status_code
        if status < 300:
            return
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise PastEnd(f"{reply.request.url.path} is shorter at the hub than it should be.")
        fault = _fault_in(reply)
        if fault is None and status not in _BUSY:
            raise self.not_a_hub(reply)
        message = f"it answered {status}" if fault is None else fault.message
        kind = _BY_STATUS.get(status) if fault is None else _ERRORS.get(fault.code)
        if status in _BUSY or (status == 507 and self._waits_for_room):
            wait = _retry_after(reply)
            if status != 429 or (wait is not None and wait <= LONGEST_WAIT_SEC):
                raise HubBusy(f"The hub at {self._base_url} cannot answer now: {message}", wait)
        if status == 401:
            raise errors.NotAuthenticated(self._about_key(message))
        raise (kind or _BY_STATUS.get(status, errors.InvalidRequest))(message)

    def not_a_hub(self, reply: httpx.Response) -> NotAHub:
        """What answered is no hub that this one understands."""
        if reply.has_redirect_location:
            to = reply.headers["location"]
            return NotAHub(
                f"{self._base_url} is not where the hub is: it sends on to {to}. Set "
                f"{self._what_url} to the address of the hub itself."
            )
        kind = reply.headers.get("content-type", "no content type").partition(";")[0]
        return NotAHub(
            f"What is at {self._base_url} is no hub that dendro-local {__version__} can use: "
            f"{reply.request.url.path} is answered with status {reply.status_code} and {kind}. "
            f"Check {self._what_url}, and whether the hub has another version."
        )

    def other_version(self, stats: bytes, error: DendroError) -> DendroError:
        """The error, with the hub's version if that is another one.

        Args:
            stats: what the hub tells of itself.
            error: what went wrong.
        """
        try:
            facts = msgspec.json.decode(stats, type=_Facts)
        except ValueError:
            return error
        if facts.version == __version__:
            return error
        return NotAHub(
            f"The hub at {self._base_url} is dendro-local {facts.version}, and this is "
            f"{__version__}: they do not understand each other. Install the same version."
        )

    def _about_key(self, message: str) -> str:
        if self._what_key is None:
            how = self._how_to_key or (
                "Set DENDRO_API_KEY; `dendro-local users key` on the hub's machine makes one."
            )
            return f"The hub at {self._base_url} wants an API key for this. {how}"
        # How a key is sent is nothing that people see to who give it by an option or variable.
        message = message.replace(", or not sent as `Authorization: Bearer KEY`", "")
        text = f"The hub at {self._base_url} does not take {self._what_key}: {message}"
        return text if self._how_to_key is None else f"{text} {self._how_to_key}"


def is_tls_fault(error: BaseException | None) -> bool:
    """Whether a connection failed because the other side is not who it should be, or no TLS."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _fault_in(reply: httpx.Response) -> ErrorBody | None:
    """The error that an answer tells of; None if it is not one of a hub."""
    try:
        return _fault.decode(reply.content).error
    except ValueError:
        pass
    try:
        return ErrorBody(code="", message=_contract_fault.decode(reply.content).error)
    except ValueError:
        return None


def _retry_after(reply: httpx.Response) -> float | None:
    try:
        wait = float(reply.headers.get("retry-after", ""))
    except ValueError:
        return None
    return wait if math.isfinite(wait) and wait >= 0 else None
