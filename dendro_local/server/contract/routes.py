"""The way of a request of the contract: method, shape, answer."""

import logging
from collections.abc import Collection
from typing import Any

import msgspec
from litestar.types import HTTPScope, Receive, Send

from dendro_local.errors import DendroError, QuotaExceeded
from dendro_local.server.contract import compute_clients, jobs, running, services, uploads, users
from dendro_local.server.contract.call import Asked, Call, Refusal
from dendro_local.server.messages import (
    BodyTooLarge,
    ClientGone,
    Headers,
    header,
    read_body,
    retry_after,
    send_reply,
)
from dendro_local.server.site import Site
from dendro_local.server.words import words_for_others

__all__ = ["ContractRoutes"]

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 8 << 20
"""The longest request is a definition with very many inputs."""

MODULES = (jobs, running, uploads, users, services, compute_clients)

_JSON = (b"content-type", b"application/json; charset=utf-8")
_encode = msgspec.json.Encoder().encode


class ContractRoutes:
    """Answers ``/api/NAME``.

    Raw ASGI: a framework's own way costs a cache hit more than the hit itself.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._calls: dict[str, Call[Any]] = {
            call.name: call for module in MODULES for call in module.CALLS
        }

    @property
    def names(self) -> Collection[str]:
        """The names of the calls."""
        return self._calls.keys()

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        more: Headers = ()
        try:
            status, body = await self._answer(scope, receive)
        except ClientGone:
            return
        except BodyTooLarge:
            most = f"Request is too large: it may have {MAX_BODY_BYTES:,} bytes"
            status, body = 413, _encode({"error": most})
        except QuotaExceeded as error:
            status, body = error.http_status, _encode({"error": str(error)})
            more = retry_after(error)
        await send_reply(send, status, body, (_JSON, *more))

    async def _answer(self, scope: HTTPScope, receive: Receive) -> tuple[int, bytes]:
        name = scope["path"].strip("/")
        call = self._calls.get(name)
        if call is None:
            return 404, _encode({"error": f"There is no call {name!r} in the Dendro contract"})
        method = scope["method"]
        if method == "OPTIONS":
            return 200, b""
        if method != "POST":
            return 405, _encode({"error": "Method not allowed"})
        try:
            request = call.decode(await read_body(receive, MAX_BODY_BYTES))
        except ValueError:
            return 400, _encode({"error": "Invalid request"})
        asked = Asked(self._site, _token(scope), scope)
        try:
            reply = None if call.answer_at_once is None else call.answer_at_once(asked, request)
            if reply is None and call.answer is not None:
                reply = await self._site.in_thread(call.answer, asked, request)
        except QuotaExceeded:
            raise
        except (Refusal, DendroError, UnicodeEncodeError) as error:
            return self._refusal(name, error)
        except Exception:
            logger.exception("%s could not be answered", name)
            return 500, _encode({"error": "Internal server error"})
        return 200, _encode({"type": f"{name}Response", **(reply or {})})

    def _refusal(
        self, name: str, error: Refusal | DendroError | UnicodeEncodeError
    ) -> tuple[int, bytes]:
        """The status and body that say why a call could not be answered."""
        if isinstance(error, Refusal):
            return error.status, _encode({"error": str(error)})
        if isinstance(error, UnicodeEncodeError):
            # JSON.parse takes half a surrogate pair, but nothing is stored under such a name.
            return 400, _encode({"error": "Invalid request"})
        if error.http_status >= 500:
            logger.error("%s could not be answered: %s", name, error)
        words = words_for_others(error, self._site.hub)
        return error.http_status, _encode({"error": words})


def _token(scope: HTTPScope) -> str | None:
    """The second word of the authorization: of ``Bearer k``, ``Bearer: k`` and ``Token k``."""
    words = (header(scope, b"authorization") or "").split(" ")
    return words[1] if len(words) > 1 and words[1] else None
