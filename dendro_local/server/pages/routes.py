"""All pages, and what is told where one cannot be shown."""

from collections.abc import Sequence

from litestar import Response, Router
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler

from dendro_local.errors import DendroError
from dendro_local.server.pages.account import AccountPages
from dendro_local.server.pages.home import home
from dendro_local.server.pages.login import LoginPages
from dendro_local.server.pages.rendering import page
from dendro_local.server.pages.static import static_file
from dendro_local.server.site import Site
from dendro_local.server.v1.asking import AnyRequest
from dendro_local.server.words import words_for_others

__all__ = ["page_routes"]

MAX_BODY_BYTES = 64 << 10


def page_routes() -> Sequence[ControllerRouterHandler]:
    """The routes."""
    return [
        Router(
            "/",
            route_handlers=[home, LoginPages, AccountPages, static_file],
            exception_handlers={
                DendroError: _of_the_hub,
                HTTPException: _of_the_framework,
            },
            request_max_body_size=MAX_BODY_BYTES,
            include_in_schema=False,
        )
    ]


def _of_the_hub(request: AnyRequest, error: DendroError) -> Response[bytes]:
    site: Site = request.app.state["site"]
    message = words_for_others(error, site.hub)
    return page(request, "refusal.html", status=error.http_status, message=message)


def _of_the_framework(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    message = f"{error.detail.rstrip('.')}."
    return page(request, "refusal.html", status=error.status_code, message=message)
