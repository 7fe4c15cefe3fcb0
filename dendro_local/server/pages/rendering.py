"""HTML from templates, with what every page has: who is logged in, and strict headers."""

import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING

from litestar import Response
from litestar.datastructures import Cookie

from dendro_local import __version__
from dendro_local.errors import StoreError
from dendro_local.server.sessions import session_user
from dendro_local.server.site import Site
from dendro_local.server.v1.asking import AnyRequest

if TYPE_CHECKING:
    import jinja2

__all__ = ["page", "redirect"]

HTML = "text/html"

TEMPLATES = Path(__file__).parents[1] / "templates"

HEADERS = {
    # Nothing but the style sheet is fetched, and nothing is sent to anywhere else.
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # Not less: browsers then hide where a form is sent from, and it is refused.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


def page(
    request: AnyRequest, template: str, *, status: int = 200, **values: object
) -> Response[bytes]:
    """A page.

    Args:
        request: of whoever asks for it.
        template: the name of its file.
        status: of the reply.
        values: what the template shows, beside ``user_id`` of whoever is logged in, ``version``,
            and ``is_public``, whether one can log in by GitHub.
    """
    site: Site = request.app.state["site"]
    html = (
        _templates()
        .get_template(template)
        .render(
            user_id=_user_id(site, request),
            version=__version__,
            is_public=site.github is not None,
            **values,
        )
    )
    return Response(html.encode(), status_code=status, media_type=HTML, headers=HEADERS)


def redirect(url: str, *cookies: Cookie) -> Response[bytes]:
    """Lead a browser to another page, with cookies."""
    headers = {**HEADERS, "location": url}
    return Response(b"", status_code=303, media_type=HTML, headers=headers, cookies=cookies)


def _user_id(site: Site, request: AnyRequest) -> str | None:
    try:
        return session_user(site, request.scope)
    except StoreError:
        return None  # the page may be the one that tells of it


@functools.cache
def _templates() -> "jinja2.Environment":
    import jinja2  # only where there is somebody to see it

    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["moment"] = _moment
    return found


def _moment(timestamp_sec: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(timestamp_sec))
