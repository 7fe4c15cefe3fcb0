"""What every route of one server shares: its hub, where it is served, and threads to wait in."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from urllib.parse import urlsplit

from litestar.types import HTTPScope

from dendro_local.local_hub import LocalHub
from dendro_local.server.shown_jobs import ShownJobs
from dendro_local.server.shown_whys import ShownWhys
from dendro_local.server.threads import Threads
from dendro_local.store import Version

if TYPE_CHECKING:
    from dendro_local.local_hub.elsewhere import Exchanges
    from dendro_local.server.github import GitHub

__all__ = ["Site"]

NUM_THREADS = 8

P = ParamSpec("P")
T = TypeVar("T")


class Site:
    """One hub that is served.

    Args:
        hub: whose jobs these are.
        base_url: where it is served, such as ``http://127.0.0.1:61423``, without a slash at its
            end. URLs that it gives out begin so, unless it is reached by another name.
        other_bases: where else it is or was served, so that URLs with these are its own too.
        github: where strangers log in; None if none are to.
    """

    def __init__(
        self,
        hub: LocalHub,
        *,
        base_url: str,
        other_bases: Sequence[str] = (),
        github: "GitHub | None" = None,
    ) -> None:
        self.hub = hub
        self.base_url = base_url
        self.github = github
        self.port = _port_of(base_url)
        self.bases = list(dict.fromkeys([base_url, *other_bases]))
        self.shown_jobs = ShownJobs()
        self.shown_whys = ShownWhys()
        self.closing = asyncio.Event()
        """Set when the server ends: what waits for news must end too."""
        self._version: Version | None = None
        self._scheme, _, host = base_url.partition("://")
        self._host = host.encode()
        self._threads = Threads(NUM_THREADS, "dendro-server")
        self._lock = threading.Lock()
        self._exchanges: Exchanges | None = None

    def base_of(self, scope: HTTPScope) -> str:
        """Where the hub is served for whoever asks this.

        Whoever reaches it by another of its names, such as from another machine, is given URLs
        that work there. Names that are not its own have been refused before.
        """
        for name, value in scope["headers"]:
            if name == b"host":
                return self.base_url if value == self._host else self._base_at(value, scope)
        return self.base_url

    def _base_at(self, host: bytes, scope: HTTPScope) -> str:
        """Where it is served under another name: by the proxy that stands before it, or itself."""
        own = scope["server"]
        is_itself = own is not None and host.endswith(b":%d" % (own[1] or 0))
        scheme = "http" if is_itself else self._scheme
        return f"{scheme}://{host.decode('latin-1')}"

    def version(self) -> Version | None:
        """The state that the store is in, looked up once for all who ask in this turn of the loop.

        They asked before it was looked up: what comes in is read between two turns. To be called
        on the event loop.
        """
        if self._version is None:
            self._version = self.hub.store.version()
            asyncio.get_running_loop().call_soon(self._end_turn)
        return self._version

    def _end_turn(self) -> None:
        self._version = None

    async def in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what waits for the disk, while others are answered."""
        return await self._threads.call(lambda: call(*args, **kwargs))

    def exchanges(self) -> "Exchanges":
        """The remotes of the hub's store, for its user. To be called where one may wait."""
        with self._lock:
            if self._exchanges is None:
                # Only where somebody looks at them.
                from dendro_local.local_hub.elsewhere import exchanges_of

                self._exchanges = exchanges_of(self.hub)
            return self._exchanges

    def close(self) -> None:
        """Let go of the threads, and end what they have begun."""
        if self._exchanges is not None:
            self._exchanges.close()
        self._threads.close()
        if self.github is not None:
            self.github.close()


def _port_of(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
