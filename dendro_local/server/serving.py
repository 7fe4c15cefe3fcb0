"""A server from its socket to its end."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import uvicorn
from litestar.types import ASGIApp

from dendro_local.local_hub import LocalHub
from dendro_local.server.app import make_app
from dendro_local.server.encodings import EncodingGuard
from dendro_local.server.hosts import LOOPBACK_NAMES, HostGuard
from dendro_local.server.listening import DEFAULT_PORT, listening_socket
from dendro_local.server.origins import OriginGuard
from dendro_local.server.site import Site
from dendro_local.server.slow_clients import LimitedProtocol, end_slow_clients
from dendro_local.store.server_lock import ServerFacts, ServerLock

if TYPE_CHECKING:
    from dendro_local.server.github import GitHub
    from dendro_local.server.public_mode import PublicMode

__all__ = ["Server", "ServerOptions"]

logger = logging.getLogger(__name__)

END_SEC = 3
"""How long requests that are being answered have when the server ends."""

KEEP_ALIVE_SEC = 30


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a store is served.

    ``host`` is the address to listen on; ``port`` 0 is any that is free. ``public_url`` is where
    others find it, if a proxy stands before it; ``names`` are more host names under which it
    answers. Pages of ``origins`` may use it. ``public``: how strangers are let in; None if they are
    not.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    public_url: str | None = None
    names: Sequence[str] = ()
    origins: Sequence[str] = ()
    public: "PublicMode | None" = None


class Server:
    """Serves a hub. It accepts connections from when it is made, and answers from `serve` on.

    Raises:
        Conflict: the port is in use, or another process serves the store.
        InvalidRequest: the address cannot be used.
    """

    def __init__(self, hub: LocalHub, options: ServerOptions) -> None:
        root = hub.store.folder.root
        self._lock = ServerLock(root)
        try:
            self._listener = listening_socket(options.host, options.port)
        except BaseException:
            self._lock.release()
            raise
        self._loop: asyncio.AbstractEventLoop | None = None
        self.port: int = self._listener.getsockname()[1]
        own_url = f"http://{_shown_host(options.host)}:{self.port}"
        self.url = (options.public_url or own_url).rstrip("/")
        self._lock.tell(ServerFacts(pid=os.getpid(), url=self.url))
        self.site = Site(
            hub,
            base_url=self.url,
            other_bases=[*_local_bases(self.port), *hub.served_at(self.url)],
            github=_github(self.url, options.public),
        )
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                self._guarded(options),
                http=LimitedProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_SEC,
                timeout_graceful_shutdown=END_SEC,
            )
        )

    def run(self, on_started: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`, in this thread.

        Args:
            on_started: called when requests are answered.
        """
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self._serve(on_started))

    def stop(self) -> None:
        """End `run` from another thread or a signal handler. What waits for news ends first."""
        self._uvicorn.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.site.closing.set)

    def _guarded(self, options: ServerOptions) -> ASGIApp:
        """The application with all that stands before it."""
        app: ASGIApp = EncodingGuard(make_app(self.site))
        if options.public is not None:
            # Not imported by a hub of one's own, which has no use for it.
            from dendro_local.server.rate_limits import RateGuard

            app = RateGuard(app, self.site, options.public.rates)
            self.site.hub.limit_users()
        return HostGuard(
            OriginGuard(app, [*options.origins, _origin_of(self.url)]),
            [*options.names, _shown_host(options.host), _host_of(self.url)],
            any_address=options.host not in LOOPBACK_NAMES,
        )

    async def _serve(self, on_started: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        watching = [
            asyncio.ensure_future(end_slow_clients(self._uvicorn.server_state.connections)),
            asyncio.ensure_future(self._tell_started(on_started)),
        ]
        try:
            await self._uvicorn.serve(sockets=[self._listener])
        finally:
            for each in watching:
                each.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            self._loop = None
            self._listener.close()
            self._lock.release()

    async def _tell_started(self, on_started: Callable[[], None]) -> None:
        while not self._uvicorn.started:
            await asyncio.sleep(0.005)
        on_started()


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to whoever started the server."""
        yield


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None  # asyncio's own does as well, with a little more work
    return uvloop.new_event_loop


def _shown_host(host: str) -> str:
    """The name by which a server on this address is reached."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _local_bases(port: int) -> list[str]:
    return [f"http://{name}:{port}" for name in ("127.0.0.1", "localhost")]


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _github(url: str, public: "PublicMode | None") -> "GitHub | None":
    if public is None:
        return None
    from dendro_local.server.github import GitHub
    from dendro_local.server.public_mode import CALLBACK_PATH

    return GitHub(public.github, url + CALLBACK_PATH)
