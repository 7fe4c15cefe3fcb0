"""What a call of the contract is: a kind of request and the function that answers it."""

from collections.abc import Callable, Mapping
from typing import Generic, TypeAlias, TypeVar

from litestar.types import HTTPScope

from dendro_local.contract import Request, RequestDecoder, call_name
from dendro_local.local_hub import Uncached
from dendro_local.server.site import Site
from dendro_local.server.urls import Urls

__all__ = ["Asked", "Call", "Refusal", "Reply"]

Reply: TypeAlias = Mapping[str, object]
"""The fields of a reply beside its ``type``."""

R = TypeVar("R", bound=Request)


class Refusal(Exception):
    """A request that is answered with an error. Raised with the status and the message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Asked:
    """Who asks, and where: what a call needs beside its request.

    Args:
        site: the server.
        key: the token of the request, whatever it is for.
        scope: the request.
    """

    __slots__ = ("hub", "key", "scope", "site", "uncached", "urls")

    def __init__(self, site: Site, key: str | None, scope: HTTPScope) -> None:
        self.site = site
        self.hub = site.hub
        self.urls = Urls(site.base_of(scope), site.bases)
        self.key = key
        self.scope = scope
        self.uncached: Uncached | None = None
        """Set where it was looked for a job in the cache, and none was found."""


class Call(Generic[R]):
    """A call of the contract.

    Args:
        kind: its requests.
        answer: gives the reply, or raises `Refusal` or an error of the hub. It may wait for the
            disk: it is called in a thread.
        answer_at_once: gives the reply if that takes well under a millisecond, else None. It is
            called on the event loop, where a thread would cost more than the answer.
    """

    def __init__(
        self,
        kind: type[R],
        answer: Callable[[Asked, R], Reply] | None = None,
        *,
        answer_at_once: Callable[[Asked, R], Reply | None] | None = None,
    ) -> None:
        self.name = call_name(kind)
        self.answer = answer
        self.answer_at_once = answer_at_once
        self.decode = RequestDecoder(kind).decode
