"""Where a hub says that it is served, to whoever asks."""

import asyncio
from typing import Any, cast

import pytest
from litestar.types import HTTPScope

from dendro_local.local_hub import LocalHub
from dendro_local.server.site import Site

PUBLIC = "https://hub.example.org"
OWN_PORT = 61423


def asked_at(host: str) -> HTTPScope:
    """A request under this name."""
    scope: dict[str, Any] = {
        "type": "http",
        "headers": [(b"host", host.encode())],
        "server": ("127.0.0.1", OWN_PORT),
    }
    return cast("HTTPScope", scope)


@pytest.mark.parametrize(
    ("base_url", "host", "base"),
    [
        (PUBLIC, "hub.example.org", PUBLIC),
        (PUBLIC, "other.example.org", "https://other.example.org"),
        (PUBLIC, f"192.0.2.1:{OWN_PORT}", f"http://192.0.2.1:{OWN_PORT}"),
        ("http://hub.test", "far.test", "http://far.test"),
    ],
)
def test_urls_begin_as_the_hub_was_reached(
    hub: LocalHub, base_url: str, host: str, base: str
) -> None:
    site = Site(hub, base_url=base_url)

    assert site.base_of(asked_at(host)) == base

    site.close()


def test_the_store_is_looked_at_once_in_a_turn_of_the_loop(hub: LocalHub) -> None:
    site = Site(hub, base_url=PUBLIC)

    async def look() -> None:
        first = site.version()
        with hub.store.transaction():
            hub.store.set_meta("a", "b")
        assert site.version() is first
        await asyncio.sleep(0)
        assert site.version() is not first

    asyncio.run(look())
    site.close()
