"""What users ask about themselves."""

import msgspec

from dendro_local.contract.request import Request

__all__ = [
    "AddUserRequest",
    "ComputeUserStatsRequest",
    "ResetUserApiKeyRequest",
    "SetUserInfoRequest",
]


class AddUserRequest(Request, frozen=True, kw_only=True):
    """Be a user of the hub."""

    userId: str


class ResetUserApiKeyRequest(Request, frozen=True, kw_only=True):
    """A new key instead of all that the user has."""

    userId: str


class SetUserInfoRequest(Request, frozen=True, kw_only=True):
    """What a user tells of themselves."""

    userId: str
    name: str | msgspec.UnsetType = msgspec.UNSET
    email: str | msgspec.UnsetType = msgspec.UNSET


class ComputeUserStatsRequest(Request, frozen=True, kw_only=True):
    """What the jobs of a user have used."""

    userId: str
