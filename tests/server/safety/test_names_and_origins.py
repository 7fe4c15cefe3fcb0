"""Who may ask under which name, over a real connection: the guards are there and in order."""

import re
from collections.abc import Callable

import msgspec

from dendro_local.server.serving import ServerOptions
from dendro_local.server.sessions import cookie_name
from tests.server.conftest import OWNER
from tests.server.safety.conftest import Port

FIND = msgspec.json.encode({"type": "findJobsRequest", "serviceName": "any"})


def test_a_name_that_leads_here_by_dns_is_refused_for_every_route(port: Port) -> None:
    host = f"evil.example.com:{port.server.port}"
    for line in (
        "GET /",
        "GET /v1/jobs",
        "POST /api/findJobs",
        "GET /f/x",
        "OPTIONS /api/findJobs",
    ):
        reply = port.ask(line, host=host)
        assert reply.status == 421, line
        assert b"evil" not in reply.body


def test_a_refusal_under_a_wrong_name_has_the_form_of_the_route(port: Port) -> None:
    message = "This server does not answer under this name"

    assert port.ask("POST /api/findJobs", host="evil.example.com").error == message
    ours = {"code": "wrong_host", "message": message}
    assert port.ask("GET /v1/jobs", host="evil.example.com").error == ours


def test_a_request_for_two_names_or_none_is_refused(port: Port) -> None:
    own = f"127.0.0.1:{port.server.port}"
    for hosts in ("", f"host: {own}\r\nhost: evil.example.com\r\n", "host: \r\n"):
        head = f"GET /v1/jobs HTTP/1.1\r\n{hosts}\r\n"
        assert port.say(head.encode()).status in (400, 421), hosts


def test_what_is_no_host_does_not_come_into_urls(port: Port) -> None:
    for host in ("localhost:1/evil", "localhost:x", "localhost:1@evil.com", 'localhost:"><b>'):
        assert port.ask("GET /", host=host).status in (400, 421), host


def test_the_names_that_were_given_are_answered(
    serve: Callable[[ServerOptions], Port],
) -> None:
    options = ServerOptions(port=0, public_url="https://hub.example.org", names=["lab-pc"])
    port = serve(options)

    for host in ("hub.example.org", "LAB-PC:1234", "localhost"):
        assert port.ask("GET /v1/jobs", host=host).status == 200, host
    assert port.ask("GET /v1/jobs", host="lab").status == 421


def test_a_page_of_another_site_changes_nothing(port: Port) -> None:
    headers = {"origin": "https://evil.example.com", "authorization": "Bearer x"}
    for line in ("POST /api/createJob", "POST /v1/jobs", "POST /logout", "PUT /u/x", "DELETE /v1"):
        reply = port.ask(line, b"{}", headers=headers)
        assert reply.status == 403, line
        assert "access-control-allow-origin" not in reply.headers


def test_a_page_of_another_site_reads_nothing(port: Port) -> None:
    reply = port.ask("GET /v1/jobs", headers={"origin": "https://evil.example.com"})

    assert "access-control-allow-origin" not in reply.headers
    assert reply.headers["vary"] == "origin"


def test_pages_of_known_sites_ask_without_what_the_browser_knows(port: Port) -> None:
    headers = {"origin": "https://neurosift.app", "content-type": "application/json"}

    reply = port.ask("POST /api/findJobs", FIND, headers=headers)

    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "https://neurosift.app"
    # Or such a page could ask with the cookie of whoever is logged in here.
    assert "access-control-allow-credentials" not in reply.headers


def test_pages_of_the_hub_itself_may_ask_behind_a_proxy_that_changes_the_name(
    serve: Callable[[ServerOptions], Port],
) -> None:
    port = serve(ServerOptions(port=0, public_url="https://hub.example.org"))

    session = port.hub.begin_session_by(port.hub.new_login_token(OWNER))
    cookie = f"{cookie_name(port.server.site, 'session')}={session}"
    page = port.ask("GET /account", headers={"cookie": cookie}).body.decode()
    [token] = re.findall('<meta name="csrf" content="([^"]+)">', page)
    form = {"origin": "https://hub.example.org", "cookie": cookie, "x-csrf-token": token}

    reply = port.ask("POST /logout", headers=form)

    assert reply.status == 303
