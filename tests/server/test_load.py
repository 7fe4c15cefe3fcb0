"""Many at once, each on a connection of its own."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from dendro_local.local_hub import LocalHub
from tests.server.conftest import OWNER, job_request
from tests.server.v1.conftest import LIMIT_SEC, Live

pytestmark = pytest.mark.process

SUBMITTERS = 64
LISTENERS = 100


@pytest.fixture
def live(hub: LocalHub) -> Iterator[Live]:
    """The hub, served on a port."""
    live = Live(hub)
    yield live
    live.close()


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(live: Live) -> Connection:
    """A connection of its own to the hub."""
    parts = urlsplit(live.server.url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def asked(live: Live, request: bytes, start: asyncio.Barrier) -> tuple[bytes, Any]:
    """First line and JSON of the answer to a request, sent when all others are sent."""
    reader, writer = await connect(live)
    await start.wait()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
    return head.partition(b"\r\n")[0], json.loads(body)


def test_many_submitters_of_one_definition_get_one_job(live: Live, hub: LocalHub) -> None:
    _, key = hub.add_api_key(OWNER)
    body = json.dumps({"type": "createJobRequest", **job_request()}).encode()
    head = (
        f"POST /api/createJob HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    async def ask_all() -> list[tuple[bytes, Any]]:
        start = asyncio.Barrier(SUBMITTERS)
        asking = [asked(live, head.encode() + body, start) for _ in range(SUBMITTERS)]
        async with asyncio.timeout(LIMIT_SEC):
            return await asyncio.gather(*asking)

    answers = asyncio.run(ask_all())

    assert {line for line, _ in answers} == {b"HTTP/1.1 200 OK"}
    assert len({reply["job"]["jobId"] for _, reply in answers}) == 1
    assert len(live.client.get("/jobs").json()["jobs"]) == 1


def test_every_one_of_many_listeners_is_told(live: Live, hub: LocalHub) -> None:
    _, key = hub.add_api_key(OWNER)

    async def until(reader: asyncio.StreamReader, text: bytes) -> bytes:
        return await reader.readuntil(text) + await reader.readuntil(b"\n\n")

    async def listen(submit: Callable[[], Awaitable[str]]) -> tuple[str, list[bytes]]:
        connections = [await connect(live) for _ in range(LISTENERS)]
        async with asyncio.timeout(LIMIT_SEC):
            for _, writer in connections:
                writer.write(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.gather(*(until(reader, b"event: began") for reader, _ in connections))
            job_id = await submit()
            told = await asyncio.gather(
                *(until(reader, b"event: job\n") for reader, _ in connections)
            )
        for _, writer in connections:
            writer.close()
        return job_id, told

    async def submit() -> str:
        body = {"type": "createJobRequest", **job_request()}
        headers = {"authorization": f"Bearer {key}"}
        url = f"{live.server.url}/api/createJob"
        reply = await asyncio.to_thread(live.client.post, url, json=body, headers=headers)
        job_id: str = reply.json()["job"]["jobId"]
        return job_id

    job_id, told = asyncio.run(listen(submit))

    assert len(told) == LISTENERS
    assert all(f'"jobId":"{job_id}"'.encode() in each for each in told)
