"""Who somebody is at GitHub: the far side of logging in to a public hub.

A browser is led to GitHub and comes back with a code, which is good once, for this hub alone
(OAuth 2.0, RFC 6749), and only with what this hub knew before (PKCE, RFC 7636). For the code GitHub
gives a token, with which it is asked once who that is; then the token is forgotten.

A program may show a token of its user instead, where the contract says login: a personal one, or
one that GitHub gave out for this hub. One that it gave to another site is no proof of anything
here: that site could use it to be the user.
"""

import base64
import hashlib
import logging
import re
import threading
import time
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec

from dendro_local.errors import HubUnreachable, NotAuthenticated

__all__ = ["Account", "GitHub", "GitHubApp"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

TIMEOUT_SEC = 10.0

KNOWN_SEC = 60.0
"""How long it is kept whose a token is."""

MOST_KNOWN = 1000
MAX_NAME = 1000

MOST_AT_ONCE = 4
"""So many questions wait for GitHub at a time: threads that wait answer nobody else."""

PERSONAL = ("ghp_", "github_pat_")
"""How tokens begin that users make for themselves (GitHub docs, token formats)."""

_is_login = re.compile("[A-Za-z0-9_-]{1,100}").fullmatch
_is_token = re.compile("[A-Za-z0-9_-]{20,255}").fullmatch
_is_key_of_hub = re.compile("[A-Za-z0-9]{32}").fullmatch


class GitHubApp(msgspec.Struct, frozen=True, kw_only=True):
    """The OAuth app that a hub is at GitHub. URLs have no slash at their end."""

    url: str
    api_url: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"GitHubApp(url={self.url!r}, client_id={self.client_id!r}, client_secret=...)"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody at GitHub. The id stays when the login, which is their name, changes."""

    account_id: str
    login: str
    name: str | None

    @property
    def user_id(self) -> str:
        """The id that they have as a user of a hub."""
        return f"github|{self.login}"

    @property
    def info(self) -> Mapping[str, str]:
        """What is told of them as a user of a hub."""
        return {} if self.name is None else {"name": self.name[:MAX_NAME]}


class _User(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    login: str
    name: str | None = None


class _Grant(msgspec.Struct, frozen=True, kw_only=True):
    user: _User


class _TokenReply(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str | None = None
    error: str | None = None


class GitHub:
    """Asks GitHub. Safe for use by many threads; every question may wait for the network.

    Args:
        app: what the hub is there.
        redirect_uri: where browsers come back to, as it is registered there.
    """

    def __init__(self, app: GitHubApp, redirect_uri: str) -> None:
        self._app = app
        self._redirect_uri = redirect_uri
        self._client = httpx.Client(
            timeout=TIMEOUT_SEC,
            follow_redirects=False,
            headers={"accept": "application/json", "user-agent": "dendro-local"},
        )
        self._free = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._known: dict[bytes, tuple[Account | None, float]] = {}

    def address(self, state: str, verifier: str) -> str:
        """Where a browser is led to log in.

        Args:
            state: comes back with the browser.
            verifier: is asked for when the code is shown.
        """
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        query = {
            "response_type": "code",
            "client_id": self._app.client_id,
            "redirect_uri": self._redirect_uri,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self._app.url}/login/oauth/authorize?{urlencode(query)}"

    def account_of_code(self, code: str, verifier: str) -> Account:
        """Who came back with a code.

        Raises:
            NotAuthenticated: GitHub does not take the code: it was used before, is too old, or was
                given to another.
            HubUnreachable: GitHub does not answer.
        """
        form = {
            "grant_type": "authorization_code",
            "client_id": self._app.client_id,
            "client_secret": self._app.client_secret,
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        url = f"{self._app.url}/login/oauth/access_token"
        reply = self._ask("POST", url, data=form)
        if reply.status_code >= 500:
            raise self._silence(f"it answered {reply.status_code}")
        given = self._read(reply, _TokenReply)
        if given.access_token is None:
            logger.warning("GitHub refused a login: %.100r", given.error)
        found = None if given.access_token is None else self._account_of(given.access_token)
        if found is None:
            raise NotAuthenticated(
                "GitHub did not confirm this login: a login is good once, for a few minutes. Begin "
                "again."
            )
        return found

    def account_of_token(self, token: str) -> Account | None:
        """Whose access token this is; None if it is nobody's, or was given to another site.

        What has the form of an API key of a hub is shown to nobody.

        Raises:
            HubUnreachable: GitHub does not answer, or too many ask at once.
        """
        if not _is_token(token) or _is_key_of_hub(token):
            return None
        digest = hashlib.sha256(token.encode("ascii")).digest()
        known = self._known.get(digest)
        if known is not None and time.monotonic() - known[1] < KNOWN_SEC:
            return known[0]
        if token.startswith(PERSONAL):
            found = self._account_of(token)
        else:
            found = self._account_of_grant(token)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[digest] = (found, time.monotonic())
        return found

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _account_of(self, token: str) -> Account | None:
        url = f"{self._app.api_url}/user"
        reply = self._ask("GET", url, headers={"authorization": f"Bearer {token}"})
        if reply.status_code in (401, 403):
            return None
        return self._account(self._read_ok(reply, _User))

    def _account_of_grant(self, token: str) -> Account | None:
        """Whose token this is, if GitHub gave it out for this hub."""
        url = f"{self._app.api_url}/applications/{self._app.client_id}/token"
        reply = self._ask(
            "POST",
            url,
            json={"access_token": token},
            auth=(self._app.client_id, self._app.client_secret),
        )
        if reply.status_code in (404, 422):
            return None
        return self._account(self._read_ok(reply, _Grant).user)

    def _account(self, user: _User) -> Account:
        if not _is_login(user.login):
            raise self._silence(f"{user.login!r} is no login name")
        return Account(account_id=str(user.id), login=user.login, name=user.name)

    def _read_ok(self, reply: httpx.Response, kind: type[T]) -> T:
        if reply.status_code != 200:
            raise self._silence(f"it answered {reply.status_code}")
        return self._read(reply, kind)

    def _read(self, reply: httpx.Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(reply.content, type=kind)
        except ValueError as error:
            raise self._silence("its answer cannot be read") from error

    def _ask(self, method: str, url: str, **request: Any) -> httpx.Response:
        if not self._free.acquire(blocking=False):
            raise self._silence("too many log in at this moment")
        try:
            return self._client.request(method, url, **request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # What went wrong may quote what was sent.
            raise self._silence(type(error).__name__) from None
        finally:
            self._free.release()

    def _silence(self, why: str) -> HubUnreachable:
        return HubUnreachable(f"{self._app.url} did not say who this is: {why}. Try again.")
