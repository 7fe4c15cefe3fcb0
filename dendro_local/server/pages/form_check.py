"""Forms that only a page of this hub can send, from the browser that it was shown in.

Browsers say which page sends a form, which is checked first. Beside it, every form carries a token
that no other site can know: it is made of the browser's session, or, where nobody is logged in, of
a value that the browser was given for this. It is another each time, so that nothing about it can
be told from the length of compressed pages (https://breachattack.com).
"""

import hashlib
import hmac

from litestar.datastructures import Cookie
from litestar.exceptions import PermissionDeniedException
from litestar.types import HTTPScope

from dendro_local.errors import NotAuthenticated
from dendro_local.random_ids import random_token
from dendro_local.server.sessions import (
    SAFE_METHODS,
    cookie_name,
    cookie_of,
    is_safe,
    new_cookie,
    session_token,
)
from dendro_local.server.site import Site
from dendro_local.server.v1.asking import AnyRequest

__all__ = ["FIELD", "FormToken", "HEADER", "check_form", "check_script"]

FIELD = "csrf"
"""The field of a form that holds its token."""

HEADER = "x-csrf-token"
"""The header that holds it where a script sends the form."""

BROWSER = "browser"
"""The purpose of the cookie of browsers in which nobody is logged in."""

BROWSER_SEC = 30 * 86_400.0
SALT_LENGTH = 16


class FormToken:
    """The token of the forms of one page, made when it is first asked for.

    Args:
        site: the server.
        scope: of the request for the page.
    """

    def __init__(self, site: Site, scope: HTTPScope) -> None:
        self._site = site
        self._scope = scope
        self._text: str | None = None
        self.cookie: Cookie | None = None
        """What the browser has to be given for the token to be good; None if nothing."""

    def __str__(self) -> str:
        if self._text is None:
            browser = _browser(self._site, self._scope)
            if browser is None:
                value = random_token(SALT_LENGTH)
                self.cookie = new_cookie(self._site, BROWSER, value, max_age_sec=BROWSER_SEC)
                browser = f"{BROWSER} {value}"
            salt = random_token(SALT_LENGTH // 2)
            self._text = salt + _mark(self._site, browser, salt)
        return self._text


async def check_script(request: AnyRequest) -> None:
    """As `check_form`, of what a script sends, whose body is no form and may be long.

    Raises:
        PermissionDeniedException: also if the token is in no header: the body is not looked at.
    """
    if HEADER not in request.headers:
        raise PermissionDeniedException("This was not sent by a page of this hub")
    await check_form(request)


async def check_form(request: AnyRequest) -> None:
    """Refuse what a page of another site may have sent; to be called before any page's route.

    Raises:
        PermissionDeniedException: it was sent by another site, or the form is too old.
        NotAuthenticated: the form is of somebody who is not logged in any more.
    """
    scope: HTTPScope = request.scope
    if scope["method"] in SAFE_METHODS:
        return
    site: Site = request.app.state["site"]
    if not is_safe(site, scope):
        raise PermissionDeniedException("This form was not sent by a page of this hub")
    token = request.headers.get(HEADER)
    if token is None:
        token = str((await request.form()).get(FIELD, ""))
    browser = _browser(site, scope)
    if browser is not None and _is_of(site, browser, token):
        return
    if session_token(site, scope) is None:
        raise NotAuthenticated(
            "You are not logged in any more, or your browser keeps no cookies. Log in, and send "
            "the form again."
        )
    raise PermissionDeniedException(
        "This form is too old, and nothing was changed. Load its page again and send it from there"
    )


def _browser(site: Site, scope: HTTPScope) -> str | None:
    """By what a browser is known; None if it is not."""
    session = session_token(site, scope)
    if session is not None:
        return f"session {session}"
    value = cookie_of(scope, cookie_name(site, BROWSER))
    return None if value is None else f"{BROWSER} {value}"


def _is_of(site: Site, browser: str, token: str) -> bool:
    salt, mark = token[:SALT_LENGTH], token[SALT_LENGTH:]
    return hmac.compare_digest(_mark(site, browser, salt).encode(), mark.encode())


def _mark(site: Site, browser: str, salt: str) -> str:
    key = site.hub.store.key.derive("forms of pages")
    return hmac.new(key, f"{salt} {browser}".encode(), hashlib.sha256).hexdigest()
