"""The page on which users see and change their API keys."""

import re

import pytest

from tests.hub.conftest import Worker
from tests.server.conftest import ADA, BASE_URL, BOB, OWNER, SERVICE, Served
from tests.server.login.conftest import Browser


def shown_key(page: str) -> str:
    """The key that a page shows, this once."""
    [found] = re.finditer('<code class="key">([A-Za-z0-9]{32})</code>', page)
    return found[1]


@pytest.fixture
def ada(served: Served) -> Browser:
    """A browser of a user who is not the owner, and has a key."""
    served.key_of(ADA)
    return Browser(served).log_in(ADA)


def test_who_is_not_logged_in_is_led_to_the_login(browser: Browser) -> None:
    assert browser.send("GET", "/account").headers["location"] == "/login"


def test_it_tells_who_is_logged_in_and_what_their_keys_are_called(ada: Browser) -> None:
    made, key = ada.served.hub.add_api_key(ADA, "cluster <b>")

    page = ada.open("/account").text

    assert f"You are logged in as <strong>{ADA}</strong>." in page
    assert made.key_id in page
    assert "cluster &lt;b&gt;" in page
    assert key not in page


def test_a_new_key_is_shown_once_and_works(ada: Browser) -> None:
    reply = ada.send("POST", "/account/keys", data={"label": "laptop"})

    key = shown_key(reply.text)
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    assert ada.served.hub.user_of_key(key) == ADA
    assert [each.label for each in ada.served.hub.api_keys(ADA)] == ["test", "laptop"]
    assert key not in ada.open("/account").text


def test_regenerating_takes_every_other_key_out_of_use(ada: Browser) -> None:
    earlier = ada.served.key_of(ADA)

    key = shown_key(ada.send("POST", "/account/regenerate").text)

    assert ada.served.hub.user_of_key(key) == ADA
    assert ada.served.hub.user_of_key(earlier) is None


def test_a_key_is_revoked(ada: Browser) -> None:
    made, key = ada.served.hub.add_api_key(ADA, "lost")

    reply = ada.send("POST", f"/account/keys/{made.key_id}/revoke")

    assert reply.headers["location"] == "/account"
    assert ada.served.hub.user_of_key(key) is None
    assert made.key_id not in ada.open("/account").text


def test_the_key_of_another_user_cannot_be_revoked(ada: Browser) -> None:
    key = ada.served.key_of(BOB)
    [known] = ada.served.hub.api_keys(BOB)

    reply = ada.send("POST", f"/account/keys/{known.key_id}/revoke")

    assert reply.status_code == 404
    assert ada.served.hub.user_of_key(key) == BOB


def test_who_is_not_logged_in_changes_nothing(browser: Browser) -> None:
    for path in ("keys", "regenerate", "keys/x/revoke", "logout"):
        reply = browser.send("POST", f"/account/{path}", data={"label": "x"})
        assert reply.status_code == 401, path

    assert browser.served.hub.api_keys(OWNER) == []


def test_a_label_that_is_too_long_is_refused_on_a_page(ada: Browser) -> None:
    reply = ada.send("POST", "/account/keys", data={"label": "x" * 201})

    assert reply.status_code == 400
    assert "at most 200 characters" in reply.text
    assert reply.headers["content-type"].startswith("text/html")


def test_a_form_that_is_too_long_is_refused(ada: Browser) -> None:
    assert ada.send("POST", "/account/keys", data={"label": "x" * 70_000}).status_code == 413


def test_it_tells_on_which_services_the_user_may_create_jobs(ada: Browser) -> None:
    assert "You may not create jobs here yet." in ada.open("/account").text

    from dendro_local.model import ServiceUser

    rights = ServiceUser(userId=ADA, admin=False, createJobs=True, processJobs=False)
    ada.served.hub.set_service_users(SERVICE, [rights])

    assert f"You may create jobs on {SERVICE}." in ada.open("/account").text


def test_no_page_runs_a_script_of_its_own_or_asks_another_host(ada: Browser) -> None:
    for path in ("/", "/login", "/account", "/static/nothing"):
        reply = ada.open(path)

        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        scripts = re.findall(r"<script[^>]*>(.*?)</script>", reply.text, re.DOTALL)
        assert "".join(scripts) == ""
        assert " style=" not in reply.text
        urls = re.findall(r'(?:href|src|action)="([^"]*)"', reply.text)
        assert [url for url in urls if "//" in url] == []


def test_the_first_page_tells_what_is_served_and_where_to_go(browser: Browser) -> None:
    page = browser.open("/").text

    assert f"DENDRO_API_URL={BASE_URL}" in page
    assert SERVICE in page
    assert "hello_world_2" in page
    for link in ("/v1/docs", "/login"):
        assert f'href="{link}"' in page


def test_static_files_are_those_of_the_folder_and_are_not_sent_twice(browser: Browser) -> None:
    reply = browser.open("/static/style.css")
    assert reply.headers["content-type"].startswith("text/css")

    again = browser.send(
        "GET", "/static/style.css", headers={"if-none-match": reply.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_it_tells_what_the_users_jobs_have_used_and_what_was_deleted(
    ada: Browser, worker: Worker
) -> None:
    jobs = [ada.served.create_job(str(each), user=OWNER) for each in range(3)]
    for _ in jobs:
        worker.complete(worker.claim())
    ada.served.hub.delete([jobs[0]["jobId"]])
    owner = Browser(ada.served).log_in()

    page = " ".join(re.sub("<[^>]*>", " ", owner.open("/account").text).split())

    assert "Your jobs 2 0.000 0.000 0.000 0.000 " in page
    assert "Your jobs, deleted since 1 0.000 " in page
    assert "Jobs on your compute clients 2 0.000 " in page
    assert "Jobs on them, deleted since 1 0.000 " in page
    of_ada = " ".join(re.sub("<[^>]*>", " ", ada.open("/account").text).split())
    assert "Your jobs 0 " in of_ada
