"""Hubs that are served on a port, and those who ask them over the network."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dendro_local.cli.compute_client_file import new_compute_client_file
from dendro_local.errors import Conflict
from dendro_local.local_hub import LocalHub
from dendro_local.remote_hub import RemoteHub, live_logs
from dendro_local.server.serving import Server, ServerOptions

__all__ = ["LiveHub", "asking", "register_client", "served"]

LIMIT_SEC = 60.0
"""Whatever is waited for takes far less, on a machine that has other work too."""


class LiveHub:
    """A hub that a thread of this process serves.

    Args:
        hub: over its store.
        port: 0 for any; or that of one before.
    """

    def __init__(self, hub: LocalHub, *, port: int = 0) -> None:
        self.hub = hub
        self._server = _server(hub, port)
        self.url = self._server.url
        self.port = self._server.port
        self.site = self._server.site
        has_started = threading.Event()
        self._thread = threading.Thread(target=self._server.run, args=(has_started.set,))
        self._thread.start()
        assert has_started.wait(LIMIT_SEC)

    def stop(self) -> None:
        """End the server."""
        self._server.stop()
        self._thread.join(LIMIT_SEC)
        assert not self._thread.is_alive()


def _server(hub: LocalHub, port: int) -> Server:
    """A server on a port, also if a connection of somebody else has just been given that port."""
    ends_at = time.monotonic() + LIMIT_SEC
    while True:
        try:
            return Server(hub, ServerOptions(port=port))
        except Conflict:
            if port == 0 or time.monotonic() > ends_at:
                raise
        time.sleep(0.05)


@contextmanager
def served(hub: LocalHub) -> Iterator[LiveHub]:
    """A block in which a hub is served."""
    live = LiveHub(hub)
    try:
        yield live
    finally:
        live.stop()


def register_client(
    hub: LocalHub, folder: Path, *, name: str = "far", services: tuple[str, ...] | None = None
) -> str:
    """Register a compute client with its file in a folder; its id."""
    names = services or tuple(each.serviceName for each in hub.services())
    folder.mkdir(parents=True, exist_ok=True)
    with new_compute_client_file(folder) as file:
        client, key = hub.register_compute_client(hub.user_id, name, names)
        file.write(client, key)
    return client.computeClientId


@contextmanager
def asking(
    live: LiveHub, folder: Path, monkeypatch: pytest.MonkeyPatch, *, url: str | None = None
) -> Iterator[RemoteHub]:
    """A block in which a hub is asked by its user, who is elsewhere, with a folder of their own.

    Variables are set as on their machine, where a compute client is registered too.

    Args:
        live: the hub.
        folder: on their machine.
        monkeypatch: sets the variables.
        url: by which they reach it; by default its own.
    """
    _, key = live.hub.add_api_key(live.hub.user_id, "far")
    monkeypatch.setenv("DENDRO_API_KEY", key)
    register_client(live.hub, folder / "client")
    file = folder / "client" / "dendro-compute-client.yaml"
    monkeypatch.setenv("DENDRO_COMPUTE_CLIENT_FILE", str(file))
    monkeypatch.setattr(live_logs, "SEND_SEC", 0.05)  # nobody is to wait for it
    hub = RemoteHub(url or live.url, folder)
    try:
        yield hub
    finally:
        hub.close()
