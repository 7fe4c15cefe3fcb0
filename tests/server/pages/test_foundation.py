"""What every page has: forms that cannot be forged, colours that can be read, files to show it."""

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.routes import HTTPRoute
from litestar.types import HTTPScope

from dendro_local.server.pages import page_routes
from dendro_local.server.pages.form_check import FormToken
from dendro_local.server.pages.quantities import first_line, is_safe_link
from dendro_local.server.pages.static import FOLDER, static_address
from dendro_local.server.site import Site
from tests.server.conftest import ADA, BASE_URL, OWNER, Served
from tests.server.login.conftest import Browser

LOGOUT = "/logout"
"""A form that every page may send."""


@pytest.fixture
def ada(served: Served) -> Browser:
    """A browser of a user who is not the owner."""
    served.key_of(ADA)
    return Browser(served).log_in(ADA)


def token_of(page: str) -> str:
    [token] = re.findall('<meta name="csrf" content="([^"]+)">', page)
    return str(token)


def forms_of_pages() -> list[tuple[str, str]]:
    """Method and path of every route of a page that may change something."""
    names = ("asked", "figures", "news", "readiness", "server_metrics")
    none = {name: Provide(lambda: None, sync_to_thread=False) for name in names}
    app = Litestar(page_routes(), dependencies=none, logging_config=None)
    return sorted(
        (method, re.sub(r"\{[^}]*\}", "x", route.path))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method not in ("GET", "HEAD", "OPTIONS")
    )


def test_no_form_of_any_page_is_taken_without_its_token(ada: Browser) -> None:
    forms = forms_of_pages()
    assert ("POST", "/jobs/actions") in forms

    for method, path in forms:
        reply = ada.send(method, path, headers={"x-csrf-token": ""}, data={"x": "y"})

        assert reply.status_code == 403, path
        assert "This form is too old" in reply.text, path


def test_the_token_is_taken_from_the_field_or_the_header_of_its_own_browser_alone(
    ada: Browser,
) -> None:
    page = ada.open("/account").text
    other = Browser(ada.served).log_in(ADA)
    foreign = token_of(other.open("/account").text)
    no_header = {"x-csrf-token": foreign}

    assert ada.send("POST", "/account/keys", headers=no_header).status_code == 403
    [field] = set(re.findall('name="csrf" value="([^"]+)"', page))
    form = {"csrf": field, "label": "laptop"}
    cookie = "; ".join(f"{name}={value}" for name, value in ada.cookies.items())
    plain = {"origin": BASE_URL, "cookie": cookie}
    reply = ada.served.send("POST", "/account/keys", headers=plain, data=form)
    assert reply.status_code == 200
    assert ada.send("POST", "/account/keys", data={"label": "header"}).status_code == 200


def test_a_token_is_another_each_time_and_ends_with_its_session(ada: Browser) -> None:
    tokens = [token_of(ada.open("/account").text) for _ in range(3)]
    assert len(set(tokens)) == 3

    ada.send("POST", "/account/logout")
    ada.log_in(ADA)

    for token in tokens:
        assert ada.send("POST", LOGOUT, headers={"x-csrf-token": token}).status_code == 403
    assert ada.user_id == ADA


def test_who_is_not_logged_in_is_told_so(served: Served) -> None:
    reply = Browser(served).send("POST", LOGOUT)

    assert (reply.status_code, "You are not logged in any more" in reply.text) == (401, True)


def test_a_guest_sends_forms_by_the_value_that_the_browser_was_given(site: Site) -> None:
    served = Served(site.hub)
    scope: HTTPScope = {"headers": []}  # type: ignore[typeddict-item]  # what is asked of it
    token = FormToken(served.site, scope)
    text = str(token)
    assert token.cookie is not None

    def send(sent: str) -> int:
        cookie = f"{token.cookie.key}={token.cookie.value}" if token.cookie else ""
        headers = {"origin": BASE_URL, "cookie": cookie, "x-csrf-token": sent}
        return served.send("POST", LOGOUT, headers=headers).status_code

    assert (send(text), send(text[:-1] + "x"), send("")) == (303, 401, 401)
    served.close()


def test_static_files_are_packed_and_kept_for_as_long_as_they_are_the_same(served: Served) -> None:
    address = static_address("style.css")

    plain = served.send("GET", address, headers={"accept-encoding": "gzip;q=0, br"})
    [packed, old, unnamed] = [
        served.send("GET", path, headers={"accept-encoding": "gzip"})
        for path in (address, "/static/style.css?v=old", "/static/style.css")
    ]

    assert plain.content == packed.content == (FOLDER / "style.css").read_bytes()
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] != packed.headers["etag"]
    assert packed.headers["cache-control"].endswith("immutable")
    assert {each.headers["cache-control"] for each in (old, unnamed)} == {"no-cache"}


