"""The routes as a table in the docs, from the routes themselves."""

from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Litestar
from litestar.di import Provide

from dendro_local.server.health import healthz, readyz
from dendro_local.server.metrics import metrics
from dendro_local.server.v1.openapi import described, openapi_config
from dendro_local.server.v1.routes import v1_routes

__all__ = ["description", "route_table"]


def route_table() -> str:
    """Every route in Markdown, with its summary and whether it needs a key."""
    rows = ["| route | what it does | key |", "| --- | --- | --- |"]
    rows += [
        f"| `{method.upper()} {path}` | {operation['summary']} | "
        f"{'needed' if operation.get('security') else ''} |"
        for path, method, operation in sorted(_operations())
    ]
    return "\n".join(rows)


_NEEDED = ("asked", "figures", "news", "readiness", "server_metrics")


def description() -> dict[str, Any]:
    """The OpenAPI description of the routes, without a hub that has them."""
    app = Litestar(
        [*v1_routes(), healthz, readyz, metrics],
        # They are only described here, and nobody asks them anything.
        dependencies={name: Provide(lambda: None, sync_to_thread=False) for name in _NEEDED},
        openapi_config=openapi_config(),
        logging_config=None,
    )
    found: dict[str, Any] = msgspec.json.decode(described(app))
    return found


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in description()["paths"].items():
        for method, operation in item.items():
            yield path, method, operation
