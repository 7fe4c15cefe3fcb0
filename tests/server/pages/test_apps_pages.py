"""The pages of services, apps and processors: what they tell to whom, and what their forms do."""

import re
from html import unescape
from pathlib import Path

import pytest

from dendro_local.environments import Environments, requirements_of
from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import ServiceUser
from dendro_local.server import store_figures
from tests.conftest import AppMaker
from tests.hub.conftest import NewJobMaker, Worker, greeting  # noqa: F401 - a fixture
from tests.server.conftest import ADA, BOB, OWNER, SERVICE, Served
from tests.server.login.conftest import Browser

BODY = """
@app.processor
def scale(output: OutputFile, factor: float = 2.5):
    '''Scales <b>'''
"""

NEEDS = "# /// script\n# dependencies = ['nothing-of-this-name']\n# ///\n"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait until all is counted, however busy the machine is."""
    monkeypatch.setattr(store_figures, "SOON_SEC", 60.0)


@pytest.fixture
def owner(served: Served) -> Browser:
    """The browser of the hub's owner."""
    return Browser(served).log_in()


@pytest.fixture
def ada(served: Served) -> Browser:
    """The browser of a user who owns nothing."""
    served.key_of(ADA)
    return Browser(served).log_in(ADA)


def text_of(browser: Browser, path: str) -> str:
    """What a page says, without its tags."""
    reply = browser.send("GET", path)
    assert reply.status_code == 200, reply.text
    return " ".join(unescape(re.sub("<[^>]*>", " ", reply.text)).split())


def post(browser: Browser, path: str, **fields: str) -> str:
    """Where a form leads; it must be taken."""
    reply = browser.send("POST", path, data=fields)
    assert reply.status_code == 303, reply.text
    where: str = reply.headers["location"]
    return where


def test_an_app_is_added_shown_updated_and_removed(
    owner: Browser, hub: LocalHub, make_app: AppMaker
) -> None:
    folder = make_app("scaling", BODY, version="1.0")

    assert post(owner, "/apps", service="my lab") == "/apps/my%20lab"
    assert post(owner, "/apps/my%20lab/add", source=str(folder)) == "/apps/my%20lab/scaling"

    shown = text_of(owner, "/apps/my%20lab/scaling")
    digest = hub.apps(service="my lab")[0].folder_digest
    for told in (str(folder), "Version 1.0", digest, "dendro_local.sdk", "needs none", "scale"):
        assert told is not None
        assert told in shown, told
    assert "factor float 2.5" in text_of(owner, "/apps/my%20lab/scaling/scale")
    assert "Scales <b>" in text_of(owner, "/apps/my%20lab/scaling/scale")

    make_app("scaling", BODY, version="2.0")
    assert "Its code has changed since it was registered" in text_of(
        owner, "/apps/my%20lab/scaling"
    )
    assert "changed since" in text_of(owner, "/apps/my%20lab")
    assert hub.apps(service="my lab")[0].version == "1.0", "to look at it changes nothing"
    post(owner, "/apps/my%20lab/scaling/update")
    assert "Version 2.0" in text_of(owner, "/apps/my%20lab/scaling")

    asks = owner.send("POST", "/apps/my%20lab/scaling/remove")
    assert "Remove app scaling from service my lab?" in asks.text
    assert post(owner, "/apps/my%20lab/scaling/remove", confirmed="yes") == "/apps/my%20lab"
    assert post(owner, "/apps/my%20lab/remove", confirmed="yes") == "/apps"
    assert "my lab" not in text_of(owner, "/apps")


def test_an_app_that_is_broken_says_so_and_shows_how_it_was(
    owner: Browser, ada: Browser, hub: LocalHub, make_app: AppMaker
) -> None:
    folder = make_app("scaling", BODY)
    hub.add_app(str(folder), "lab")
    make_app("scaling", "raise SystemExit('it is broken')")

    refused = owner.send("POST", "/apps/lab/scaling/update")
    shown = text_of(owner, "/apps/lab/scaling")
    assert (refused.status_code, "it is broken" in refused.text) == (400, True)
    assert "This app cannot be used as it is now." in shown
    assert "it is broken" in shown
    assert "factor" in text_of(owner, "/apps/lab/scaling/scale")

    (folder / "main.py").unlink()
    folder.rmdir()
    assert str(folder) in text_of(owner, "/apps/lab/scaling")
    assert "cannot be used" in text_of(ada, "/apps/lab/scaling")
    assert str(folder) not in ada.send("GET", "/apps/lab/scaling").text
    assert str(folder.parent) not in ada.send("GET", "/apps/lab").text


def test_what_an_app_needs_is_told_with_how_far_that_is(
    owner: Browser, ada: Browser, hub: LocalHub, make_app: AppMaker
) -> None:
    folder = make_app("scaling", BODY)
    hub.add_app(str(folder), "lab")
    code = (folder / "main.py").read_text()
    (folder / "main.py").write_text(NEEDS + code)
    requirements = requirements_of(folder / "main.py")
    assert requirements is not None

    assert "Environment not built yet" in text_of(ada, "/apps/lab/scaling")
    assert "not built yet" in text_of(ada, "/apps/lab")

    environments = Environments(hub.store.folder.environments)
    environments.log(requirements).parent.mkdir(parents=True, exist_ok=True)
    environments._note_failure(environments.key(requirements), requirements, "No such package.")
    assert "failed No such package." in text_of(owner, "/apps/lab/scaling").replace(" 0 B", "")
    assert "No such package." not in text_of(ada, "/apps/lab/scaling")


