"""A hub that is served in this process, and users with keys who ask it over HTTP."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.random_ids import random_id
from dendro_local.server.app import make_app
from dendro_local.server.github import GitHub
from dendro_local.server.site import Site
from tests.hub.conftest import Worker, worker  # noqa: F401 - fixtures

BASE_URL = "http://hub.test"

OWNER = "local|owner"
"""The user whose store it is."""
ADA = "github|ada"
BOB = "github|bob"

SERVICE = "hello_world_service"

Answer = tuple[int, Any]
"""Status and JSON of a reply."""


def refusal(status: int, message: str) -> Answer:
    """The answer of the contract to what is refused."""
    return status, {"error": message}


def job_request(name: str = "world", **more: Any) -> dict[str, Any]:
    """The body of a createJob for hello_world_2, which gives a text file."""
    return {
        "serviceName": SERVICE,
        "userId": "",
        "batchId": "",
        "tags": [],
        "jobDefinition": {
            "appName": "hello_world",
            "processorName": "hello_world_2",
            "inputFiles": [],
            "outputFiles": [{"name": "output", "fileBaseName": "output.txt"}],
            "parameters": [{"name": "name", "value": name}],
        },
        "requiredResources": {"numCpus": 1, "numGpus": 0, "memoryGb": 1, "timeSec": 60},
        "secrets": [],
        "jobDependencies": [],
        **more,
    }


class Served:
    """A hub whose application answers requests without a network between."""

    def __init__(self, hub: LocalHub, github: GitHub | None = None) -> None:
        self.hub = hub
        self.site = Site(hub, base_url=BASE_URL, github=github)
        self.loop = asyncio.Runner()
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=make_app(self.site)),  # type: ignore[arg-type]  # Litestar types scopes more narrowly than httpx
            base_url=BASE_URL,
        )
        self._keys: dict[str, str] = {}

    def key_of(self, user_id: str) -> str:
        """An API key of a user, who is added at the first call."""
        if user_id not in self._keys:
            self._keys[user_id] = random_id(32)
            with self.hub.store.transaction():
                self.hub.store.users.put(user_id, {})
                self.hub.store.users.add_key(user_id, self._keys[user_id], "test")
        return self._keys[user_id]

    def send(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        headers: Mapping[str, str | bytes] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """The whole reply to a request; ``more`` is as `httpx.Client.request` takes it."""
        sent: dict[Any, Any] = dict(headers or {})
        if key is not None:
            sent["authorization"] = f"Bearer {key}"
        return self.loop.run(self.client.request(method, path, headers=sent, **more))

    def ask(
        self, call: str, body: Mapping[str, object] | None = None, key: str | None = None
    ) -> Answer:
        """Status and JSON of a call of the contract; the ``type`` of its body is added."""
        sent = {"type": f"{call}Request", **(body or {})}
        reply = self.send("POST", f"/api/{call}", key=key, json=sent)
        return reply.status_code, reply.json()

    def get(
        self, call: str, body: Mapping[str, object] | None = None, key: str | None = None
    ) -> Any:
        """What a call adds to the ``type`` of its reply; it must be answered with 200."""
        status, reply = self.ask(call, body, key)
        assert (status, reply.pop("type", None)) == (200, f"{call}Response"), reply
        return reply

    def create_job(self, name: str = "world", *, user: str = OWNER, **more: Any) -> dict[str, Any]:
        """The job that a createJob of a user gives, see `job_request`."""
        job: dict[str, Any] = self.get("createJob", job_request(name, **more), self.key_of(user))[
            "job"
        ]
        return job

    def close(self) -> None:
        self.loop.run(self.client.aclose())
        self.loop.close()
        self.site.close()


@pytest.fixture
def hub(store_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A hub over the fresh store of `OWNER`."""
    monkeypatch.setenv("DENDRO_LOCAL_USER", OWNER)
    hub = LocalHub(store_folder)
    yield hub
    hub.close()


@pytest.fixture
def served(hub: LocalHub) -> Iterator[Served]:
    """The hub, served: ``served.ask('getJob', {...}, key=served.key_of(ADA))``."""
    served = Served(hub)
    yield served
    served.close()


@pytest.fixture
def site(served: Served) -> Site:
    """The site of the hub that is served."""
    return served.site
