"""Calls of the Dendro contract, and what is wrong where one is refused."""

from collections.abc import Mapping
from typing import TypeVar

import httpx
import msgspec

from dendro_local import errors
from dendro_local.contract import Request, call_name
from dendro_local.errors import DendroError, NotAHub
from dendro_local.remote_hub.patience import HubBusy
from dendro_sync.remotes.dendro.wire import Wire

__all__ = ["Calls", "HubFault"]

T = TypeVar("T")

_BUSY = frozenset({429, 500, 502, 503, 504})

_BY_STATUS: Mapping[int, type[DendroError]] = {
    401: errors.NotAuthenticated,
    403: errors.NotAllowed,
    404: errors.NotFound,
    413: errors.TooLarge,
}

_encode = msgspec.json.Encoder().encode


class HubFault(HubBusy):
    """The hub says that it has failed at something, which it may do each time."""


class _Fault(msgspec.Struct, frozen=True):
    error: str


_fault = msgspec.json.Decoder(_Fault)


class Calls:
    """Makes calls of one hub.

    Args:
        wire: sends them.
        how_to_key: what to do for another key: a sentence.
    """

    def __init__(self, wire: Wire, how_to_key: str = "") -> None:
        self.wire = wire
        self._how_to_key = how_to_key

    def ask(self, request: Request, kind: type[T], key: str | None = None) -> T:
        """The reply to a call, as a record that may leave out fields of it.

        Asked again while the hub does not answer: what was asked may have been done then.

        Args:
            request: of a call.
            kind: of the reply.
            key: whose it is; None to ask as a guest.

        Raises:
            DendroError: the hub refused it, in the contract's words.
            HubFault: the hub failed at it.
            HubUnreachable: the hub does not answer, or is none of the contract.
        """
        name = call_name(type(request))
        headers = {"content-type": "application/json", "accept-encoding": "gzip"}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        body = _encode(request)
        reply = self.wire.patiently(lambda: self._answer(name, headers, body))
        try:
            return msgspec.json.decode(reply.content, type=kind)
        except ValueError as error:
            raise self._no_hub(name, reply) from error

    def _answer(self, name: str, headers: Mapping[str, str], body: bytes) -> httpx.Response:
        url = f"{self.wire.base_url}/api/{name}"
        reply = self.wire.send("POST", url, headers=headers, body=body)
        status = reply.status_code
        if status == 200:
            return reply
        try:
            message = _fault.decode(reply.content).error
        except ValueError:
            message = ""
        if status in _BUSY:
            busy = HubFault if status == 500 and message else HubBusy
            raise busy(
                f"The hub at {self.wire.base_url} cannot answer {name} now: {message or status}"
            )
        if not message:
            raise self._no_hub(name, reply)
        kind = _BY_STATUS.get(status, errors.InvalidRequest)
        if kind is errors.NotAuthenticated and "not allowed" in message:
            kind = errors.NotAllowed  # the contract has one status for who one is and what one may
        if kind is errors.NotAuthenticated:
            message = (
                f"The hub at {self.wire.base_url} does not take the key: {message.rstrip('.')}. "
                f"{self._how_to_key}".rstrip()
            )
        raise kind(message)

    def _no_hub(self, name: str, reply: httpx.Response) -> NotAHub:
        kind = reply.headers.get("content-type", "no content type").partition(";")[0]
        return NotAHub(
            f"What is at {self.wire.base_url} is no Dendro hub that can be understood: {name} is "
            f"answered with status {reply.status_code} and {kind}. Check the address."
        )
