"""What is answered where something cannot be done: always one form, with the right status."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from litestar import Response
from litestar.enums import ParamType
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from dendro_local.errors import DendroError
from dendro_local.server.messages import retry_after
from dendro_local.server.site import Site
from dendro_local.server.v1.asking import AnyRequest
from dendro_local.server.words import words_for_others
from dendro_local.v1 import ErrorBody, ErrorReply

__all__ = ["EXCEPTION_HANDLERS", "KEY_NEEDED", "MEANINGS", "refusals"]

logger = logging.getLogger(__name__)

KEY_NEEDED = ({"apiKey": list[str]()},)
"""The ``security`` of a route that needs a key."""

_CODES = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    503: "not_ready",
}

MEANINGS = {
    400: "The request cannot be understood; the message says what is wrong with which field.",
    401: "The request has no API key, or one that is not in use.",
    403: "The key's user lacks the right to do this.",
    404: "There is nothing of this name.",
    409: "The thing is not in a state in which this can be done.",
    413: "The body is too large.",
    415: "The body is sent in a form that is not taken, such as compressed.",
    429: "The user has as much as one may on this hub, or asks too often.",
    503: "The hub cannot work now; the message says why.",
    507: "No room is left on the disk of the hub.",
}


def refusals(*statuses: int) -> Mapping[int, ResponseSpec]:
    """What a route may be refused with, for its description."""
    return {
        status: ResponseSpec(
            data_container=ErrorReply, description=MEANINGS[status], generate_examples=False
        )
        for status in statuses
    }


def _refused(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response[ErrorReply]:
    return Response(
        ErrorReply(error=ErrorBody(code=code, message=message)),
        status_code=status,
        media_type="application/json",
        headers=headers,
    )


def _of_the_hub(request: AnyRequest, error: DendroError) -> Response[ErrorReply]:
    """The hub cannot or will not do it."""
    site: Site = request.app.state["site"]
    if error.http_status >= 500:
        logger.error("%s %s: %s", request.method, request.url.path, error)
    headers = {name.decode(): value.decode() for name, value in retry_after(error)}
    if error.http_status == 401:
        headers["www-authenticate"] = "Bearer"
    message = words_for_others(error, site.hub)
    return _refused(error.http_status, error.code, message, headers)


def _of_the_framework(request: AnyRequest, error: HTTPException) -> Response[ErrorReply]:
    """The request did not come as far as a route, or not in a form that it takes."""
    status = error.status_code
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        message = "; ".join(_fault(each) for each in error.extra)
    elif status == 404:
        message = f"There is nothing at {request.url.path}. /v1/docs shows what there is."
    elif status == 405:
        message = f"{request.url.path} does not take {request.method}."
    else:
        message = f"{error.detail.rstrip('.')}."
    code = _CODES.get(status, HTTPStatus(status).name.lower())
    return _refused(status, code, message, error.headers)


def _fault(found: Mapping[str, Any]) -> str:
    """One thing that is wrong with a request, with the place where it is."""
    message, key, source = found.get("message", ""), found.get("key"), found.get("source")
    if source == "body":
        if message == "'data'":
            return "The request has no body"
        return f"In the body: {message}" if key == "data" else f"{key}: {message}"
    where = source.value if isinstance(source, ParamType) else "request"
    return f"{where} parameter {key!r}: {message}"


def _too_deep(request: AnyRequest, error: RecursionError) -> Response[ErrorReply]:
    return _refused(400, "invalid_request", "The body is nested too deeply.")


def _no_text(request: AnyRequest, error: UnicodeDecodeError) -> Response[ErrorReply]:
    return _refused(400, "invalid_request", "The body is not in UTF-8.")


def _unforeseen(request: AnyRequest, error: Exception) -> Response[ErrorReply]:
    """A fault of the program."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _refused(500, DendroError.code, "The hub could not do this; its log says why.")


EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[[AnyRequest, Any], Response[Any]]] = {
    DendroError: _of_the_hub,
    HTTPException: _of_the_framework,
    RecursionError: _too_deep,
    UnicodeDecodeError: _no_text,
    Exception: _unforeseen,
}
