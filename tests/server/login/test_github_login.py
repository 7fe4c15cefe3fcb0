"""Logging in to a public hub by GitHub, against a real OAuth server."""

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.server import github as github_module
from dendro_local.server.github import GitHub
from tests.server.conftest import BASE_URL, OWNER, Served, job_request, refusal
from tests.server.login.conftest import ADA, CALLBACK, Browser
from tests.server.login.github_server import CLIENT_SECRET, GitHubServer, Person

ADA_ID = "github|ada"


def begun(browser: Browser) -> dict[str, str]:
    """What GitHub is asked by a browser that begins to log in."""
    reply = browser.send("GET", "/login/github")
    assert reply.status_code == 303
    parts = urlsplit(reply.headers["location"])
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def came_back(browser: Browser, github: GitHubServer) -> str:
    """The address with which GitHub sends a browser back that begins to log in."""
    reply = browser.send("GET", "/login/github")
    location: str = httpx.get(reply.headers["location"], trust_env=False).headers["location"]
    assert location.startswith(CALLBACK)
    assert github.asked == ["/login/oauth/authorize"]
    return location


def changed(url: str, **query: str | None) -> str:
    """An address with other values in its query; None for what is left out."""
    parts = urlsplit(url)
    found: dict[str, Any] = {name: each[0] for name, each in parse_qs(parts.query).items()}
    found.update(query)
    kept = {name: value for name, value in found.items() if value is not None}
    return f"{BASE_URL}{parts.path}?{urlencode(kept)}"


def test_somebody_logs_in_by_github(stranger: Browser, github: GitHubServer) -> None:
    github.logged_in = ADA

    page = stranger.open("/login/github")

    assert page.status_code == 200
    assert stranger.user_id == ADA_ID
    assert stranger.served.hub.user(ADA_ID).info == {"name": "Ada Lovelace"}
    assert [*github.asked] == [
        "/login/oauth/authorize",
        "/login/oauth/access_token",
        "/api/user",
    ]


def test_who_logs_in_first_has_no_rights_until_a_service_gives_some(
    stranger: Browser, github: GitHubServer
) -> None:
    github.logged_in = ADA
    stranger.open("/login/github")
    hub = stranger.served.hub
    _, key = hub.add_api_key(ADA_ID)

    answer = stranger.served.ask("createJob", job_request(), key)
    assert answer == refusal(401, "This user is not allowed to create jobs for this service")

    from dendro_local.model import ServiceUser

    rights = ServiceUser(userId=ADA_ID, admin=False, createJobs=True, processJobs=False)
    hub.set_service_users("hello_world_service", [rights])
    assert stranger.served.ask("createJob", job_request(), key)[0] == 200


def test_who_comes_again_is_the_same_user_with_their_keys(
    public: Served, github: GitHubServer
) -> None:
    github.logged_in = ADA
    Browser(public).open("/login/github")
    _, key = public.hub.add_api_key(ADA_ID)
    github.logged_in = Person(ADA.number, "ada", "Another Name")

    Browser(public).open("/login/github")

    assert public.hub.user_of_key(key) == ADA_ID
    assert public.hub.user(ADA_ID).info == {"name": "Ada Lovelace"}


def test_who_takes_over_a_name_does_not_take_over_its_user(
    public: Served, github: GitHubServer
) -> None:
    github.logged_in = ADA
    Browser(public).open("/login/github")
    github.logged_in = Person(202, "ada", "Somebody Else")

    other = Browser(public)
    page = other.open("/login/github")

    assert (page.status_code, other.user_id) == (403, None)
    assert "was another account when it logged in here first" in page.text


def test_the_browser_is_sent_with_a_state_and_a_challenge_but_no_secret(stranger: Browser) -> None:
    asked = begun(stranger)

    assert set(asked) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "code_challenge",
        "code_challenge_method",
    }
    assert (asked["redirect_uri"], asked["code_challenge_method"]) == (CALLBACK, "S256")
    assert asked["state"] != begun(stranger)["state"]


