"""``/v1/user``: who asks, their API keys, and what their jobs have used."""

from litestar import Controller, delete, get, post
from litestar.params import FromPath, JSONBody

from dendro_local.server.accounts import AccountFacts, account_facts
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.v1 import Account, ApiKeyEntry, MadeApiKey, NewApiKey

__all__ = ["Users"]


class Users(Controller):
    """What users see and change of themselves."""

    path = "/user"
    tags = ("user",)
    security = KEY_NEEDED

    @get("/", operation_id="getUser", responses=refusals(401))
    async def user(self, asked: Asked) -> Account:
        """Who asks.

        What they may do, which API keys they have in use, and what their jobs have used.
        """
        return _account(await asked.in_thread(account_facts, asked.hub, asked.user_id()))

    @post("/keys", status_code=200, operation_id="addApiKey", responses=refusals(400, 401, 413))
    async def add_key(self, asked: Asked, data: JSONBody[NewApiKey]) -> MadeApiKey:
        """Make an API key.

        For whoever asks, beside those that they have. It is told this once.
        """
        _, key = await asked.in_thread(asked.hub.add_api_key, asked.user_id(), data.label)
        return MadeApiKey(api_key=key)

    @post(
        "/keys/regenerate",
        status_code=200,
        operation_id="regenerateApiKey",
        responses=refusals(401),
    )
    async def regenerate(self, asked: Asked) -> MadeApiKey:
        """Make an API key that takes the place of all others.

        Those of whoever asks are out of use then, the one with which they ask among them.
        """
        key = await asked.in_thread(asked.hub.reset_api_key, asked.user_id())
        return MadeApiKey(api_key=key)

    @delete("/keys/{key:str}", operation_id="revokeApiKey", responses=refusals(401, 404))
    async def revoke(self, asked: Asked, key: FromPath[str]) -> None:
        """Take an API key out of use.

        One of whoever asks, by its `keyId`.
        """
        await asked.in_thread(asked.hub.revoke_api_key, asked.user_id(), key)

    @delete("/sessions", operation_id="endSessions", responses=refusals(401))
    async def end_sessions(self, asked: Asked) -> None:
        """Log out.

        Every browser in which whoever asks is logged in.
        """
        await asked.in_thread(asked.hub.end_sessions, asked.user_id())


def _account(facts: AccountFacts) -> Account:
    return Account(
        user_id=facts.user.user_id,
        is_hub_owner=facts.is_hub_owner,
        info=facts.user.info,
        may_create_jobs=facts.may_create,
        may_process_jobs=facts.may_process,
        api_keys=[
            ApiKeyEntry(
                key_id=key.key_id,
                label=key.label,
                created_at=key.created_at,
                last_used_at=key.last_used_at,
            )
            for key in facts.keys
        ],
        usage=facts.usage,
    )
