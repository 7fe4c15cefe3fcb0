"""Browsers that are logged in: how they come to be, what they may, and how they are forgotten."""

import time

import pytest

from dendro_local.local_hub import LocalHub, sessions
from dendro_local.server.sessions import session_cookie
from dendro_local.server.site import Site
from tests.server.conftest import ADA, BOB, OWNER, Served
from tests.server.login.conftest import Browser

CHANGE = "/v1/jobs/nothing/cancel"
"""A change that needs a user. There is no such job, which only a user is told."""

KNOWN, UNKNOWN = 404, 401


def test_a_link_logs_a_browser_in_and_leads_to_the_first_page(browser: Browser) -> None:
    token = browser.served.hub.new_login_token(OWNER)

    reply = browser.send("GET", f"/login?token={token}")

    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    assert browser.user_id == OWNER


def test_a_link_is_good_once(served: Served) -> None:
    token = served.hub.new_login_token(OWNER)
    Browser(served).open(f"/login?token={token}")

    late = Browser(served)
    reply = late.open(f"/login?token={token}")

    assert (reply.status_code, late.user_id) == (401, None)
    assert "This link has been used before" in reply.text


def test_a_link_is_good_for_a_while(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "LOGIN_TOKEN_SEC", -1.0)

    assert browser.open(f"/login?token={browser.served.hub.new_login_token(OWNER)}").is_error
    assert browser.user_id is None


def test_what_is_no_token_logs_nobody_in(browser: Browser) -> None:
    for token in ("", "x", "0" * 64, "%00", "é" * 500):
        assert browser.open(f"/login?token={token}").status_code == 401, token


def test_a_session_ends_after_its_time(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SESSION_SEC", -1.0)

    browser.log_in()

    assert browser.user_id is None


def test_logging_out_ends_the_session_for_whoever_has_its_cookie(served: Served) -> None:
    browser = Browser(served).log_in()
    copy = Browser(served)
    copy.cookies.update(browser.cookies)

    assert browser.send("POST", "/logout").headers["location"] == "/"

    assert (browser.user_id, copy.user_id) == (None, None)


def test_logging_out_everywhere_ends_every_session_of_the_user_alone(served: Served) -> None:
    served.key_of(ADA)
    first, second = Browser(served).log_in(ADA), Browser(served).log_in(ADA)
    other = Browser(served).log_in(OWNER)

    first.send("POST", "/account/logout")

    assert (first.user_id, second.user_id, other.user_id) == (None, None, OWNER)


def test_removing_a_user_ends_their_sessions_and_links(served: Served) -> None:
    served.key_of(ADA)
    browser = Browser(served).log_in(ADA)
    token = served.hub.new_login_token(ADA)

    served.hub.remove_user(ADA)

    assert browser.user_id is None
    assert Browser(served).open(f"/login?token={token}").status_code == 401


def test_the_store_has_no_token(served: Served) -> None:
    token = served.hub.new_login_token(OWNER)
    browser = Browser(served).log_in()
    [session] = browser.cookies.values()

    content = b"".join(file.read_bytes() for file in served.hub.store.folder.root.glob("store.db*"))

    assert len(session) == 64
    assert token.encode() not in content
    assert session.encode() not in content


def test_a_session_changes_what_its_user_may_change(served: Served) -> None:
    job = served.create_job()
    browser = Browser(served).log_in()

    reply = browser.send("POST", f"/v1/jobs/{job['jobId']}/cancel")

    assert (reply.status_code, reply.json()["canceled"]) == (200, True)


def test_a_session_counts_where_the_contract_says_login(served: Served) -> None:
    browser = Browser(served).log_in()
    body = {"type": "addUserRequest", "userId": BOB}

    assert browser.send("POST", "/api/addUser", json=body).status_code == 200
    assert served.hub.user(BOB).user_id == BOB


@pytest.mark.parametrize("path", [CHANGE, "/api/addUser", "/logout", "/account/regenerate"])
def test_a_change_that_a_page_of_another_site_makes_is_nobodys(served: Served, path: str) -> None:
    browser = Browser(served).log_in()
    body = {"type": "addUserRequest", "userId": BOB}

    for headers in (
        {"origin": "https://neurosift.app"},
        {"origin": "http://localhost:5173"},
        {"origin": "http://hub.test:8080"},
        {"origin": "https://hub.test"},
        {"origin": "null"},
        {"origin": "http://hub.test.evil.com"},
        {"origin": "http://hub.test", "sec-fetch-site": "same-site"},
        {"origin": "http://hub.test", "sec-fetch-site": "cross-site"},
        {"origin": "http://hub.test", "sec-fetch-site": "none"},
        {"origin": ""},
    ):
        reply = browser.send("POST", path, headers=headers, json=body)
        assert reply.status_code in (401, 403), headers

    assert browser.user_id == OWNER
    assert served.hub.api_keys(OWNER) == []
    assert [user.user_id for user in served.hub.users()] == [OWNER]


def test_a_change_that_does_not_say_which_page_makes_it_is_nobodys(served: Served) -> None:
    browser = Browser(served).log_in()
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

    reply = served.send("POST", CHANGE, headers={"cookie": cookie})

    assert reply.status_code == UNKNOWN


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "same-origin", "origin": ""}, {"origin": "http://hub.test"}]
)
def test_a_change_that_a_page_of_the_hub_makes_is_its_users(
    served: Served, headers: dict[str, str]
) -> None:
    browser = Browser(served).log_in()

    assert browser.send("POST", CHANGE, headers=headers).status_code == KNOWN


def test_a_key_needs_no_page(served: Served) -> None:
    reply = served.send("POST", CHANGE, key=served.key_of(OWNER))

    assert reply.status_code == KNOWN


def test_a_wrong_key_does_not_fall_back_to_the_session(served: Served) -> None:
    browser = Browser(served).log_in()

    headers = {"authorization": "Bearer wrong"}

    assert browser.send("POST", CHANGE, headers=headers).status_code == UNKNOWN


def test_the_cookie_is_for_this_hub_and_no_script(hub: LocalHub) -> None:
    site = Site(hub, base_url="http://127.0.0.1:61423")
    header = session_cookie(site, "abc").to_header(header="")
    site.close()

    assert header.startswith("dendro-session-61423=abc;")
    for part in ("HttpOnly", "SameSite=lax", "Path=/"):
        assert part in header
    assert "Secure" not in header
    assert "Domain" not in header


def test_the_cookie_of_a_hub_with_https_is_sent_to_nobody_else(hub: LocalHub) -> None:
    site = Site(hub, base_url="https://hub.example.org")
    header = session_cookie(site, "abc").to_header(header="")
    site.close()

    assert header.startswith("__Host-dendro-session-443=abc;")
    assert "Secure" in header


def test_two_hubs_of_one_machine_do_not_share_a_cookie(hub: LocalHub) -> None:
    sites = [Site(hub, base_url=f"http://127.0.0.1:{port}") for port in (1001, 1002)]
    names = {session_cookie(site, "x").key for site in sites}
    for site in sites:
        site.close()

    assert len(names) == 2


def test_a_link_for_nobody_cannot_be_made(served: Served) -> None:
    with pytest.raises(Exception, match="There is no user 'nobody'"):
        served.hub.new_login_token("nobody")


def test_what_has_expired_is_forgotten(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    Browser(served).log_in()
    later = time.time() + sessions.SESSION_SEC + 1
    monkeypatch.setattr(time, "time", lambda: later)

    Browser(served).log_in()

    with served.hub.store.reading():
        rows = served.hub.store._connections.get().execute("select count(*) from sessions")
        assert rows.fetchone() == (1,)
