"""A hub, and somebody elsewhere who asks it over a network that may break."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dendro_local.hub import Hub
from dendro_local.local_hub import LocalHub
from dendro_local.remote_hub import RemoteHub
from dendro_local.remote_hub.transport import Transport
from tests.client.conftest import submit  # noqa: F401 - a fixture
from tests.hub.conftest import Worker, counting, greeting, local_hub  # noqa: F401 - fixtures
from tests.live_hub import LiveHub, asking, served
from tests.remote_hub.proxy import Proxy

TransportMaker = Callable[..., Transport]


@pytest.fixture
def live(local_hub: LocalHub) -> Iterator[LiveHub]:  # noqa: F811 - a fixture
    """The hub over the fresh store, served."""
    with served(local_hub) as live:
        yield live


@pytest.fixture
def network(live: LiveHub) -> Iterator[Proxy]:
    """What lies between the hub and whoever asks it."""
    network = Proxy(live.port)
    yield network
    network.close()


@pytest.fixture
def hub(
    live: LiveHub, network: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RemoteHub]:
    """The hub as its user asks it from another machine."""
    with asking(live, tmp_path / "far", monkeypatch, url=network.url) as hub:
        yield hub


@pytest.fixture
def worker(hub: Hub, tmp_path: Path) -> Worker:
    """A compute client on the other machine, whose steps a test takes one by one."""
    return Worker(hub, tmp_path / "worker")


@pytest.fixture
def open_transport() -> Iterator[TransportMaker]:
    """A transport that is closed with the test: ``open_transport(url, key, patience_sec=0)``."""
    opened: list[Transport] = []

    def make(url: str, key: str | None = None, **more: Any) -> Transport:
        opened.append(Transport(url, key, **more))
        return opened[-1]

    yield make
    for each in opened:
        each.close()
