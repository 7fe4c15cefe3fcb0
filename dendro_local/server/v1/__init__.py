"""Our own HTTP interface, ``/v1``, by Litestar over the hub. It decides nothing itself."""

from dendro_local.server.v1.asking import asked
from dendro_local.server.v1.openapi import openapi_config
from dendro_local.server.v1.refusals import EXCEPTION_HANDLERS
from dendro_local.server.v1.routes import v1_routes

__all__ = ["EXCEPTION_HANDLERS", "asked", "openapi_config", "v1_routes"]