@pytest.mark.parametrize("state", ["wrong", "", None])
def test_a_wrong_state_is_refused_without_asking_github(
    stranger: Browser, github: GitHubServer, state: str | None
) -> None:
    github.logged_in = ADA
    url = changed(came_back(stranger, github), state=state)

    page = stranger.go(url)

    assert (page.status_code, stranger.user_id) == (401, None)
    assert "was not begun in this browser" in page.text
    assert github.asked == ["/login/oauth/authorize"]


def test_a_login_that_another_browser_began_is_refused(
    public: Served, github: GitHubServer
) -> None:
    github.logged_in = ADA
    url = came_back(Browser(public), github)

    victim = Browser(public)
    begun(victim)

    assert victim.go(url).status_code == 401
    assert victim.user_id is None


def test_a_verifier_of_another_login_is_refused_by_github(
    public: Served, github: GitHubServer
) -> None:
    # The code is ADA's; state and verifier are those of a login that the browser began later.
    github.logged_in = ADA
    browser = Browser(public)
    url = came_back(browser, github)
    later = begun(browser)

    page = browser.go(changed(url, state=later["state"]))

    assert (page.status_code, browser.user_id) == (401, None)
    assert "GitHub did not confirm this login" in page.text
    assert github.asked[-1] == "/login/oauth/access_token"


def test_who_does_not_let_the_hub_know_is_told_so(stranger: Browser, github: GitHubServer) -> None:
    page = stranger.open("/login/github")

    assert (page.status_code, stranger.user_id) == (401, None)
    assert "GitHub did not log you in, or you did not let it." in page.text
    assert github.asked == ["/login/oauth/authorize"]


def test_a_login_cannot_be_replayed(public: Served, github: GitHubServer) -> None:
    github.logged_in = ADA
    browser = Browser(public)
    url = came_back(browser, github)
    thief = Browser(public)
    thief.cookies.update(browser.cookies)

    assert browser.go(url).status_code == 303
    again = browser.go(url)
    stolen = thief.go(url)

    assert (again.status_code, "was not begun in this browser" in again.text) == (401, True)
    assert (stolen.status_code, "did not confirm this login" in stolen.text) == (401, True)
    assert thief.user_id is None


