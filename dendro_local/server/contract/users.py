"""Who asks, by the key or login of the request, and what users ask about themselves."""

import msgspec

from dendro_local.contract import (
    AddUserRequest,
    ComputeUserStatsRequest,
    ResetUserApiKeyRequest,
    SetUserInfoRequest,
)
from dendro_local.errors import Conflict, HubUnreachable, NotAllowed, UserNotFound
from dendro_local.server.contract.call import Asked, Call, Refusal, Reply
from dendro_local.server.sessions import session_user

__all__ = ["CALLS", "checked_login", "user_of_login"]


def user_of_login(asked: Asked) -> str | None:
    """The id of the user who is logged in by a request; None if nobody is.

    Where the contract says login, this alone decides: one of the user's API keys, a browser's
    session, or at a public hub a token of GitHub, of which the network is asked.

    Raises:
        Refusal: GitHub does not answer, or another account has the user's name there by now.
    """
    if asked.key is None:
        return session_user(asked.site, asked.scope)
    found = asked.hub.user_of_key(asked.key)
    if found is not None or asked.site.github is None:
        return found
    try:
        account = asked.site.github.account_of_token(asked.key)
        if account is None:
            return None
        return asked.hub.user_of_account(account.user_id, account.account_id)
    except HubUnreachable as error:
        raise Refusal(502, str(error)) from error
    except NotAllowed as error:
        raise Refusal(401, str(error)) from error


def checked_login(asked: Asked, user_id: str) -> None:
    """Refuse whoever is not this user, nor the one whose store it is."""
    found = user_of_login(asked)
    if found is None or found not in (user_id, asked.hub.user_id):
        raise Refusal(401, "Unauthorized")


def add_user(asked: Asked, request: AddUserRequest) -> Reply:
    """Add a user."""
    checked_login(asked, request.userId)
    try:
        asked.hub.add_user(request.userId)
    except Conflict as error:
        raise Refusal(400, "User already exists") from error
    return {}


def reset_user_api_key(asked: Asked, request: ResetUserApiKeyRequest) -> Reply:
    """A new key; all others of the user are void."""
    checked_login(asked, request.userId)
    try:
        return {"apiKey": asked.hub.reset_api_key(request.userId)}
    except UserNotFound as error:
        raise Refusal(404, "User not found") from error


def set_user_info(asked: Asked, request: SetUserInfoRequest) -> Reply:
    """What a user tells of themselves."""
    checked_login(asked, request.userId)
    given = {"name": request.name, "email": request.email}
    try:
        asked.hub.set_user_info(
            request.userId,
            {
                name: value
                for name, value in given.items()
                if not isinstance(value, msgspec.UnsetType)
            },
        )
    except UserNotFound as error:
        raise Refusal(404, "User not found") from error
    return {}


def compute_user_stats(asked: Asked, request: ComputeUserStatsRequest) -> Reply:
    """What the jobs of a user have used."""
    return {"userStats": asked.hub.user_stats(request.userId)}


CALLS = (
    Call(AddUserRequest, add_user),
    Call(ResetUserApiKeyRequest, reset_user_api_key),
    Call(SetUserInfoRequest, set_user_info),
    Call(ComputeUserStatsRequest, answer_at_once=compute_user_stats),
)
