"""What users see of themselves: their keys, their rights, and what their jobs have used."""

from collections.abc import Sequence

import msgspec

from dendro_local.local_hub import LocalHub
from dendro_local.model import UserStats
from dendro_local.store.users import ApiKey, User

__all__ = ["AccountFacts", "account_facts"]


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A user, the keys that they have in use, and the services on which they may do what."""

    user: User
    is_hub_owner: bool
    """Whether it is the user whose hub it is, who may do everything."""
    keys: Sequence[ApiKey]
    may_create: list[str]
    may_process: list[str]
    usage: UserStats


def account_facts(hub: LocalHub, user_id: str) -> AccountFacts:
    """What is known of a user.

    Raises:
        UserNotFound: there is none of the id.
    """
    services = hub.services()
    return AccountFacts(
        user=hub.user(user_id),
        is_hub_owner=user_id == hub.user_id,
        keys=[key for key in hub.api_keys(user_id) if key.revoked_at is None],
        may_create=[each.serviceName for each in services if hub.may_create_jobs(user_id, each)],
        may_process=[each.serviceName for each in services if hub.may_process_jobs(user_id, each)],
        usage=hub.user_stats(user_id),
    )
