"""All pages, and what is told where one cannot be shown."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from litestar import Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.types import ControllerRouterHandler

from dendro_local.errors import DendroError
from dendro_local.server.fresh_router import FreshRouter
from dendro_local.server.pages.account import AccountPages
from dendro_local.server.pages.apps import AppPages
from dendro_local.server.pages.clients import ClientPages
from dendro_local.server.pages.compare import ComparePages
from dendro_local.server.pages.form_check import check_form
from dendro_local.server.pages.home import home
from dendro_local.server.pages.job import JobPages
from dendro_local.server.pages.jobs_actions import jobs_actions
from dendro_local.server.pages.login import LoginPages
from dendro_local.server.pages.new_job import NewJobPages
from dendro_local.server.pages.previews import previewed_file
from dendro_local.server.pages.remotes import KeyForms, RemotePages
from dendro_local.server.pages.rendering import page
from dendro_local.server.pages.static import static_file
from dendro_local.server.pages.storage import StoragePages
from dendro_local.server.site import Site
from dendro_local.server.v1.asking import AnyRequest
from dendro_local.server.v1.refusals import EXCEPTION_HANDLERS
from dendro_local.server.words import words_for_others

__all__ = ["page_routes", "refusal_of_no_route"]

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 << 10

PAGES: Sequence[ControllerRouterHandler] = (
    AccountPages,
    AppPages,
    ClientPages,
    ComparePages,
    JobPages,
    KeyForms,
    LoginPages,
    NewJobPages,
    RemotePages,
    StoragePages,
    home,
    jobs_actions,
    previewed_file,
    static_file,
)


def page_routes() -> Sequence[ControllerRouterHandler]:
    """The routes."""
    return [
        FreshRouter(
            "/",
            route_handlers=PAGES,
            before_request=check_form,
            exception_handlers={
                DendroError: _of_the_hub,
                HTTPException: _of_the_framework,
                NotFoundException: _of_the_framework,
                Exception: _unforeseen,
            },
            request_max_body_size=MAX_BODY_BYTES,
            include_in_schema=False,
        )
    ]


def refusal_of_no_route(request: AnyRequest, error: HTTPException) -> Response[Any]:
    """What is told of an address that leads nowhere: a page to people, and JSON to programs."""
    if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/"):
        return _of_the_framework(request, error)
    return EXCEPTION_HANDLERS[HTTPException](request, error)


def _of_the_hub(request: AnyRequest, error: DendroError) -> Response[bytes]:
    site: Site = request.app.state["site"]
    message = words_for_others(error, site.hub)
    if error.http_status >= 500:
        logger.error("%s %s: %s", request.method, request.url.path, error)
    return page(request, "refusal.html", status=error.http_status, message=message)


def _unforeseen(request: AnyRequest, error: Exception) -> Response[bytes]:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    message = "The hub could not do this; its log says why."
    return page(request, "refusal.html", status=500, message=message)


def _of_the_framework(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    message = f"{error.detail.rstrip('.')}."
    if isinstance(error, NotFoundException) and error.detail == HTTPStatus.NOT_FOUND.phrase:
        message = f"There is nothing at {request.url.path}."
    elif isinstance(error, MethodNotAllowedException):
        message = "This address is only where a form is sent to."
    return page(request, "refusal.html", status=error.status_code, message=message)