def test_modules_and_what_they_import_are_kept_until_one_of_them_is_another(
    served: Served,
) -> None:
    address = static_address("pages/console.js")
    kept = {}
    for path in (address, urljoin(address, "./console_window.js"), "/static/pages/console.js"):
        reply = served.send("GET", path)
        assert reply.status_code == 200, path
        kept[path] = reply.headers["cache-control"]
    old = served.send("GET", "/static/@old/pages/console.js")

    assert [each.endswith("immutable") for each in kept.values()] == [True, True, False]
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    assert served.send("GET", "/static/@old/nothing.js").status_code == 404


def test_pages_are_packed_for_those_who_can_unpack_them(ada: Browser) -> None:
    packed = ada.send("GET", "/account", headers={"accept-encoding": "gzip"})
    plain = ada.send("GET", "/account", headers={"accept-encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert "accept-encoding" in packed.headers["vary"]
    assert packed.text.count("</html>") == plain.text.count("</html>") == 1


def test_a_script_is_given_what_is_in_the_page_and_no_more(ada: Browser) -> None:
    fragment = ada.send("GET", "/account", headers={"hx-request": "true"}).text
    back = {"hx-request": "true", "hx-history-restore-request": "true"}

    assert "You are logged in as" in fragment
    assert "<nav" not in fragment
    assert "<script" not in fragment
    assert "</html>" in ada.send("GET", "/account", headers=back).text


def test_an_address_that_leads_nowhere_is_told_as_whoever_asks_can_read_it(served: Served) -> None:
    page = served.send("GET", "/nothing/<b>", headers={"accept": "text/html,*/*"})
    json = served.send("GET", "/nothing", headers={"accept": "*/*"})
    form = served.send("GET", "/jobs/actions", headers={"accept": "text/html"})

    assert page.status_code == json.status_code == 404
    assert "There is nothing at /nothing/&lt;b&gt;." in page.text
    assert json.json()["error"]["code"] == "not_found"
    assert (form.status_code, "only where a form is sent to" in form.text) == (405, True)


def test_what_comes_from_elsewhere_has_its_licence_and_version(served: Served) -> None:
    makefile = (Path(__file__).parents[3] / "Makefile").read_text()
    of_tests = (Path(__file__).parent / "vendor").iterdir()
    folders = [*(FOLDER / "vendor").iterdir(), FOLDER / "rapidoc", *of_tests]

    assert len(folders) >= 5
    for folder in folders:
        words = (folder / "VERSION.txt").read_text().split()
        version, name = words[1].rstrip(","), words[0]
        assert f" {name} {version} " in makefile, folder.name
        assert list(folder.glob("LICENSE*")), folder.name


# Colours


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_can_be_read_on_every_ground(theme: str) -> None:
    style = (FOLDER / "style.css").read_text()
    at = 0 if theme == "light" else 1
    colours = {
        name: (light, dark)[at]
        for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", style)
    }

    for text in ("text", "muted", "accent", "ok", "warn", "bad"):
        for ground in (
            "ground",
            "raised",
            "accent-ground",
            *(["sunken"] if text == "text" else []),
        ):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for name in ("ok", "warn", "bad"):
        for text in (name, "text", "accent"):
            assert contrast(colours[text], colours[f"{name}-ground"]) >= 4.5, (text, name)
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    for ground in ("ground", "raised"):
        assert contrast(colours["edge"], colours[ground]) >= 3, ground


# Words


def test_what_an_error_says_first_is_shown() -> None:
    assert first_line("\n\n  ValueError: x \nmore") == "ValueError: x"
    assert len(first_line("x" * 1000)) == 300
    assert first_line("") == ""


def test_only_an_address_that_can_but_be_loaded_becomes_a_link() -> None:
    for url in ("http://a/b", "https://a", "dendro:abc", "HTTPS://a"):
        assert is_safe_link(url), url
    for url in ("javascript:alert(1)", " javascript:x", "data:text/html,x", "//a", "x", "", "http"):
        assert not is_safe_link(url), url
    assert not is_safe_link("http://[")


def test_who_logs_in_again_has_forms_that_work(served: Served) -> None:
    browser = Browser(served).log_in(OWNER)
    browser.send("POST", LOGOUT)
    browser.log_in(OWNER)

    assert browser.send("POST", LOGOUT).status_code == 303
