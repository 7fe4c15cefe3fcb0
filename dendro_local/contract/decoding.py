"""Requests from JSON text, with the freedoms that JSON.parse takes."""

import json
from typing import Generic, NoReturn, TypeVar

import msgspec

from dendro_local.contract.request import Request

__all__ = ["RequestDecoder"]

R = TypeVar("R", bound=Request)

LENIENT_BYTES = 1 << 20
"""Longer bodies are taken as msgspec takes them: all of them as a tree would be ten times as long,
and nobody else is answered while it is made."""

EXACT = 2**53
"""Below it a double tells every whole number from its neighbours."""


class _OfNoCall(Request, frozen=True, kw_only=True, tag=""):
    """Beside this a request must say its type: msgspec takes it as given where there is one."""


class RequestDecoder(Generic[R]):
    """Decodes one kind of request."""

    def __init__(self, kind: type[R]) -> None:
        self._kind = kind
        self._decoder: msgspec.json.Decoder[R | _OfNoCall] = msgspec.json.Decoder(kind | _OfNoCall)

    def decode(self, body: bytes) -> R:
        """The request in a body.

        Raises:
            ValueError: it is not one; what is wrong may hold parts of the body.
        """
        try:
            return self._decoded(body)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error

    def _decoded(self, body: bytes) -> R:
        try:
            request: R | _OfNoCall = self._decoder.decode(body)
        except ValueError:
            if len(body) > LENIENT_BYTES:
                raise
            # JSON.parse also takes what msgspec does not: 1.0 for a whole number, 1e400, half a
            # surrogate pair, and a key twice, of which the last counts.
            tree = json.loads(
                body,
                parse_int=_parse_int,
                parse_float=_parse_float,
                parse_constant=_refuse_constant,
            )
            request = msgspec.convert(tree, self._kind | _OfNoCall)
        if isinstance(request, _OfNoCall):
            raise ValueError("it is of no call")
        return request


def _parse_int(digits: str) -> float:
    # That many digits are infinity as a double, and int() refuses some thousands of them.
    return int(digits) if len(digits) < 400 else float(digits)


def _parse_float(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < EXACT else number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it has no {name}")
