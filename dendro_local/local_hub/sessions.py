"""Browsers of users: one-time tokens that log one in, sessions, and accounts elsewhere.

A browser shows the token of its session in a cookie. The token is told once, to the browser; as of
keys, the store has its SHA-256 alone. Whoever may read the store can log in as anybody: a one-time
token is asked for where the store is, and lets the browser in that shows it first.
"""

import time
from collections.abc import Mapping

from dendro_local.errors import NotAllowed, NotAuthenticated
from dendro_local.local_hub.users import Users
from dendro_local.random_ids import random_token

__all__ = ["LOGIN_TOKEN_SEC", "SESSION_SEC", "Sessions"]

SESSION_SEC = 30 * 24 * 3600.0
"""How long a browser stays logged in."""

LOGIN_TOKEN_SEC = 300.0
"""How long a one-time token can be used."""

TOKEN_BYTES = 32


class Sessions(Users):
    """What browsers ask about themselves."""

    def new_login_token(self, user_id: str) -> str:
        """A token that logs one browser in as a user, within `LOGIN_TOKEN_SEC`.

        Raises:
            UserNotFound: there is none of the id.
        """
        token = random_token(TOKEN_BYTES)
        with self.store.transaction(quietly=True):
            user = self._user(user_id)
            self.store.users.put(user.user_id, user.info)  # not there yet, if it is the own one
            self.store.sessions.add_login_token(user_id, token, time.time() + LOGIN_TOKEN_SEC)
        return token

    def begin_session_by(self, login_token: str) -> str:
        """The token of a new session of the user for whom a one-time token was made.

        Raises:
            NotAuthenticated: it is none, was used before, or has expired.
        """
        with self.store.transaction(quietly=True):
            user_id = self.store.sessions.take_login_token(login_token)
            if user_id is not None:
                return self._begin_session(user_id)
        raise NotAuthenticated(
            "This link has been used before, or is older than "
            f"{LOGIN_TOKEN_SEC / 60:.0f} minutes. `dendro-local login-url` gives a new one."
        )

    def begin_session_of_account(
        self, user_id: str, account_id: str, info: Mapping[str, str]
    ) -> str:
        """The token of a new session of whoever owns an account elsewhere.

        At the first time the user is added, without any right on a service.

        Args:
            user_id: such as ``github|ada``.
            account_id: of the account, which stays when its name changes.
            info: what is told of them there: ``name``. What they told here stays.

        Raises:
            NotAllowed: the user is there, and it is another account by now that has the name.
        """
        with self.store.transaction(quietly=True):
            known = self.store.users.get(user_id)
            if known is None:
                self.store.users.put(user_id, dict(info))
            self._check_account(user_id, account_id)
            return self._begin_session(user_id)

    def user_of_account(self, user_id: str, account_id: str) -> str:
        """The id of the user whose account elsewhere this is, whether or not they are known here.

        Raises:
            NotAllowed: as `begin_session_of_account`.
        """
        with self.store.transaction(quietly=True):
            if self.store.users.get(user_id) is not None:
                self._check_account(user_id, account_id)
        return user_id

    def user_of_session(self, token: str) -> str | None:
        """The id of the user who is logged in by this session; None if it is nobody's."""
        with self.store.reading():
            return self.store.sessions.user_of(token)

    def end_session(self, token: str) -> None:
        """Log a browser out."""
        with self.store.transaction(quietly=True):
            self.store.sessions.remove(token)

    def end_sessions(self, user_id: str) -> None:
        """Log every browser of a user out."""
        with self.store.transaction(quietly=True):
            self.store.sessions.remove_of_user(user_id)

    def _begin_session(self, user_id: str) -> str:
        token = random_token(TOKEN_BYTES)
        self.store.sessions.add(user_id, token, time.time() + SESSION_SEC)
        return token

    def _check_account(self, user_id: str, account_id: str) -> None:
        """Refuse who has come to have a name that was another's; remember who was first."""
        known = self.store.users.account(user_id)
        if known is None:
            self.store.users.set_account(user_id, account_id)
        elif known != account_id:
            raise NotAllowed(
                f"{user_id} was another account when it logged in here first. If it is yours, the "
                f"owner of this hub can remove the earlier user: `dendro-local users remove "
                f"'{user_id}'`."
            )
