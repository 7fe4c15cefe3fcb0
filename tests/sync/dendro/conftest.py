"""A hub of which only the Dendro contract can be asked, and stores that exchange jobs with it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_local.model import ServiceUser
from dendro_sync.remotes.dendro import DendroRemote, HubKeys
from tests.hub.conftest import counting, greeting, worker  # noqa: F401 - fixtures
from tests.live_hub import LiveHub, served
from tests.sync.dendro.contract_only import ContractOnly
from tests.sync.dendro.records import APP, SERVICE

ADA = "github|ada"
"""Who may process jobs on the hub."""
BOB = "github|bob"
"""Who may create jobs there, and no more."""

RemoteMaker = Callable[..., DendroRemote]


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    """The hub, served, with an app that is registered by its spec."""
    hub = LocalHub(tmp_path_factory.mktemp("there"))
    hub.add_service(SERVICE, hub.user_id)
    users = {ADA: True, BOB: False}
    with hub.store.transaction():
        for user_id in users:
            hub.store.users.put(user_id, {})
    hub.set_service_users(
        SERVICE,
        [
            ServiceUser(userId=user_id, admin=False, createJobs=True, processJobs=may_process)
            for user_id, may_process in users.items()
        ],
    )
    hub.add_service_app(APP)
    with served(hub) as live:
        yield live
    hub.close()


@pytest.fixture
def there(live: LiveHub, store_folder: Path) -> LocalHub:
    """The hub, without a job."""
    hub = live.hub
    hub.delete([job.jobId for job in hub.find_jobs(JobQuery(limit=1000))])
    hub.__dict__.pop("upload_limits", None)  # which a test may have set
    return hub


@pytest.fixture
def contract(live: LiveHub, there: LocalHub) -> Iterator[ContractOnly]:
    """The hub as those see it who can ask it by the contract alone."""
    contract = ContractOnly(live.url)
    yield contract
    contract.close()


@pytest.fixture
def user_keys(there: LocalHub) -> HubKeys:
    """The key of a user who may process jobs."""
    return HubKeys(api_key=there.add_api_key(ADA, "far")[1])


@pytest.fixture
def client_keys(there: LocalHub, user_keys: HubKeys) -> HubKeys:
    """The same, with that of a compute client of the user."""
    client, key = there.register_compute_client(ADA, "far", [SERVICE])
    return HubKeys(
        api_key=user_keys.api_key,
        compute_client_id=client.computeClientId,
        compute_client_private_key=key,
    )


@pytest.fixture
def open_remote(contract: ContractOnly, tmp_path: Path) -> Iterator[RemoteMaker]:
    """The hub as a remote, closed with the test: ``open_remote(keys, folder='remote')``."""
    opened: list[DendroRemote] = []

    def make(keys: HubKeys | None = None, folder: str = "remote", **more: Any) -> DendroRemote:
        given = {"patience_sec": 0.0, "url": contract.url, **more}
        opened.append(DendroRemote(folder=tmp_path / folder, keys=keys, **given))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def remote(open_remote: RemoteMaker, client_keys: HubKeys) -> DendroRemote:
    """The hub as a remote of somebody who has a compute client there."""
    return open_remote(client_keys)
