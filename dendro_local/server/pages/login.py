"""``/login`` and ``/logout``: how a browser comes to be known, and is forgotten.

At a hub of one's own by a link that is good once, which is made where the store is. At a public hub
also by GitHub. What has to be kept of a login meanwhile is kept by the browser, sealed: strangers
who begin logins cost the hub nothing.
"""

import hmac
import time
from typing import NoReturn

import msgspec
from litestar import Controller, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromQuery

from dendro_local.errors import DendroError, NotAuthenticated, StoreDamaged
from dendro_local.random_ids import random_token
from dendro_local.server.pages.rendering import page, redirect
from dendro_local.server.sessions import (
    cookie_name,
    cookie_of,
    expired_cookie,
    new_cookie,
    session_cookie,
    session_token,
)
from dendro_local.server.v1.asking import AnyRequest, Asked

__all__ = ["LoginPages"]

LOGIN = "login"
"""The purpose of the cookie that tells of a login that has begun."""

LOGIN_SEC = 600.0
"""How long somebody may take to log in at GitHub."""

PURPOSE = "login by github"


class _Begun(msgspec.Struct, frozen=True, array_like=True):
    """A login that has begun in this browser."""

    state: str
    verifier: str
    expires_at: float


_begun = msgspec.json.Decoder(_Begun)


class LoginPages(Controller):
    """Logging in and out."""

    @get("/login")
    async def login(self, asked: Asked, token: FromQuery[str | None] = None) -> Response[bytes]:
        """How to log in; or, by a link that is good once, do so."""
        if token is None:
            return page(asked.request, "login.html", message=None)
        try:
            session = await asked.in_thread(asked.hub.begin_session_by, token)
        except NotAuthenticated as error:
            return _refused(asked.request, error)
        return redirect("/", session_cookie(asked.site, session))

    @get("/login/github")
    async def begin(self, asked: Asked) -> Response[bytes]:
        """Lead the browser to GitHub."""
        github = asked.site.github
        if github is None:
            _no_github()
        begun = _Begun(random_token(32), random_token(32), time.time() + LOGIN_SEC)
        sealed = asked.hub.store.key.seal(msgspec.json.encode(begun), PURPOSE).hex()
        cookie = new_cookie(asked.site, LOGIN, sealed, max_age_sec=LOGIN_SEC)
        return redirect(github.address(begun.state, begun.verifier), cookie)

    @get("/login/callback")
    async def end(self, asked: Asked) -> Response[bytes]:
        """Log in who comes back from GitHub."""
        if asked.site.github is None:
            _no_github()
        told = asked.request.query_params
        code = told.get("code")
        try:
            begun = _begun_here(asked, told.get("state", ""))
            if code is None or "error" in told:
                raise NotAuthenticated("GitHub did not log you in, or you did not let it.")
            session = await asked.in_thread(_session, asked, code, begun.verifier)
        except DendroError as refusal:
            return _refused(asked.request, refusal, forget_login=True)
        return redirect("/", session_cookie(asked.site, session), expired_cookie(asked.site, LOGIN))

    @post("/logout")
    async def logout(self, asked: Asked) -> Response[bytes]:
        """Log the browser out."""
        token = session_token(asked.site, asked.request.scope)
        if token is not None:
            await asked.in_thread(asked.hub.end_session, token)
        return redirect("/", expired_cookie(asked.site))


def _begun_here(asked: Asked, state: str) -> _Begun:
    """The login that has begun in the browser that asks, and comes back now.

    Raises:
        NotAuthenticated: there is none, or what comes back is of another.
    """
    sealed = cookie_of(asked.request.scope, cookie_name(asked.site, LOGIN))
    try:
        raw = asked.hub.store.key.unseal(bytes.fromhex(sealed or ""), PURPOSE)
        begun = _begun.decode(raw)
    except (StoreDamaged, ValueError):
        begun = None
    if (
        begun is None
        or begun.expires_at < time.time()
        or not hmac.compare_digest(begun.state.encode(), state.encode())
    ):
        raise NotAuthenticated(
            "This login was not begun in this browser, has ended, or took too long. Begin again."
        )
    return begun


def _session(asked: Asked, code: str, verifier: str) -> str:
    github = asked.site.github
    if github is None:
        _no_github()
    account = github.account_of_code(code, verifier)
    return asked.hub.begin_session_of_account(account.user_id, account.account_id, account.info)


def _refused(
    request: AnyRequest, error: DendroError, *, forget_login: bool = False
) -> Response[bytes]:
    response = page(request, "login.html", status=error.http_status, message=str(error))
    if forget_login:
        cookie = expired_cookie(request.app.state["site"], LOGIN)
        response.cookies.append(cookie)
    return response


def _no_github() -> NoReturn:
    raise NotFoundException("One cannot log in by GitHub at this hub")
