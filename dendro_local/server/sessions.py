"""The cookie by which a browser is known, and when it counts.

Cookies are sent with every request to a host, whichever port it is for and whichever page makes it.
So the name of the cookie has the hub's port in it, and a request that changes something counts as
the user's only if a page of the hub itself made it: browsers say so, and no page can make them say
it falsely (https://www.w3.org/TR/fetch-metadata/). Whoever shows an API key needs none of this,
since no browser sends one by itself.
"""

from litestar.datastructures import Cookie
from litestar.types import HTTPScope

from dendro_local.local_hub.sessions import SESSION_SEC
from dendro_local.server.messages import header
from dendro_local.server.site import Site

__all__ = [
    "SAFE_METHODS",
    "cookie_name",
    "cookie_of",
    "expired_cookie",
    "is_safe",
    "new_cookie",
    "session_cookie",
    "session_token",
    "session_user",
]

SESSION = "session"
"""The purpose of the cookie by which a user is known."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def session_user(site: Site, scope: HTTPScope) -> str | None:
    """The user who is logged in in the browser that sends a request; None if nobody is.

    None too for a request that changes something, unless a page of the hub makes it.
    """
    token = session_token(site, scope)
    if token is None or not is_safe(site, scope):
        return None
    return site.hub.user_of_session(token)


def session_token(site: Site, scope: HTTPScope) -> str | None:
    """The token in the cookie of a request, whether or not it is anybody's."""
    return cookie_of(scope, cookie_name(site, SESSION))


def is_safe(site: Site, scope: HTTPScope) -> bool:
    """Whether a request changes nothing, or is made by a page of the hub."""
    return scope["method"] in SAFE_METHODS or _is_from_own_page(site, scope)


def session_cookie(site: Site, token: str) -> Cookie:
    """What lets a browser be known by a session."""
    return new_cookie(site, SESSION, token, max_age_sec=SESSION_SEC)


def new_cookie(site: Site, purpose: str, value: str, *, max_age_sec: float) -> Cookie:
    """A cookie that no script can read.

    It comes along when a page of another site leads here, as after a login elsewhere, but not when
    such a page sends something.
    """
    return Cookie(
        key=cookie_name(site, purpose),
        value=value,
        max_age=int(max_age_sec),
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_secure(site),
    )


def expired_cookie(site: Site, purpose: str = SESSION) -> Cookie:
    """What lets a browser forget a cookie."""
    return new_cookie(site, purpose, "", max_age_sec=0)


def cookie_name(site: Site, purpose: str) -> str:
    """How the cookie of a purpose is called."""
    # Under the prefix, no other host of the same site can have set it.
    prefix = "__Host-" if _is_secure(site) else ""
    return f"{prefix}dendro-{purpose}-{site.port}"


def cookie_of(scope: HTTPScope, name: str) -> str | None:
    """The value of a cookie of a request."""
    for each in (header(scope, b"cookie") or "").split(";"):
        key, _, value = each.strip().partition("=")
        if key == name and value:
            return value
    return None


def _is_from_own_page(site: Site, scope: HTTPScope) -> bool:
    """Whether a browser says that a page of the hub makes this request."""
    fetch_site = header(scope, b"sec-fetch-site")
    if fetch_site is not None:
        return fetch_site == "same-origin"
    # Browsers do not say it to a hub that is reached by http and a name other than localhost.
    origin = header(scope, b"origin")
    return origin is not None and origin in (site.base_url, site.base_of(scope))


def _is_secure(site: Site) -> bool:
    return site.base_url.startswith("https:")
