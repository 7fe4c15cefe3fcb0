"""HTML from templates, with what every page has: who is logged in, and strict headers."""

import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litestar import Response
from litestar.datastructures import Cookie

from dendro_local import __version__
from dendro_local.errors import StoreError
from dendro_local.server.pages import quantities
from dendro_local.server.pages.form_check import FIELD, FormToken
from dendro_local.server.pages.packing import packed, takes_gzip
from dendro_local.server.pages.static import static_address
from dendro_local.server.sessions import session_user
from dendro_local.server.site import Site
from dendro_local.server.v1.asking import AnyRequest
from dendro_local.shown_quantities import show_duration, show_size

if TYPE_CHECKING:
    import jinja2

__all__ = ["page", "redirect"]

HTML = "text/html"

TEMPLATES = Path(__file__).parents[1] / "templates"

LEAST_PACKED_BYTES = 1_000

HEADERS = {
    # All that a page runs, shows or asks is the hub's own, and nothing is sent to anywhere else.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # Not less: browsers then hide where a form is sent from, and it is refused.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
    "vary": "accept-encoding, hx-request",
}


def page(
    request: AnyRequest, template: str, *, status: int = 200, **values: object
) -> Response[bytes]:
    """A page; or, for a script of a page that is shown already, what is in its ``<main>``.

    Args:
        request: of whoever asks for it.
        template: the name of its file. It extends ``layout``.
        status: of the reply.
        values: what the template shows, beside ``status``, ``user_id`` of whoever is logged in,
            ``path`` of the request, ``now_sec`` since the Unix epoch, ``version``, ``is_public``,
            whether one can log in by GitHub, ``layout``, and ``is_fragment``, whether a script
            asks.
    """
    site: Site = request.app.state["site"]
    is_fragment = _is_fragment(request)
    form_token = FormToken(site, request.scope)
    html = (
        _templates()
        .get_template(template)
        .render(
            status=status,
            user_id=_user_id(site, request),
            path=request.url.path,
            now_sec=time.time(),
            version=__version__,
            is_public=site.github is not None,
            layout="_fragment.html" if is_fragment else "base.html",
            is_fragment=is_fragment,
            form_token=form_token,
            **values,
        )
    )
    content, headers = html.encode(), HEADERS
    if len(content) >= LEAST_PACKED_BYTES and takes_gzip(request.scope):
        content, headers = packed(content), {**HEADERS, "content-encoding": "gzip"}
    cookies = [] if form_token.cookie is None else [form_token.cookie]
    return Response(content, status_code=status, media_type=HTML, headers=headers, cookies=cookies)


def redirect(url: str, *cookies: Cookie) -> Response[bytes]:
    """Lead a browser to another page, with cookies."""
    headers = {**HEADERS, "location": url}
    return Response(b"", status_code=303, media_type=HTML, headers=headers, cookies=cookies)


def _is_fragment(request: AnyRequest) -> bool:
    """Whether htmx asks, for a part of a page that is shown; not for a page to go back to."""
    headers = request.headers
    return "hx-request" in headers and "hx-history-restore-request" not in headers


def _user_id(site: Site, request: AnyRequest) -> str | None:
    try:
        return session_user(site, request.scope)
    except StoreError:
        return None  # the page may be the one that tells of it


@functools.cache
def _templates() -> "jinja2.Environment":
    import jinja2  # only where there is somebody to see it
    import markupsafe

    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    @jinja2.pass_context
    def csrf(context: jinja2.runtime.Context) -> markupsafe.Markup:
        field = markupsafe.Markup('<input type="hidden" name="{}" value="{}">')
        return field.format(FIELD, str(context["form_token"]))

    def prose(text: str) -> markupsafe.Markup:
        plain, *more = text.split("`")
        if len(more) % 2:
            return markupsafe.escape(text)
        code = markupsafe.Markup("<code>{}</code>{}")
        pairs = zip(more[::2], more[1::2], strict=True)
        return markupsafe.escape(plain) + markupsafe.Markup("").join(
            code.format(command, rest) for command, rest in pairs
        )

    found.filters |= {
        "count": quantities.count,
        "duration": show_duration,
        "first_line": quantities.first_line,
        "moment": quantities.moment,
        "moment_iso": quantities.moment_iso,
        "prose": prose,
        "size": show_size,
    }
    tests: dict[str, Any] = found.tests  # Jinja2 gives them, and what follows, types too narrow
    tests["safe_link"] = quantities.is_safe_link
    shared: dict[str, Any] = found.globals
    shared |= {"csrf": csrf, "static": static_address}
    shared["ui"] = found.get_template("_macros.html").module
    return found
