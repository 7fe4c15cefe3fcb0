"""Another hub, with jobs to be had, as remotes are."""

from collections.abc import Callable
from pathlib import Path

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job
from dendro_sync import own_key
from tests.hub.conftest import Worker
from tests.live_hub import LiveHub

__all__ = ["FarHub"]

Making = Callable[..., NewJob]


class FarHub:
    """A hub that is served on a port, with a store and a key of its own.

    Args:
        folder: of its store, and of what it works with.
        greeting: makes requests.
    """

    def __init__(self, folder: Path, greeting: Making) -> None:
        self.hub = LocalHub(folder / "far-store")
        self.live = LiveHub(self.hub)
        self.url = self.live.url
        self.public_key = own_key(self.hub).publicKey
        self._greeting = greeting
        self._worker = Worker(self.hub, folder / "far-worker")

    def complete(self, name: str, content: bytes = b"Hello!") -> Job:
        """A completed job there with this output."""
        self.hub.submit([self._greeting(name)])
        return self._worker.complete(self._worker.claim(), content)

    def key(self) -> str:
        """An API key of its user."""
        return self.hub.add_api_key(self.hub.user_id, "test")[1]

    def close(self) -> None:
        """End it."""
        self.live.stop()
        self.hub.close()