def test_a_login_that_took_too_long_is_refused(
    stranger: Browser, github: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dendro_local.server.pages import login

    monkeypatch.setattr(login, "LOGIN_SEC", -1.0)
    github.logged_in = ADA
    assert stranger.open("/login/github").status_code == 401


def test_github_that_is_down_is_told_and_the_hub_goes_on(
    stranger: Browser, github: GitHubServer
) -> None:
    github.logged_in = ADA
    url = came_back(stranger, github)
    github.close()

    page = stranger.go(url)

    assert (page.status_code, stranger.user_id) == (502, None)
    assert f"{github.url} did not say who this is: ConnectError" in page.text
    assert stranger.open("/").status_code == 200


@pytest.fixture
def with_wrong_secret(hub: LocalHub, github: GitHubServer) -> Iterator[Served]:
    served = Served(hub, GitHub(github.app(client_secret="a-wrong-secret"), CALLBACK))
    yield served
    served.close()


def test_a_wrong_client_secret_is_for_the_log_alone(
    with_wrong_secret: Served, github: GitHubServer, caplog: pytest.LogCaptureFixture
) -> None:
    github.logged_in = ADA
    browser = Browser(with_wrong_secret)

    page = browser.open("/login/github")

    assert (page.status_code, browser.user_id) == (401, None)
    assert "GitHub refused a login: 'invalid_client'" in caplog.text
    for secret in ("a-wrong-secret", "invalid_client"):
        assert secret not in page.text
    assert "a-wrong-secret" not in caplog.text


def test_nothing_of_a_login_is_logged(
    stranger: Browser, github: GitHubServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    github.logged_in = ADA
    url = came_back(stranger, github)
    caplog.clear()

    stranger.go(url)

    [token] = github.tokens
    [session] = [each for name, each in stranger.cookies.items() if "session" in name]
    code = parse_qs(urlsplit(url).query)["code"][0]
    # The test's own client says what it asked, and Authlib what it gives.
    said = "\n".join(
        record.getMessage()
        for record in caplog.records
        if "hub.test" not in record.getMessage() and not record.name.startswith("authlib")
    )
    assert f"{github.url}/api/user" in said
    for secret in (token, session, code, CLIENT_SECRET):
        assert secret not in said


def test_a_hub_of_ones_own_has_no_login_by_github(browser: Browser) -> None:
    for path in ("/login/github", "/login/callback?code=a&state=b"):
        assert browser.open(path).status_code == 404
    assert "GitHub" not in browser.open("/login").text


def test_the_login_page_of_a_public_hub_leads_to_github(stranger: Browser) -> None:
    assert 'href="/login/github"' in stranger.open("/login").text


# A token where the contract says login


def test_a_personal_token_counts_where_the_contract_says_login(
    public: Served, github: GitHubServer
) -> None:
    token = github.token_of(ADA, "", prefix="ghp_")

    assert public.get("addUser", {"userId": ADA_ID}, token) == {}
    key = public.get("resetUserApiKey", {"userId": ADA_ID}, token)["apiKey"]

    assert public.hub.user_of_key(key) == ADA_ID
    assert public.ask("setUserInfo", {"userId": OWNER}, token) == refusal(401, "Unauthorized")
    assert github.asked == ["/api/user"]


def test_a_token_that_github_gave_this_hub_counts(public: Served, github: GitHubServer) -> None:
    token = github.token_of(ADA, "Iv1.hub")

    assert public.get("addUser", {"userId": ADA_ID}, token) == {}


def test_a_token_that_github_gave_another_site_is_nobodys(
    public: Served, github: GitHubServer
) -> None:
    token = github.token_of(ADA, "Iv1.another")

    assert public.ask("addUser", {"userId": ADA_ID}, token) == refusal(401, "Unauthorized")


def test_a_token_counts_only_where_the_contract_says_login(
    public: Served, github: GitHubServer
) -> None:
    token = github.token_of(ADA, "", prefix="ghp_")

    answer = public.ask("createJob", job_request(), token)

    assert answer == refusal(401, "Unauthorized - no user for token")
    assert github.asked == []


def test_what_looks_like_a_key_of_a_hub_is_shown_to_nobody(
    public: Served, github: GitHubServer
) -> None:
    revoked = public.key_of(ADA_ID)
    public.hub.reset_api_key(ADA_ID)

    for token in (revoked, "short", "x" * 300, "a.b" * 20):
        assert public.ask("addUser", {"userId": ADA_ID}, token) == refusal(401, "Unauthorized")
    assert github.asked == []


def test_it_is_kept_for_a_while_whose_a_token_is(
    public: Served, github: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = github.token_of(ADA, "", prefix="ghp_"), "ghp_" + "0" * 36
    for _ in range(3):
        public.ask("setUserInfo", {"userId": ADA_ID}, good)
        public.ask("setUserInfo", {"userId": ADA_ID}, bad)
    assert github.asked == ["/api/user"] * 2

    monkeypatch.setattr(github_module, "KNOWN_SEC", -1.0)
    public.ask("setUserInfo", {"userId": ADA_ID}, good)
    assert github.asked == ["/api/user"] * 3


def test_a_token_of_who_took_over_a_name_is_refused(public: Served, github: GitHubServer) -> None:
    github.logged_in = ADA
    Browser(public).open("/login/github")

    token = github.token_of(Person(202, "ada"), "", prefix="ghp_")
    status, reply = public.ask("resetUserApiKey", {"userId": ADA_ID}, token)

    assert status == 401
    assert "was another account" in reply["error"]


def test_github_that_is_down_is_told_to_who_shows_a_token(
    public: Served, github: GitHubServer
) -> None:
    github.close()

    status, reply = public.ask("addUser", {"userId": ADA_ID}, "ghp_" + "0" * 36)

    assert status == 502
    assert "did not say who this is" in reply["error"]
    assert public.ask("getServices")[0] == 200
