"""How often strangers may ask a public hub: what stands before every route of one.

Each address has a bucket of requests, and each user, whatever key or browser they use. A long body
that has to be parsed counts as several requests, and so does a key that is nobody's: guessing, or
sending what is long to read, takes as much of a bucket as it takes of the hub. How many requests
of each are open at once is limited too: a stream of events is one for as long as it is followed.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Collection
from ipaddress import IPv6Address, ip_address

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from dendro_local.server.messages import header, refuse
from dendro_local.server.sessions import session_token
from dendro_local.server.site import Site
from dendro_local.server.token_buckets import TokenBuckets

__all__ = ["RateGuard", "Rates", "bucket_of_address"]

BURST_SEC = 20.0
"""For how long's worth of requests may come at once."""

BODY_BYTES = 256 << 10
"""So many bytes to parse count as one request more."""

LONG_BODY_BYTES = 8 << 20
"""As so long a body counts that does not say how long it is."""

COST_OF_UNKNOWN_KEY = 10.0

MOST_AT_ONCE = 100
"""So many requests may be open of each user, and of each address that is nobody's."""

AGAIN_SEC = 5
"""After so long it may be worth to ask again for who has as many requests open as they may."""

KNOWN_SEC = 60.0
"""How long it is kept whose key a request had. For this count alone: rights are looked up anew."""

MOST_KNOWN = 10_000


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests a second are taken in the long run, of each.

    ``proxies`` are the addresses of those that are believed for whom they ask.
    """

    of_user: float
    of_address: float
    proxies: Collection[str]


class RateGuard:
    """Answers who asks too often with 429, and when to ask again.

    Args:
        app: what stands behind it.
        site: the server.
        rates: what is too often.
        clock: tells the time in seconds, and never goes back.
    """

    def __init__(
        self,
        app: ASGIApp,
        site: Site,
        rates: Rates,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._clock = clock
        self._site = site
        self._users = TokenBuckets(rates.of_user, rates.of_user * BURST_SEC)
        self._addresses = TokenBuckets(rates.of_address, rates.of_address * BURST_SEC)
        self._proxies = frozenset(rates.proxies)
        self._buckets: dict[str, str] = {}
        self._known: dict[str, tuple[str | None, float]] = {}
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        now = self._clock()
        cost = _cost(scope)
        address = self._address(scope)
        wait = self._addresses.take(address, now, cost)
        user_id = None if wait else self._user_id(scope, now)
        if user_id is not None and user_id != self._site.hub.user_id:
            wait = self._users.take(user_id, now, cost)
        if wait:
            who = "this address asks" if user_id is None else f"{user_id} asks"
            after = (b"retry-after", b"%d" % math.ceil(wait))
            message = f"Too many requests: {who} more often than this hub answers"
            await refuse(scope, send, 429, "too_many_requests", message, (after,))
            return
        who = address if user_id is None else user_id
        if self._open[who] >= MOST_AT_ONCE and user_id != self._site.hub.user_id:
            message = (
                f"Too many requests at once: this hub answers {MOST_AT_ONCE} of each user at a "
                "time, streams of events among them. End one of them first"
            )
            again = (b"retry-after", b"%d" % AGAIN_SEC)
            await refuse(scope, send, 429, "too_many_requests", message, (again,))
            return
        self._open[who] += 1
        try:
            await self._let_through(scope, receive, send, user_id, address)
        finally:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]

    async def _let_through(
        self, scope: HTTPScope, receive: Receive, send: Send, user_id: str | None, address: str
    ) -> None:
        if user_id is not None or header(scope, b"authorization") is None:
            await self._app(scope, receive, send)
            return
        now = self._clock()

        async def send_counting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._addresses.charge(address, now, COST_OF_UNKNOWN_KEY)
            await send(message)

        await self._app(scope, receive, send_counting)

    def _user_id(self, scope: HTTPScope, now: float) -> str | None:
        """Whose key or session a request has, as it was a moment ago; None if nobody's."""
        authorization = header(scope, b"authorization")
        shown = authorization or session_token(self._site, scope)
        if shown is None:
            return None
        known = self._known.get(shown)
        if known is not None and now - known[1] < KNOWN_SEC:
            return known[0]
        hub = self._site.hub
        if authorization is None:
            user_id = hub.user_of_session(shown)
        else:
            user_id = hub.user_of_key(authorization.partition(" ")[2].strip())
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[shown] = (user_id, now)
        return user_id

    def _address(self, scope: HTTPScope) -> str:
        """The bucket of whoever asks."""
        client = scope["client"]
        address = client[0] if client is not None else ""
        if address in self._proxies:
            for each in reversed((header(scope, b"x-forwarded-for") or "").split(",")):
                if each.strip() and each.strip() not in self._proxies:
                    address = each.strip()
                    break
        bucket = self._buckets.get(address)
        if bucket is None:
            if len(self._buckets) >= MOST_KNOWN:
                self._buckets.clear()
            bucket = self._buckets[address] = bucket_of_address(address)
        return bucket


def bucket_of_address(address: str) -> str:
    """What stands for an address: itself, or its network where one client has a whole one."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 64 << 64))


def _cost(scope: HTTPScope) -> float:
    """As how many requests one counts."""
    if scope["method"] != "POST":
        return 1.0  # it has no body, or one that goes straight to the disk
    if header(scope, b"transfer-encoding") is not None:
        size = LONG_BODY_BYTES
    else:
        size = int(header(scope, b"content-length") or 0)  # a number: the parser has seen to it
    return 1.0 + size // BODY_BYTES
