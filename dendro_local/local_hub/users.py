"""The users of a hub, and their API keys.

A key is told once, when it is made; the store has its SHA-256 alone. The user whose store it is
needs no step to be there, and has no key until one is asked for.
"""

from collections.abc import Mapping

from dendro_local.errors import Conflict, InvalidRequest, NotAllowed, UserNotFound
from dendro_local.local_hub.parts import Part
from dendro_local.local_hub.permissions import ANYBODY
from dendro_local.model import UserStats
from dendro_local.random_ids import random_id
from dendro_local.store import ApiKey, User

__all__ = ["Users"]

MAX_ID = 200
MAX_INFO = 1000
MAX_KEYS = 100
"""How many keys in use a user may have."""


class Users(Part):
    """What is asked about users, and changed of them."""

    def users(self) -> list[User]:
        """Every user, by id; the one whose store it is among them."""
        with self.store.reading():
            found = self.store.users.all()
        if all(user.user_id != self.user_id for user in found):
            found.append(self._own())
        return sorted(found, key=lambda user: user.user_id)

    def user(self, user_id: str) -> User:
        """The user of this id.

        Raises:
            UserNotFound: there is none.
        """
        with self.store.reading():
            return self._user(user_id)

    def add_user(self, user_id: str, info: Mapping[str, str] | None = None) -> User:
        """Add a user.

        Args:
            user_id: such as ``github|ada`` or ``local|ada``.
            info: what they tell of themselves: ``name``, ``email``.

        Raises:
            InvalidRequest: no user can be called so.
            Conflict: there is one.
        """
        _check_id(user_id)
        given = _checked_info(info or {})
        with self.store.transaction(quietly=True):
            if user_id == self.user_id or self.store.users.get(user_id) is not None:
                raise Conflict(f"User already exists: {user_id}")
            self.store.users.put(user_id, given)
        return self.user(user_id)

    def set_user_info(self, user_id: str, info: Mapping[str, str]) -> User:
        """Change what a user tells of themselves; what is not given stays.

        Raises:
            UserNotFound: there is none of the id.
            InvalidRequest: a value is too long.
        """
        given = _checked_info(info)
        with self.store.transaction(quietly=True):
            user = self._user(user_id)
            self.store.users.put(user_id, {**user.info, **given})
        return self.user(user_id)

    def remove_user(self, user_id: str) -> None:
        """Forget a user with all keys, and the compute clients that they registered.

        Their jobs and services stay, and so does their name among the users of services.

        Raises:
            UserNotFound: there is none of the id.
            NotAllowed: it is the user whose store it is.
        """
        if user_id == self.user_id:
            raise NotAllowed(
                f"{user_id} is the user whose store this is, and cannot be removed. "
                "`dendro-local users revoke` takes keys out of use."
            )
        with self.store.transaction():  # what their compute clients ran goes to others
            self._user(user_id)
            self.store.registered_clients.remove_of_user(user_id)
            self.store.users.remove(user_id)

    # Keys

    def api_keys(self, user_id: str) -> list[ApiKey]:
        """The keys of a user, first made first, with those that were revoked.

        Raises:
            UserNotFound: there is none of the id.
        """
        with self.store.reading():
            self._user(user_id)
            return self.store.users.keys(user_id)

    def add_api_key(self, user_id: str, label: str = "") -> tuple[ApiKey, str]:
        """Make a key by which a user is known beside those that they have.

        Args:
            user_id: whose it is.
            label: what it is for, as the user calls it.

        Returns:
            What is known of it, and the key itself, which is told here and never again.

        Raises:
            UserNotFound: there is none of the id.
            InvalidRequest: the label is too long, or the user has too many keys.
        """
        if len(label) > MAX_ID:
            raise InvalidRequest(f"The label of a key has at most {MAX_ID} characters.")
        with self.store.transaction(quietly=True):
            user = self._user(user_id)
            if len(self._keys_in_use(user_id)) >= MAX_KEYS:
                raise InvalidRequest(
                    f"User {user_id} has {MAX_KEYS} keys in use already. Revoke one with "
                    "`dendro-local users revoke`."
                )
            return self._new_key(user, label)

    def reset_api_key(self, user_id: str) -> str:
        """Take every key of a user out of use, and make a new one, which is told here alone.

        Raises:
            UserNotFound: there is none of the id.
        """
        with self.store.transaction(quietly=True):
            user = self._user(user_id)
            for key in self._keys_in_use(user_id):
                self.store.users.revoke_key(user_id, key.key_id)
            return self._new_key(user, "")[1]

    def revoke_api_key(self, user_id: str, key_id: str) -> None:
        """Take a key of a user out of use.

        Raises:
            UserNotFound: the user has no such key in use.
        """
        with self.store.transaction(quietly=True):
            if not self.store.users.revoke_key(user_id, key_id):
                raise UserNotFound(
                    f"User {user_id} has no key {key_id!r} in use. `dendro-local users keys` "
                    "lists those that there are."
                )

    def user_stats(self, user_id: str) -> UserStats:
        """What the finished jobs of a user have used; nothing for one whom nobody knows."""
        with self.store.reading():
            return self.store.usage.of(user_id)

    def _user(self, user_id: str) -> User:
        found = self.store.users.get(user_id)
        if found is None and user_id == self.user_id:
            return self._own()
        if found is None:
            raise UserNotFound(
                f"There is no user {user_id!r}. `dendro-local users list` lists those that there "
                "are."
            )
        return found

    def _own(self) -> User:
        """The user whose store it is, while nothing is recorded of them."""
        return User(user_id=self.user_id, info={}, created_at=None)

    def _keys_in_use(self, user_id: str) -> list[ApiKey]:
        return [key for key in self.store.users.keys(user_id) if key.revoked_at is None]

    def _new_key(self, user: User, label: str) -> tuple[ApiKey, str]:
        self.store.users.put(user.user_id, user.info)  # not there yet, if it is the own one
        key = random_id(32)
        return self.store.users.add_key(user.user_id, key, label), key


def _check_id(user_id: str) -> None:
    if (
        not user_id
        or len(user_id) > MAX_ID
        or user_id == ANYBODY
        or not user_id.isprintable()
        or " " in user_id
    ):
        raise InvalidRequest(
            f"A user cannot be called {user_id[:MAX_ID]!r}. Give 1 to {MAX_ID} printable "
            f"characters without a space, other than {ANYBODY!r}; such as 'local|ada'."
        )


def _checked_info(info: Mapping[str, str]) -> dict[str, str]:
    for name, value in info.items():
        if len(value) > MAX_INFO:
            raise InvalidRequest(f"The {name} of a user has at most {MAX_INFO} characters.")
    return dict(info)
