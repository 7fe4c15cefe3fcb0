"""``/v1/remotes`` and ``/v1/keys``: places to exchange jobs with, and whom the hub trusts."""

from litestar import Controller, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from dendro_local.errors import NotFound
from dendro_local.server.own_remotes import own_remotes
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.v1 import (
    ChangedRemote,
    Exchange,
    NewExchange,
    NewRemote,
    NewTrustedKey,
    RemoteEntry,
    RemoteList,
    TrustedKey,
    TrustList,
)

__all__ = ["Keys", "Remotes"]


class Remotes(Controller):
    """Places to exchange jobs with; for the user whose hub it is."""

    path = "/remotes"
    tags = ("remotes",)
    security = KEY_NEEDED

    @get("/", operation_id="getRemotes", responses=refusals(401, 403))
    async def all(self, asked: Asked) -> RemoteList:
        """List remotes.

        Every remote, by name, with what is known of it here. None is asked.
        """
        return RemoteList(remotes=await own_remotes(asked, lambda remotes: remotes.remotes()))

    @post("/", status_code=200, operation_id="addRemote", responses=refusals(400, 401, 403, 413))
    async def add(self, asked: Asked, data: JSONBody[NewRemote]) -> RemoteEntry:
        """Add a remote.

        Unless it is told of which kind it is, it is asked, and must answer within some seconds.
        """
        return await own_remotes(asked, lambda remotes: remotes.add(data))

    @get("/{remote:str}", operation_id="getRemote", responses=refusals(401, 403, 404))
    async def one(self, asked: Asked, remote: FromPath[str]) -> RemoteEntry:
        """One remote."""
        return await own_remotes(asked, lambda remotes: remotes.remote(remote))

    @patch(
        "/{remote:str}",
        operation_id="changeRemote",
        responses=refusals(400, 401, 403, 404, 413),
    )
    async def change(
        self, asked: Asked, remote: FromPath[str], data: JSONBody[ChangedRemote]
    ) -> RemoteEntry:
        """Change a remote.

        How it is used, where it is, and the key that is shown there. What came from it stays, and
        the next exchange goes on where the last came to. With an address or key it is asked, and
        must answer within some seconds.
        """
        return await own_remotes(asked, lambda remotes: remotes.change(remote, data))

    @delete("/{remote:str}", operation_id="removeRemote", responses=refusals(401, 403, 404, 409))
    async def remove(self, asked: Asked, remote: FromPath[str]) -> None:
        """Remove a remote.

        Jobs that came from it stay. Files that were still to come from it do not come any more.
        """
        await own_remotes(asked, lambda remotes: remotes.remove(remote))

    @post(
        "/{remote:str}/ask",
        status_code=200,
        operation_id="askRemote",
        responses=refusals(401, 403, 404),
    )
    async def ask(self, asked: Asked, remote: FromPath[str]) -> RemoteEntry:
        """Ask a remote what it is.

        How many jobs it has, what one may do there, and with which key it signs. What it said is
        kept as `answer` until it is asked again; so is why it could not be asked.
        """
        return await own_remotes(asked, lambda remotes: remotes.ask(remote))

    @post(
        "/{remote:str}/exchange",
        status_code=200,
        operation_id="startExchange",
        responses=refusals(400, 401, 403, 404, 409, 413),
    )
    async def start(
        self, asked: Asked, remote: FromPath[str], data: JSONBody[NewExchange]
    ) -> Exchange:
        """Begin an exchange with a remote.

        Pulls, pushes or both, or with `dryRun` finds out what would move. It goes on while the
        hub does; the same address tells how far it has come, and what it did in the end.
        """
        return await own_remotes(asked, lambda remotes: remotes.start(remote, data))

    @get("/{remote:str}/exchange", operation_id="getExchange", responses=refusals(401, 403, 404))
    async def exchange(self, asked: Asked, remote: FromPath[str]) -> Exchange:
        """How the exchange with a remote stands.

        The one that is under way, or else the last since the hub was started.
        """
        found = await own_remotes(asked, lambda remotes: remotes.remote(remote))
        if found.exchange is None:
            raise NotFound(f"There was no exchange with {remote} since the hub was started.")
        return found.exchange

    @delete(
        "/{remote:str}/exchange",
        status_code=200,
        operation_id="cancelExchange",
        responses=refusals(401, 403, 404),
    )
    async def cancel(self, asked: Asked, remote: FromPath[str]) -> Exchange:
        """Cancel the exchange with a remote.

        It ends after the piece that is being moved. What has moved stays, and the next exchange
        goes on from there. One that has ended stays as it was.
        """
        return await own_remotes(asked, lambda remotes: remotes.cancel(remote))


class Keys(Controller):
    """The keys whose signatures are believed; for the user whose hub it is."""

    path = "/keys"
    tags = ("remotes",)
    security = KEY_NEEDED

    @get("/", operation_id="getKeys", responses=refusals(401, 403))
    async def all(self, asked: Asked) -> TrustList:
        """List trusted keys.

        The public key of the hub's own store, for others to trust, and those that it trusts.
        """
        return await own_remotes(asked, lambda remotes: remotes.trust_list())

    @post("/", status_code=200, operation_id="trustKey", responses=refusals(400, 401, 403, 413))
    async def trust(self, asked: Asked, data: JSONBody[NewTrustedKey]) -> TrustedKey:
        """Trust a key.

        What its holder signs is taken from then on. A key that is trusted already gets the name.
        """
        return await own_remotes(asked, lambda remotes: remotes.trust(data.name, data.public_key))

    @delete(
        "/{key:str}", status_code=200, operation_id="untrustKey", responses=refusals(401, 403, 404)
    )
    async def untrust(self, asked: Asked, key: FromPath[str]) -> TrustedKey:
        """Trust a key no more.

        By its name or id. What it signed and is here already stays.
        """
        return await own_remotes(asked, lambda remotes: remotes.untrust(key))
