"""What a page says where something cannot be done: what happened, and what to do about it."""

import pytest

from dendro_local.errors import DiskFull, StoreError
from dendro_local.local_hub import LocalHub
from tests.server.conftest import ADA, SERVICE, Served
from tests.server.login.conftest import Browser


@pytest.fixture
def ada(served: Served) -> Browser:
    """The browser of a user who owns nothing."""
    served.key_of(ADA)
    return Browser(served).log_in(ADA)


@pytest.mark.parametrize(
    ("method", "path", "status", "title", "says"),
    [
        ("GET", "/jobs/none", 404, "Not found", "no job"),
        ("GET", "/apps/none", 404, "Not found", "service"),
        ("GET", f"/apps/{SERVICE}/none", 404, "Not found", "hello_world"),
        ("GET", "/clients/none", 404, "Not found", "no compute client"),
        ("GET", "/nowhere/at/all", 404, "Not found", "There is nothing at /nowhere/at/all."),
        ("GET", "/storage?larger_than_mb=x", 400, "This cannot be done", "Give a number"),
        ("POST", f"/apps/{SERVICE}/remove", 403, "You may not do this", "Only the owner"),
        ("GET", "/jobs/actions", 405, "This is no page", "only where a form is sent to"),
        ("PUT", "/storage", 405, "This is no page", "only where a form is sent to"),
    ],
)
def test_a_page_says_what_happened_and_where_to_go(
    ada: Browser, method: str, path: str, status: int, title: str, says: str
) -> None:
    reply = ada.send(method, path, headers={"accept": "text/html"})

    assert reply.status_code == status
    assert f"<h1>{title}</h1>" in reply.text
    assert says in reply.text
    assert '<a href="/apps">' in reply.text


def test_a_command_in_a_message_is_code_and_nothing_in_it_is_markup(ada: Browser) -> None:
    page = ada.send("GET", "/jobs/`<b>`").text
    odd = ada.send("GET", "/jobs/`<b>").text

    assert "<code>dendro-local jobs</code> lists" in page
    assert "<code>&lt;b&gt;</code>" in page
    assert "`&lt;b&gt;" in odd
    assert "<b>" not in page + odd


@pytest.mark.parametrize(
    "up", ["..%2F..%2F..%2Fetc%2Fpasswd", "..%5C..", "%2Fetc%2Fpasswd", "..", "%00"]
)
def test_no_path_leads_out_of_what_pages_show(ada: Browser, up: str) -> None:
    job = ada.served.create_job()["jobId"]

    for path in (
        f"/static/{up}",
        f"/static/pages/{up}",
        f"/jobs/{up}",
        f"/jobs/{job}/files/output/{up}",
        f"/jobs/{job}/files/{up}/output",
        f"/apps/{up}",
        f"/apps/{SERVICE}/{up}",
        f"/apps/{SERVICE}/hello_world/{up}",
        f"/clients/{up}",
        f"/remotes/{up}",
    ):
        reply = ada.send("GET", path)

        # httpx takes `..` away as browsers do; what is left may be another page.
        assert reply.status_code in ((200, 400, 404) if up == ".." else (400, 403, 404)), path
        assert "root:" not in reply.text, path


def test_who_is_not_logged_in_is_led_to_the_login(served: Served) -> None:
    reply = Browser(served).send("POST", f"/apps/{SERVICE}/remove")

    assert (reply.status_code, "<h1>Log in first</h1>" in reply.text) == (401, True)
    assert '<a class="button primary" href="/login">' in reply.text


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (DiskFull("/secret/path is full"), 507, "No room is left on the disk of the hub"),
        (StoreError("/secret/path is locked"), 500, "its log says why"),
        (RuntimeError("/secret/path is odd"), 500, "its log says why"),
    ],
)
def test_a_fault_of_the_hub_is_told_without_its_paths(
    ada: Browser,
    hub: LocalHub,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    says: str,
) -> None:
    def fails() -> None:
        raise error

    monkeypatch.setattr(hub, "services", fails)

    for path in ("/apps", "/clients"):
        reply = ada.send("GET", path)

        assert (reply.status_code, says in reply.text) == (status, True), path
        assert "<h1>The hub could not do this</h1>" in reply.text
        assert "dendro-local doctor" in reply.text
        assert "/secret/path" not in reply.text
