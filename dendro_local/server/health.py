"""``/healthz`` and ``/readyz``: whether the server answers, and whether it can work."""

import asyncio
import logging

from litestar import get
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException

from dendro_local.errors import DendroError
from dendro_local.server.site import Site
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.refusals import refusals
from dendro_local.server.words import words_for_others
from dendro_local.v1 import Health

__all__ = ["Readiness", "healthz", "readyz"]

logger = logging.getLogger(__name__)

WRITE_SEC = 3.0
"""A store that cannot be written within this time is not ready."""


class Readiness:
    """Whether the store can be written; asked once for all who ask at the same time."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._asking: asyncio.Task[None] | None = None

    async def fault(self) -> str | None:
        """Why the store cannot be written; None if it can."""
        if self._asking is None or self._asking.done():
            check = self._site.hub.check_writable
            self._asking = asyncio.ensure_future(self._site.in_thread(check))
        try:
            async with asyncio.timeout(WRITE_SEC):
                await asyncio.shield(self._asking)
        except TimeoutError:
            return "The store is locked by another process, or its disk does not answer."
        except DendroError as error:
            logger.warning("the store cannot be written: %s", error)
            return words_for_others(error, self._site.hub)
        return None


@get("/healthz", operation_id="getHealth", tags=["hub"])
async def healthz() -> Health:
    """Whether the server answers."""
    return Health()


@get("/readyz", operation_id="getReadiness", tags=["hub"], responses=refusals(503))
async def readyz(asked: Asked, readiness: NamedDependency[Readiness]) -> Health:
    """Whether the hub can work.

    Whether its store can be written now; if not, why.
    """
    fault = "The hub is being stopped." if asked.site.closing.is_set() else await readiness.fault()
    if fault is not None:
        raise ServiceUnavailableException(fault)
    return Health()