def test_numbers_are_those_of_the_finished_jobs(
    owner: Browser,
    hub: LocalHub,
    worker: Worker,
    greeting: NewJobMaker,  # noqa: F811
) -> None:
    requests: list[NewJob] = [greeting(name) for name in ("a", "b", "c")]
    hub.submit(requests)
    worker.complete(worker.claim())
    worker.fail(worker.claim())

    for path in ("", "/hello_world", "/hello_world/hello_world_2"):
        assert "Completed 1 Failed 1 Ran for" in text_of(owner, f"/apps/{SERVICE}{path}"), path
    assert "Completed 0 Failed 0" in text_of(owner, f"/apps/{SERVICE}/hello_world/hello_world_1")
    assert "1 completed, 1 failed" in text_of(owner, "/apps")


def test_an_admin_says_who_may_do_what(ada: Browser, hub: LocalHub) -> None:
    path = f"/apps/{SERVICE}/users"
    assert ada.send("POST", path, data={"user": ADA, "admin": "yes"}).status_code == 403
    hub.set_service_users(
        SERVICE, [ServiceUser(userId=ADA, admin=True, createJobs=False, processJobs=False)]
    )

    post(ada, path, user=f" {BOB} ", createJobs="yes", processJobs="yes")
    assert hub.service(SERVICE).users[1] == ServiceUser(
        userId=BOB, admin=False, createJobs=True, processJobs=True
    )
    assert f"{BOB} yes yes \N{EN DASH}" in text_of(ada, f"/apps/{SERVICE}")
    post(ada, path, user=BOB, createJobs="yes")
    assert not hub.service(SERVICE).users[1].processJobs
    post(ada, path, user="*", createJobs="yes")
    assert "everybody with a key (*)" in text_of(ada, f"/apps/{SERVICE}")
    refused = ada.send("POST", path, data={"user": "*", "processJobs": "yes"})
    assert (refused.status_code, "can only be given createJobs" in refused.text) == (400, True)
    post(ada, path, user=BOB, drop="yes")
    assert [each.userId for each in hub.service(SERVICE).users] == [ADA, "*"]
    assert ada.send("POST", path, data={"user": " "}).status_code == 400


def test_what_others_may_not_do_is_neither_offered_nor_done(
    served: Served, ada: Browser, hub: LocalHub, make_app: AppMaker, tmp_path: Path
) -> None:
    hub.add_app(str(make_app("scaling", BODY)), SERVICE)
    guest = Browser(served)
    of_app = f"/apps/{SERVICE}/scaling"

    for who, is_known in ((guest, False), (ada, True)):
        service, app = (who.send("GET", path).text for path in (f"/apps/{SERVICE}", of_app))
        assert "<form" not in service + app
        assert str(tmp_path) not in service + app
        assert ("Log in</a> to see who may use this service" in service) is not is_known
        assert ("Add a service" in who.send("GET", "/apps").text) is is_known
        for path, fields in (
            (f"/apps/{SERVICE}/add", {"source": "/"}),
            (f"/apps/{SERVICE}/users", {"user": ADA, "admin": "yes"}),
            (f"/apps/{SERVICE}/remove", {"confirmed": "yes"}),
            (f"{of_app}/update", {}),
            (f"{of_app}/remove", {"confirmed": "yes"}),
        ):
            assert who.send("POST", path, data=fields).status_code == (403 if is_known else 401)
    assert hub.service(SERVICE).users == []

    post(ada, "/apps", service="of ada")
    assert hub.service("of ada").userId == ADA
    assert ada.send("POST", "/apps/of%20ada/add", data={"source": "/"}).status_code == 403
    assert post(ada, "/apps/of%20ada/remove", confirmed="yes") == "/apps"


def test_what_cannot_be_is_refused_with_what_to_do(owner: Browser) -> None:
    for path, fields, status, says in (
        ("/apps", {"service": SERVICE}, 409, "already exists"),
        ("/apps", {"service": ".."}, 400, "cannot be named"),
        ("/apps", {"service": "a/b"}, 400, "cannot be named"),
        ("/apps", {}, 400, "Go back and fill it in"),
        (f"/apps/{SERVICE}/add", {"source": "/nothing/here"}, 400, "/nothing/here"),
        (f"/apps/{SERVICE}/hello_world/update", {}, 400, "comes with dendro-local"),
    ):
        reply = owner.send("POST", path, data=fields)
        assert (reply.status_code, says in reply.text) == (status, True), (path, reply.text)
    for path, says in (
        ("/apps/none", "service"),
        (f"/apps/{SERVICE}/none", "hello_world"),
        (f"/apps/{SERVICE}/hello_world/none", "It has: hello_world_1"),
        (f"/apps/{SERVICE}/..%2F..", ""),
    ):
        reply = owner.send("GET", path)
        assert (reply.status_code, says in unescape(reply.text)) == (404, True), path
    assert OWNER in owner.send("GET", "/apps").text
