"""Browsers at a hub that is served in this process, and a GitHub where they log in."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.server.github import GitHub
from tests.server.conftest import BASE_URL, OWNER, Served
from tests.server.login.github_server import GitHubServer, Person

ADA = Person(101, "ada", "Ada Lovelace")

CALLBACK = f"{BASE_URL}/login/callback"


class Browser:
    """A browser with its own cookies, which goes where it is led."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.cookies = httpx.Cookies()

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """The reply of the hub to one request, as a page of the hub or its user makes it."""
        sent = {"origin": BASE_URL, **self._form_token()} if method != "GET" else {}
        sent |= headers or {}
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        reply = self.served.send(method, path, headers={**sent, "cookie": cookie}, **more)
        self.cookies.extract_cookies(reply)  # and those that have expired are forgotten
        return reply

    def open(self, path: str) -> httpx.Response:
        """The page at a path, or where it leads, at the hub or at GitHub."""
        reply = self.send("GET", path)
        for _ in range(5):
            if not reply.is_redirect:
                return reply
            reply = self.go(reply.headers["location"])
        raise AssertionError("led around in circles")

    def go(self, url: str) -> httpx.Response:
        """The reply to one request of an address, wherever it is."""
        if not url.startswith("http"):
            return self.send("GET", url)
        if url.startswith(BASE_URL):
            parts = urlsplit(url)
            return self.send("GET", f"{parts.path}?{parts.query}")
        return httpx.get(url, trust_env=False)

    def log_in(self, user_id: str = OWNER) -> "Browser":
        """Come to be known as a user."""
        token = self.served.hub.new_login_token(user_id)
        assert self.open(f"/login?token={token}").status_code == 200
        return self

    def _form_token(self) -> dict[str, str]:
        """The header with the token that every page shows to who is logged in."""
        found = re.search('<meta name="csrf" content="([^"]+)">', self.send("GET", "/login").text)
        return {} if found is None else {"x-csrf-token": found[1]}

    @property
    def user_id(self) -> str | None:
        """Who is logged in, as the first page says it."""
        page = self.send("GET", "/").text
        shown = page.partition('<a class="last" href="')[2].partition("</a>")[0]
        where, _, name = shown.partition('">')
        return name if where == "/account" else None


@pytest.fixture
def browser(served: Served) -> Browser:
    """A browser in which nobody is logged in."""
    return Browser(served)


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    """A GitHub that knows the hub; ``github.logged_in = ADA`` lets somebody log in there."""
    github = GitHubServer(CALLBACK)
    yield github
    github.close()


@pytest.fixture
def public(hub: LocalHub, github: GitHubServer) -> Iterator[Served]:
    """The hub, served for strangers."""
    served = Served(hub, GitHub(github.app(), CALLBACK))
    yield served
    served.close()


@pytest.fixture
def stranger(public: Served) -> Browser:
    """A browser at the public hub in which nobody is logged in."""
    return Browser(public)
