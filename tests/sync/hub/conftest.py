"""Two stores, one of them served as a hub, and the hub as a remote of the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.trust import TrustPolicy
from dendro_local.signed_records import Entry, decode_entry
from dendro_local.signed_records.entries import BatchEnd
from dendro_sync.remotes.hub import HubRemote
from dendro_sync.remotes.remote import Remote
from dendro_sync.selection import Selection
from tests.hub.conftest import Worker, counting, greeting  # noqa: F401 - fixtures
from tests.live_hub import LiveHub, served
from tests.remote_hub.proxy import Proxy

RemoteMaker = Callable[..., HubRemote]


@pytest.fixture
def there(tmp_path: Path, store_folder: Path) -> Iterator[LocalHub]:
    """The hub that is served."""
    hub = LocalHub(tmp_path / "there")
    yield hub
    hub.close()


@pytest.fixture
def here(store_folder: Path) -> Iterator[LocalHub]:
    """A store with a few jobs to give or to get."""
    hub = LocalHub(store_folder)
    yield hub
    hub.close()


@pytest.fixture
def live(there: LocalHub) -> Iterator[LiveHub]:
    with served(there) as live:
        yield live


@pytest.fixture
def network(live: LiveHub) -> Iterator[Proxy]:
    network = Proxy(live.port)
    yield network
    network.close()


@pytest.fixture
def open_remote(here: LocalHub, network: Proxy) -> Iterator[RemoteMaker]:
    """The hub as a remote: ``open_remote(key)``."""
    opened: list[HubRemote] = []

    def make(key: str | None = None, *, url: str | None = None) -> HubRemote:
        opened.append(HubRemote(url or network.url, key, here.shared.signing_key))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def remote(there: LocalHub, open_remote: RemoteMaker) -> HubRemote:
    """The hub as its owner asks it."""
    _, key = there.add_api_key(there.user_id, "test")
    return open_remote(key)


def entries_in(remote: Remote, cursor: str = "", selection: Selection | None = None) -> list[Entry]:
    """All that changed after a cursor."""
    found: list[Entry] = []
    for batch in remote.changes(cursor, selection or Selection()):
        for line in batch.lines:
            entry = decode_entry(line)
            assert not isinstance(entry, BatchEnd)
            found.append(entry)
    return found


def trusting(hub: LocalHub, *others: LocalHub) -> TrustPolicy:
    """A policy that believes the keys of these stores."""
    keys = [each.shared.signing_key.public for each in (hub, *others)]
    return TrustPolicy(keys={key.key_id: key for key in keys})
