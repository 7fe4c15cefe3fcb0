"""The pages of a hub in a real browser: nothing may be asked elsewhere, nothing complained of."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from dendro_local.local_hub import LocalHub
from tests.hub.conftest import greeting  # noqa: F401 - a fixture
from tests.live_hub import LiveHub
from tests.server.conftest import OWNER
from tests.server.login.conftest import browser as guest  # noqa: F401 - a fixture
from tests.server.test_browser import browser  # noqa: F401 - a fixture

LIMIT_MS = 30_000
"""Whatever is waited for takes far less, on a machine that has other work too."""

expect.set_options(timeout=LIMIT_MS)


class Watch:
    """What a page asks and complains of."""

    def __init__(self, page: Page, own: str) -> None:
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        self._own = own
        page.on("request", lambda request: self._ask(request.url))
        page.on("console", self._complain)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _ask(self, url: str) -> None:
        if not url.startswith(("data:", "blob:")) and urlsplit(url).netloc != self._own:
            self.elsewhere.append(url)

    def _complain(self, message: ConsoleMessage) -> None:
        # A hub that is gone on purpose, and a page that does not exist, are told of by the browser.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


class Visit:
    """Opens pages of a hub in fresh browsers: ``visit('/')``.

    Whoever is visited must be asked for all, and nothing may be complained of.
    """

    def __init__(self, browser: Browser, live: LiveHub) -> None:  # noqa: F811
        self.live = live
        self._browser = browser
        self._watches: list[Watch] = []

    def __call__(self, path: str = "/", *, user: str | None = OWNER, **options: Any) -> Page:
        """The page, as it is shown to a user, or to a guest; ``options`` are of the browser."""
        context = self._browser.new_context(**options)
        context.set_default_timeout(LIMIT_MS)
        page = context.new_page()
        self._watches.append(Watch(page, urlsplit(self.live.url).netloc))
        if user is not None:
            page.goto(f"{self.live.url}/login?token={self.live.hub.new_login_token(user)}")
        page.goto(self.live.url + path)
        return page

    def close(self) -> None:
        """Close the browsers; nothing may have been amiss."""
        for context in self._browser.contexts:
            context.close()
        assert [watch.elsewhere for watch in self._watches] == [[] for _ in self._watches]
        assert [watch.complaints for watch in self._watches] == [[] for _ in self._watches]


@pytest.fixture
def live(hub: LocalHub) -> Iterator[LiveHub]:
    """The hub, served on a port."""
    live = LiveHub(hub)
    yield live
    live.stop()


@pytest.fixture
def visit(browser: Browser, live: LiveHub) -> Iterator[Visit]:  # noqa: F811 - the fixture
    """Open a page of the hub: ``visit('/', viewport={'width': 390, 'height': 800})``."""
    visit = Visit(browser, live)
    yield visit
    visit.close()


Maker = Callable[..., None]


@pytest.fixture
def many_jobs(hub: LocalHub) -> Callable[[int], None]:
    """Fill the hub with copies of its newest job: ``many_jobs(100_000)``."""
    from tests.server.pages.many_jobs import copy_newest

    return lambda count: copy_newest(hub, count)
