"""The remotes of a hub's store, which are for the user whose hub it is, and for nobody else."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from dendro_local.errors import NotAllowed
from dendro_local.server.v1.asking import HubRequest

if TYPE_CHECKING:
    from dendro_local.local_hub.elsewhere import Exchanges

__all__ = ["own_remotes"]

T = TypeVar("T")


async def own_remotes(asked: HubRequest, call: "Callable[[Exchanges], T]") -> T:
    """What a call gives of the remotes, for the user whose hub this is.

    Raises:
        NotAuthenticated: nobody is known to ask.
        NotAllowed: somebody else asks.
    """
    user_id = asked.user_id()
    if user_id != asked.hub.user_id:
        raise NotAllowed(
            f"The remotes of this hub, and the keys that it trusts, are for the user whose hub it "
            f"is. You are {user_id}."
        )
    return await asked.in_thread(lambda: call(asked.site.exchanges()))
