"""How often strangers may ask a public hub."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from dendro_local.local_hub import LocalHub
from dendro_local.server import rate_limits
from dendro_local.server.messages import send_reply
from dendro_local.server.rate_limits import RateGuard, Rates, bucket_of_address
from dendro_local.server.sessions import cookie_name
from dendro_local.server.site import Site
from tests.server.conftest import ADA, BASE_URL, BOB, OWNER

Ask = Callable[..., httpx.Response]


@pytest.fixture
def now() -> list[float]:
    """The time by the limits' clock, which a test sets."""
    return [1000.0]


@pytest.fixture
def make_ask(hub: LocalHub, now: list[float]) -> Iterator[Callable[..., Ask]]:
    """Ask through a guard, ``make_ask(of_user=1, of_address=2)``, that lets 20 times as much by."""
    site = Site(hub, base_url=BASE_URL)
    with asyncio.Runner() as loop:

        def make(of_user: float = 0.1, of_address: float = 0.25) -> Ask:
            rates = Rates(of_user=of_user, of_address=of_address, proxies=["10.0.0.1"])
            guard = RateGuard(answer, site, rates, clock=lambda: now[0])

            def ask(
                path: str = "/api/findJobs",
                *,
                address: str = "192.0.2.1",
                method: str = "POST",
                **request: Any,
            ) -> httpx.Response:
                async def send() -> httpx.Response:
                    transport = httpx.ASGITransport(guard, client=(address, 1))  # type: ignore[arg-type]  # Litestar types scopes more narrowly than httpx
                    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
                        return await client.request(method, path, **request)

                return loop.run(send())

            return ask

        yield make
    site.close()


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that knows no key that begins with ``wrong``."""
    assert scope["type"] == ScopeType.HTTP
    headers = dict(scope["headers"])
    status = 401 if headers.get(b"authorization", b"").startswith(b"Bearer wrong") else 200
    await send_reply(send, status, b"answered", [])


def key_of(hub: LocalHub, user_id: str) -> dict[str, str]:
    """The header with a new key of a user."""
    if user_id not in [user.user_id for user in hub.users()]:
        hub.add_user(user_id)
    return {"authorization": f"Bearer {hub.add_api_key(user_id)[1]}"}


def count(ask: Callable[[], httpx.Response], most: int = 50) -> int:
    """How often somebody is answered before they ask too often."""
    for number in range(most):
        if ask().status_code == 429:
            return number
    return most


def test_an_address_that_asks_too_often_is_told_when_to_ask_again(
    make_ask: Callable[..., Ask], now: list[float]
) -> None:
    ask = make_ask(of_address=0.25)
    assert count(ask) == 5

    refused = ask()
    wait = int(refused.headers["retry-after"])
    assert (refused.status_code, wait) == (429, 4)

    now[0] += wait
    assert [ask().status_code, ask().status_code] == [200, 429]
    assert ask(address="192.0.2.2").status_code == 200


def test_a_refusal_has_the_form_of_the_route(make_ask: Callable[..., Ask]) -> None:
    ask = make_ask()
    count(ask)

    message = "Too many requests: this address asks more often than this hub answers"
    for path in ("/api/findJobs", "/f/a/b", "/u/token"):
        assert ask(path).json() == {"error": message}
    ours = {"error": {"code": "too_many_requests", "message": message}}
    for path in ("/v1/jobs", "/"):
        assert ask(path).json() == ours


def test_a_user_has_one_bucket_for_all_keys_and_addresses(
    make_ask: Callable[..., Ask], hub: LocalHub
) -> None:
    ask = make_ask(of_user=0.1)
    first, second = key_of(hub, ADA), key_of(hub, ADA)

    assert count(lambda: ask(headers=first)) == 2
    refused = ask(headers=second, address="192.0.2.2")

    assert refused.status_code == 429
    assert f"{ADA} asks more often" in refused.text
    assert ask(headers=key_of(hub, BOB), address="192.0.2.3").status_code == 200


def test_a_browser_counts_for_its_user(make_ask: Callable[..., Ask], hub: LocalHub) -> None:
    ask = make_ask(of_user=0.1)
    site = Site(hub, base_url=BASE_URL)
    key = key_of(hub, ADA)
    session = hub.begin_session_by(hub.new_login_token(ADA))
    cookie = {"cookie": f"{cookie_name(site, 'session')}={session}"}
    site.close()

    assert count(lambda: ask(headers=cookie)) == 2
    assert ask(headers=key).status_code == 429


def test_the_user_whose_store_it_is_is_limited_by_address_alone(
    make_ask: Callable[..., Ask], hub: LocalHub
) -> None:
    ask = make_ask(of_user=0.1, of_address=1.0)
    key = key_of(hub, OWNER)

    assert count(lambda: ask(headers=key)) == 20


def test_a_key_that_is_nobodys_costs_more(make_ask: Callable[..., Ask]) -> None:
    ask = make_ask(of_address=2.0)

    def guess() -> httpx.Response:
        return ask(headers={"authorization": f"Bearer wrong{guess.__name__}"})

    assert count(guess) == 4
    assert ask(address="192.0.2.9").status_code == 200


def test_a_long_body_to_parse_costs_more_and_a_file_does_not(
    make_ask: Callable[..., Ask],
) -> None:
    ask = make_ask(of_address=0.25)
    long_body = bytes(1 << 20)

    assert count(lambda: ask(content=long_body)) == 1
    assert count(lambda: ask("/u/token", content=long_body, method="PUT", address="::1")) == 5


def test_a_body_of_unknown_length_counts_as_a_long_one(make_ask: Callable[..., Ask]) -> None:
    ask = make_ask(of_address=4.0)

    async def pieces() -> Any:
        yield b"{}"

    assert count(lambda: ask(content=pieces())) == 2


def test_a_proxy_that_is_trusted_tells_for_whom_it_asks(make_ask: Callable[..., Ask]) -> None:
    ask = make_ask()

    def by_proxy(forwarded: str) -> httpx.Response:
        return ask(address="10.0.0.1", headers={"x-forwarded-for": forwarded})

    assert count(lambda: by_proxy("192.0.2.7")) == 5
    assert by_proxy("192.0.2.8").status_code == 200
    # What the client itself sent stands before what the proxy added.
    assert by_proxy("192.0.2.8, 192.0.2.7").status_code == 429
    assert by_proxy("192.0.2.7, 10.0.0.1").status_code == 429


def test_nobody_else_is_believed_for_whom_they_ask(make_ask: Callable[..., Ask]) -> None:
    ask = make_ask()
    names = iter(range(100))

    assert count(lambda: ask(headers={"x-forwarded-for": f"192.0.2.{next(names)}"})) == 5


@pytest.mark.parametrize(
    ("address", "bucket"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("", ""),
        ("unknown", ""),
    ],
)
def test_one_client_has_a_network_of_addresses_of_version_6(address: str, bucket: str) -> None:
    assert bucket_of_address(address) == bucket


def test_a_revoked_key_does_not_take_from_its_users_bucket_for_long(
    make_ask: Callable[..., Ask], hub: LocalHub, now: list[float]
) -> None:
    ask = make_ask(of_user=0.1, of_address=5.0)
    key = key_of(hub, ADA)
    assert count(lambda: ask(headers=key)) == 2
    hub.reset_api_key(ADA)

    now[0] += rate_limits.KNOWN_SEC + 1

    assert count(lambda: ask(headers=key), 5) == 5


def test_so_many_requests_of_an_address_are_open_at_once(hub: LocalHub) -> None:
    site = Site(hub, base_url=BASE_URL)

    async def ask_all() -> tuple[list[int], httpx.Response, int]:
        may_end = asyncio.Event()
        waiting = asyncio.Semaphore(0)

        async def answer_late(scope: Scope, receive: Receive, send: Send) -> None:
            waiting.release()
            await may_end.wait()
            await answer(scope, receive, send)

        guard = RateGuard(answer_late, site, Rates(of_user=1e6, of_address=1e6, proxies=[]))
        transport = httpx.ASGITransport(guard, client=("192.0.2.1", 1))  # type: ignore[arg-type]  # Litestar types scopes more narrowly than httpx
        elsewhere = httpx.ASGITransport(guard, client=("192.0.2.2", 1))  # type: ignore[arg-type]  # as above
        async with (
            httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client,
            httpx.AsyncClient(transport=elsewhere, base_url=BASE_URL) as other,
        ):
            streams = [
                asyncio.ensure_future(client.get("/v1/events"))
                for _ in range(rate_limits.MOST_AT_ONCE)
            ]
            for _ in streams:
                await waiting.acquire()
            refused = await client.get("/v1/events")
            far = asyncio.ensure_future(other.get("/v1/events"))
            await waiting.acquire()
            may_end.set()
            answered = [each.status_code for each in await asyncio.gather(*streams, far)]
            return answered, refused, (await client.get("/v1/events")).status_code

    answered, refused, afterwards = asyncio.run(ask_all())
    site.close()

    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert "at once" in refused.json()["error"]["message"]
    assert answered == [200] * (rate_limits.MOST_AT_ONCE + 1)
    assert afterwards == 200
