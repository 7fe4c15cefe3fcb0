"""Under which names the server answers, and to pages of which sites."""

import asyncio

import httpx
import pytest
from litestar import Litestar, asgi
from litestar.types import HTTPScope, Receive, Send

from dendro_local.server.hosts import HostGuard, host_name
from dendro_local.server.messages import send_reply
from dendro_local.server.origins import OriginGuard


@asgi("/", is_mount=True, copy_scope=False)
async def answer(scope: HTTPScope, receive: Receive, send: Send) -> None:
    await send_reply(send, 200, b"answered", [])


APP = Litestar([answer], openapi_config=None, logging_config=None)


def ask(
    method: str = "GET",
    path: str = "/api/findJobs",
    *,
    any_address: bool = False,
    **headers: str,
) -> httpx.Response:
    guarded = HostGuard(
        OriginGuard(APP, ["https://lab.example.org"]),
        ["hub.example.org"],
        any_address=any_address,
    )

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=guarded)  # type: ignore[arg-type]  # Litestar types scopes more narrowly than httpx
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:1") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers=named)

    return asyncio.run(send())


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:61423", "127.0.0.1:61423", "[::1]:61423", "HUB.example.org."]
)
def test_the_server_answers_under_its_own_names(host: str) -> None:
    assert ask(host=host).text == "answered"


@pytest.mark.parametrize("host", ["evil.example.com", "localhost.evil.com", "192.168.1.5", "", "["])
def test_the_server_does_not_answer_under_others(host: str) -> None:
    reply = ask(host=host)
    assert (reply.status_code, "does not answer under this name" in reply.text) == (421, True)


@pytest.mark.parametrize("host", ["192.168.1.5:61423", "[fe80::1]"])
def test_a_server_on_all_addresses_answers_under_any_of_them(host: str) -> None:
    assert ask(host=host, any_address=True).text == "answered"
    assert ask(host="evil.example.com", any_address=True).status_code == 421


def test_the_name_in_a_host_header_has_no_port() -> None:
    assert [host_name(each) for each in ("A:1", "[::1]:2", "b.")] == ["a", "::1", "b"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://neurosift.app",
        "https://figurl.github.io",
        "http://localhost:5173",
        "http://127.0.0.1:3000",
        "https://lab.example.org",
        "http://localhost:1",
    ],
)
def test_pages_of_known_sites_may_read_answers(origin: str) -> None:
    reply = ask("POST", origin=origin)
    assert reply.text == "answered"
    assert reply.headers["access-control-allow-origin"] == origin
    assert reply.headers["access-control-allow-methods"] == "POST, OPTIONS"
    assert reply.headers["access-control-allow-headers"] == "Authorization, Content-Type"


def test_pages_of_other_sites_may_not_ask_for_changes() -> None:
    reply = ask("POST", origin="https://evil.example.com")
    assert reply.status_code == 403
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize(
    "origin",
    ["null", "https://neurosift.app.evil.com", "http://localhost.evil.com", "http://localhost:1x"],
)
def test_an_origin_that_only_looks_known_is_not(origin: str) -> None:
    assert "access-control-allow-origin" not in ask(origin=origin).headers


def test_programs_name_no_origin_and_are_answered() -> None:
    assert ask("POST").text == "answered"


def test_a_preflight_is_answered_with_200_and_no_body() -> None:
    reply = ask("OPTIONS", origin="https://neurosift.app")
    assert (reply.status_code, reply.content) == (200, b"")


def test_pages_may_ask_for_ranges_of_files_and_see_which_they_got() -> None:
    reply = ask("OPTIONS", "/f/a", origin="https://neurosift.app")
    assert "Range" in reply.headers["access-control-allow-headers"]
    assert reply.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    exposed = reply.headers["access-control-expose-headers"]
    for name in ("Content-Range", "Accept-Ranges", "ETag", "Content-Length"):
        assert name in exposed


def test_a_page_of_the_internet_may_ask_a_machine_of_a_private_network() -> None:
    reply = ask(
        "OPTIONS", origin="https://neurosift.app", access_control_request_private_network="true"
    )
    assert reply.headers["access-control-allow-private-network"] == "true"
