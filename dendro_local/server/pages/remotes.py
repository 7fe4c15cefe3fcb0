"""``/remotes``: places to exchange jobs with, what moves, and whom the hub trusts."""

from typing import TYPE_CHECKING
from urllib.parse import quote

from litestar import Controller, Response, get, post
from litestar.params import FromPath

from dendro_local.errors import InvalidRequest
from dendro_local.server.own_remotes import own_remotes
from dendro_local.server.pages.form_fields import Form
from dendro_local.server.pages.remote_forms import (
    changes_of,
    form_of_remote,
    new_remote,
    wanted_exchange,
)
from dendro_local.server.pages.removal import ask_first
from dendro_local.server.pages.rendering import page, redirect
from dendro_local.server.sessions import session_user
from dendro_local.server.v1.asking import Asked, HubRequest
from dendro_local.v1 import RemoteEntry, TrustList

if TYPE_CHECKING:
    from dendro_local.local_hub.elsewhere import Exchanges

__all__ = ["KeyForms", "RemotePages"]


class RemotePages(Controller):
    """Remotes, for the user whose hub it is."""

    path = "/remotes"

    @get("/")
    async def all(self, asked: Asked) -> Response[bytes]:
        """Every remote, forms for another, and the trust list."""
        if session_user(asked.site, asked.request.scope) is None:
            return redirect("/login")
        return await _all(asked)

    @post("/")
    async def add(self, asked: Asked) -> Response[bytes]:
        """Add a remote; what is wrong with it is told beside the form."""
        form = await _form(asked)
        try:
            new = new_remote(form)
            added = await own_remotes(asked, lambda remotes: remotes.add(new))
        except InvalidRequest as error:
            return await _all(asked, form=form, fault=str(error))
        return redirect(_address(added.name))

    @get("/{name:str}")
    async def one(self, asked: Asked, name: FromPath[str]) -> Response[bytes]:
        """One remote: what it is, and what moves."""
        if session_user(asked.site, asked.request.scope) is None:
            return redirect("/login")
        return await _one(asked, name)

    @post("/{name:str}/settings")
    async def change(self, asked: Asked, name: FromPath[str]) -> Response[bytes]:
        """Change how a remote is used; what is wrong with it is told beside the form."""
        form = await _form(asked)
        remote = await own_remotes(asked, lambda remotes: remotes.remote(name))
        try:
            changes = changes_of(form, remote)
            await own_remotes(asked, lambda remotes: remotes.change(name, changes))
        except InvalidRequest as error:
            return await _one(asked, name, form=form, fault=str(error))
        return redirect(_address(name))

    @post("/{name:str}/ask")
    async def ask(self, asked: Asked, name: FromPath[str]) -> Response[bytes]:
        """Ask a remote what it is; its page tells what it said."""
        await own_remotes(asked, lambda remotes: remotes.ask(name))
        return redirect(_address(name))

    @post("/{name:str}/exchange")
    async def exchange(self, asked: Asked, name: FromPath[str]) -> Response[bytes]:
        """Begin an exchange; its page follows it."""
        wanted = wanted_exchange(await _form(asked))
        await own_remotes(asked, lambda remotes: remotes.start(name, wanted))
        return redirect(f"{_address(name)}#exchange")

    @post("/{name:str}/cancel")
    async def cancel(self, asked: Asked, name: FromPath[str]) -> Response[bytes]:
        """End the exchange that is under way."""
        await own_remotes(asked, lambda remotes: remotes.cancel(name))
        return redirect(f"{_address(name)}#exchange")

    @post("/{name:str}/remove", status_code=200)
    async def remove(self, asked: Asked, name: FromPath[str]) -> Response[bytes]:
        """Remove a remote, once that is confirmed."""
        remote = await own_remotes(asked, lambda remotes: remotes.remote(name))
        question = await ask_first(
            asked, _address(name), what=f"remote {name}", consequence=_consequence(remote)
        )
        if question is not None:
            return question
        await own_remotes(asked, lambda remotes: remotes.remove(name))
        return redirect("/remotes")


class KeyForms(Controller):
    """Forms of the trust list."""

    path = "/keys"

    @post("/")
    async def trust(self, asked: Asked) -> Response[bytes]:
        """Trust a key; what is wrong with it is told beside the form."""
        form = await _form(asked)
        name, key = form.get("name", ""), form.get("public_key", "")
        try:
            await own_remotes(asked, lambda remotes: remotes.trust(name, key))
        except InvalidRequest as error:
            return await _all(asked, key_form=form, key_fault=str(error))
        return redirect(_back(form))

    @post("/untrust", status_code=200)
    async def untrust(self, asked: Asked) -> Response[bytes]:
        """Trust a key no more."""
        form = await _form(asked)
        await own_remotes(asked, lambda remotes: remotes.untrust(form.get("key", "")))
        return redirect("/remotes#keys")


NO_FORM: Form = {}


async def _all(
    asked: HubRequest,
    *,
    form: Form = NO_FORM,
    fault: str | None = None,
    key_form: Form = NO_FORM,
    key_fault: str | None = None,
) -> Response[bytes]:
    def found(remotes: "Exchanges") -> tuple[list[RemoteEntry], TrustList]:
        return remotes.remotes(), remotes.trust_list()

    remotes, trust_list = await own_remotes(asked, found)
    return page(
        asked.request,
        "remotes.html",
        status=200 if fault is None and key_fault is None else 400,
        remotes=remotes,
        trust_list=trust_list,
        form=form,
        fault=fault,
        key_form=key_form,
        key_fault=key_fault,
    )


async def _one(
    asked: HubRequest, name: str, *, form: Form | None = None, fault: str | None = None
) -> Response[bytes]:
    remote = await own_remotes(asked, lambda remotes: remotes.remote(name))
    return page(
        asked.request,
        "remote.html",
        status=200 if fault is None else 400,
        remote=remote,
        here=_address(name),
        settings=form_of_remote(remote) if form is None else form,
        fault=fault,
    )


def _address(name: str) -> str:
    return f"/remotes/{quote(name, safe='')}"


async def _form(asked: HubRequest) -> Form:
    sent = await asked.request.form()
    return {name: str(value).strip() for name, value in sent.items()}


def _back(form: Form) -> str:
    """Where a key was trusted: on the page of a remote of this hub, or in the list."""
    name = form.get("remote", "")
    return _address(name) if name else "/remotes#keys"


def _consequence(remote: RemoteEntry) -> str:
    text = "Jobs that came from it stay, and what was pushed stays there."
    if not remote.awaited_files:
        return text
    return (
        f"{remote.awaited_files:,} files of jobs here lie only there, and cannot be read any more "
        f"then: pull with “all at once” and “everything again” to have them first. {text}"
    )
