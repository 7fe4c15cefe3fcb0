"""``/account``: who is logged in, their API keys, and what their jobs have used."""

from litestar import Controller, Response, get, post
from litestar.params import FromPath

from dendro_local.errors import NotAuthenticated
from dendro_local.server.accounts import account_facts
from dendro_local.server.pages.rendering import page, redirect
from dendro_local.server.sessions import expired_cookie, session_user
from dendro_local.server.v1.asking import Asked

__all__ = ["AccountPages"]


class AccountPages(Controller):
    """What users see and change of themselves."""

    path = "/account"

    @get("/")
    async def account(self, asked: Asked) -> Response[bytes]:
        """The page."""
        user_id = session_user(asked.site, asked.request.scope)
        return redirect("/login") if user_id is None else await _account(asked, user_id)

    @post("/keys", status_code=200)
    async def add_key(self, asked: Asked) -> Response[bytes]:
        """Make a key; it is shown this once."""
        user_id = _user_id(asked)
        label = str((await asked.request.form()).get("label", "")).strip()
        _, key = await asked.in_thread(asked.hub.add_api_key, user_id, label)
        return await _account(asked, user_id, new_key=key)

    @post("/regenerate", status_code=200)
    async def regenerate(self, asked: Asked) -> Response[bytes]:
        """Make a key that takes the place of all others; it is shown this once."""
        user_id = _user_id(asked)
        key = await asked.in_thread(asked.hub.reset_api_key, user_id)
        return await _account(asked, user_id, new_key=key)

    @post("/keys/{key_id:str}/revoke")
    async def revoke_key(self, asked: Asked, key_id: FromPath[str]) -> Response[bytes]:
        """Take a key out of use."""
        await asked.in_thread(asked.hub.revoke_api_key, _user_id(asked), key_id)
        return redirect("/account")

    @post("/logout")
    async def logout(self, asked: Asked) -> Response[bytes]:
        """Log out every browser of the user."""
        await asked.in_thread(asked.hub.end_sessions, _user_id(asked))
        return redirect("/", expired_cookie(asked.site))


def _user_id(asked: Asked) -> str:
    """Who is logged in and sends a form of this page."""
    found = session_user(asked.site, asked.request.scope)
    if found is None:
        raise NotAuthenticated("You are not logged in any more.")
    return found


async def _account(asked: Asked, user_id: str, new_key: str | None = None) -> Response[bytes]:
    facts = await asked.in_thread(account_facts, asked.hub, user_id)
    return page(asked.request, "account.html", account=facts, new_key=new_key, base_url=asked.base)
