"""An original hub as a cache: it is asked by the definition, since it cannot be by a hash."""

import pytest

from dendro_local.errors import InvalidRequest
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job
from dendro_sync import add_remote, set_remote
from tests.hub.conftest import NewJobMaker
from tests.sync.dendro.contract_only import ContractOnly
from tests.sync.dendro.records import APP, SERVICE
from tests.sync.dendro.test_exchange import family
from tests.sync.dendro.test_pulling import submit

__all__ = ["family"]


@pytest.fixture
def here(hub: LocalHub, contract: ContractOnly) -> LocalHub:
    """A store with the hub as a cache."""
    add_remote(hub, "original", contract.url, is_cache=True, allow_unsigned=True)
    hub.add_service(SERVICE, hub.user_id)
    hub.add_service_app(APP)
    return hub


def test_what_the_hub_has_need_not_run(here: LocalHub, family: dict[str, Job]) -> None:
    hit = submit(here, "disk")

    assert (hit.jobId, hit.status) == (family["disk"].jobId, "completed")
    origin = here.job_origin(hit.jobId)
    assert origin is not None
    assert (origin.origin, origin.is_verified) == ("original", False)
    assert here.output_file(hit.jobId, "output").read_bytes() != b""


def test_what_took_outputs_of_the_hub_is_found_by_these(
    here: LocalHub, family: dict[str, Job]
) -> None:
    parent = submit(here, "disk")

    child = submit(here, "six", input_url=parent.outputFileResults[0].url)

    assert (child.jobId, child.status) == (family["six"].jobId, "completed")
    assert here.output_file(child.jobId, "output").read_bytes() == b"6"


def test_what_the_hub_does_not_have_is_to_run(here: LocalHub, family: dict[str, Job]) -> None:
    assert submit(here, "no such").status == "pending"


def test_a_cache_of_which_nothing_would_be_believed_is_refused(
    hub: LocalHub, contract: ContractOnly
) -> None:
    with pytest.raises(InvalidRequest, match="signs nothing.* Give --allow-unsigned"):
        add_remote(hub, "original", contract.url, is_cache=True)
    add_remote(hub, "original", contract.url)
    with pytest.raises(InvalidRequest, match="signs nothing"):
        set_remote(hub, "original", is_cache=True)


def test_an_original_hub_does_not_move(hub: LocalHub, contract: ContractOnly) -> None:
    add_remote(hub, "original", contract.url)
    with pytest.raises(InvalidRequest, match="is kept for that address"):
        set_remote(hub, "original", url=contract.url.replace("127.0.0.1", "localhost"))


def test_records_alone_are_not_pushed_there(here: LocalHub, greeting: NewJobMaker) -> None:
    from dendro_sync import push as push_to

    set_remote(here, "original", key="some-key", is_cache=False)
    with pytest.raises(InvalidRequest, match="takes no job without its outputs"):
        push_to(here, "original", outputs="none")
