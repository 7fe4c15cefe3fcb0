"""Asking a hub over ``/v1``, in this process or, where answers go on for long, over a socket."""

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.server.serving import Server, ServerOptions
from tests.hub.conftest import greeting  # noqa: F401 - a fixture
from tests.server.conftest import OWNER, SERVICE, Served, job_request

LIMIT_SEC = 60.0
"""Whatever is waited for takes far less, on a machine that has other work too."""


def new_job(name: str = "world", **more: Any) -> dict[str, Any]:
    """A job to submit, as `job_request`."""
    request = job_request(name, **more)
    del request["userId"]
    return request


def body_of_job(name: str = "world", **more: Any) -> dict[str, Any]:
    """The body that submits one job."""
    return {"jobs": [new_job(name, **more)]}


class V1:
    """Asks a hub that is served in this process."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.hub = served.hub

    def send(
        self, method: str, path: str, *, by: str | None = OWNER, **more: Any
    ) -> httpx.Response:
        """The reply to a request by a user; None for whoever shows no key."""
        key = None if by is None else self.served.key_of(by)
        return self.served.send(method, f"/v1{path}", key=key, **more)

    def get(self, path: str, *, by: str | None = None, **params: Any) -> Any:
        """What is read of a path; it must be answered with 200."""
        reply = self.send("GET", path, by=by, params=params)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def refusal(self, method: str, path: str, **more: Any) -> tuple[int, str, str]:
        """Status, code and message of what must be refused, in the one form that there is."""
        reply = self.send(method, path, **more)
        body = reply.json()
        assert list(body) == ["error"], body
        assert list(body["error"]) == ["code", "message"], body
        return reply.status_code, body["error"]["code"], body["error"]["message"]

    def submit(self, *requests: Mapping[str, Any], by: str = OWNER) -> list[dict[str, Any]]:
        """The jobs that a submission gives."""
        reply = self.send("POST", "/jobs", by=by, json={"jobs": list(requests)})
        assert reply.status_code == 200, reply.text
        jobs: list[dict[str, Any]] = reply.json()["jobs"]
        return jobs

    def let(self, user: str, **rights: bool) -> None:
        """Give a user rights on the service: ``let(ADA, createJobs=True)``."""
        from dendro_local.model import ServiceUser

        none = {"admin": False, "createJobs": False, "processJobs": False}
        self.hub.set_service_users(SERVICE, [ServiceUser(userId=user, **{**none, **rights})])


@pytest.fixture
def v1(served: Served) -> V1:
    """The hub's ``/v1``: ``v1.get('/jobs', tag='a')``, ``v1.send('DELETE', '/jobs/...')``."""
    return V1(served)


class Events:
    """The events of a stream, one by one."""

    def __init__(self, reply: httpx.Response) -> None:
        assert reply.status_code == 200, reply.read()
        assert reply.headers["content-type"].startswith("text/event-stream")
        self._lines = reply.iter_lines()

    def next(self) -> tuple[str, Any, str | None]:
        """Name, data and id of the next event.

        Raises:
            StopIteration: the stream has ended.
        """
        fields: dict[str, str] = {}
        while True:
            line = next(self._lines)
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                return fields["event"], json.loads(fields["data"]), fields.get("id")

    def rest(self) -> list[tuple[str, Any, str | None]]:
        """All events until the stream ends."""
        found = []
        while True:
            try:
                found.append(self.next())
            except StopIteration:
                return found


class Live:
    """A hub that is served on a port."""

    def __init__(self, hub: LocalHub) -> None:
        self.hub = hub
        self.server = Server(hub, ServerOptions(port=0))
        has_started = threading.Event()
        self._thread = threading.Thread(target=self.server.run, args=(has_started.set,))
        self._thread.start()
        assert has_started.wait(LIMIT_SEC)
        self.client = httpx.Client(
            base_url=f"{self.server.url}/v1", timeout=LIMIT_SEC, trust_env=False
        )
        self._open: list[Any] = []

    def follow(self, path: str, *, last_event_id: str | None = None, **params: Any) -> Events:
        """A stream of events."""
        headers = {"accept": "text/event-stream"}
        if last_event_id is not None:
            headers["last-event-id"] = last_event_id
        stream = self.client.stream("GET", path, params=params, headers=headers)
        self._open.append(stream)
        return Events(stream.__enter__())

    def hang_up(self) -> None:
        """End all streams from this side."""
        for stream in self._open:
            stream.__exit__(None, None, None)
        self._open.clear()

    def stop(self) -> None:
        """End the server, which must not take longer than it may."""
        self.server.stop()
        self._thread.join(LIMIT_SEC)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self.hang_up()
        self.client.close()
        self.stop()


@pytest.fixture
def live(hub: LocalHub) -> Iterator[Live]:
    """The hub, served on a port: ``live.follow('/events').next()``."""
    live = Live(hub)
    yield live
    live.close()
