"""The pages in a real browser: as their user sees them, and as other sites would abuse them."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.server.conftest import OWNER
from tests.server.safety.conftest import Port, port, serve  # noqa: F401 - fixtures
from tests.server.test_browser import LIMIT_MS, browser, elsewhere  # noqa: F401 - fixtures

pytestmark = pytest.mark.process

SEND_FORM = """url => {
    const form = document.createElement("form")
    Object.assign(form, {method: "post", action: url})
    document.body.append(form)
    form.submit()
}"""

FETCH = """async url => {
    const how = {method: "POST", credentials: "include", mode: "no-cors"}
    try { await fetch(url, how) } catch (error) { return error.name }
    return "sent"
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:  # noqa: F811 - the fixture
    """A page of a fresh browser, narrow as a phone."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    yield context.new_page()
    context.close()


def test_a_user_logs_in_makes_a_key_and_logs_out(page: Page, port: Port) -> None:  # noqa: F811
    asked: set[str] = set()
    complaints: list[str] = []
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.on("console", lambda message: complaints.append(message.text))
    hub, url = port.hub, port.server.url

    page.goto(f"{url}/login?token={hub.new_login_token(OWNER)}")
    assert page.url == f"{url}/"
    page.click(f"text={OWNER}")
    page.fill("#label", "laptop")
    page.click("text=New API key")
    first = page.inner_text(".key")
    page.click("summary")
    page.click("button:has-text('Regenerate API key')")
    shown = page.locator(".key")
    expect(shown).not_to_have_text(first, timeout=LIMIT_MS)
    second = shown.inner_text()

    assert [hub.user_of_key(key) for key in (first, second)] == [None, OWNER]
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(each) for each in re.findall(r"\d+", ground)) < 60, "it is not dark"
    page.click("text=Log out >> nth=0")
    expect(page.locator("nav .last")).to_have_text("Log in", timeout=LIMIT_MS)
    assert asked == {urlsplit(url).netloc}
    assert complaints == []


@pytest.mark.parametrize("site", ["127.0.0.1", "localhost"])
def test_a_page_of_another_origin_changes_nothing_of_who_is_logged_in(
    page: Page,
    port: Port,  # noqa: F811 - fixtures
    elsewhere: int,  # noqa: F811
    site: str,
) -> None:
    # Of another port of the same machine, which is the same site, and of another site.
    hub, url = port.hub, port.server.url
    page.goto(f"{url}/login?token={hub.new_login_token(OWNER)}")
    _, key = hub.add_api_key(OWNER)

    page.goto(f"http://{site}:{elsewhere}/")
    for path in ("/account/regenerate", "/account/logout", "/logout"):
        assert page.evaluate(FETCH, url + path) == "sent"
    with page.expect_navigation():
        page.evaluate(SEND_FORM, f"{url}/account/regenerate")

    assert "This form was not sent by a page of this hub" in page.content()
    assert hub.user_of_key(key) == OWNER
    page.goto(f"{url}/account")
    assert OWNER in page.inner_text("nav .last")
