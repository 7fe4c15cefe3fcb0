"""What a server does by itself now and then while it serves."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from dendro_local.errors import StoreError
from dendro_local.server.site import Site

__all__ = ["upkeep"]

logger = logging.getLogger(__name__)

EVERY_SEC = 30.0


@contextlib.asynccontextmanager
async def upkeep(site: Site) -> AsyncGenerator[None]:
    """A block in which runs that are not heard of are ended, and what they left is removed."""
    hub = site.hub
    # While no server was there, none could be heard of.
    for step in (hub.let_runs_come_back, hub.let_contract_runs_come_back):
        await site.in_thread(step)
    tending = asyncio.ensure_future(_tend(site))
    try:
        yield
    finally:
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)


async def _tend(site: Site) -> None:
    hub = site.hub
    steps = (
        hub.end_lapsed_runs,
        hub.end_lapsed_contract_runs,
        hub.clear_uploads,
        hub.clear_blobs,
    )
    while True:
        for step in steps:
            try:
                await site.in_thread(step)
            except (StoreError, OSError):
                logger.exception("the store could not be kept in order")
        await asyncio.sleep(EVERY_SEC)
