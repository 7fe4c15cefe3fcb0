"""What is recorded of a new job, and that it is recorded once."""

from pathlib import Path

from dendro_local.local_hub import LocalHub, Uncached
from tests.hub.conftest import NewJobMaker


def test_a_job_that_came_since_none_was_found_is_found(
    local_hub: LocalHub, greeting: NewJobMaker
) -> None:
    key = local_hub.add_api_key(local_hub.user_id)[1]
    version = local_hub.store.version()
    assert version is not None
    found = local_hub.find_cached(greeting(), version, key=key)
    assert isinstance(found, Uncached)
    assert found.user_id == local_hub.user_id
    [first] = local_hub.submit([greeting()])

    [second] = local_hub.submit([found.request], user_id=found.user_id, are_uncached=True)

    assert second == first


def test_a_job_is_given_as_it_is_kept(
    local_hub: LocalHub, greeting: NewJobMaker, counting: NewJobMaker
) -> None:
    [first] = local_hub.submit([greeting(tags=["a", "b"], targetComputeClientIds=["x"])])
    [second] = local_hub.submit([counting(first, skipCache=True, batchId="of two")])

    assert first == local_hub.get_job(first.jobId)
    assert second == local_hub.get_job(second.jobId)
    assert local_hub.stored(second.jobId).must_run


def test_a_store_may_be_named_by_a_text(store_folder: Path, greeting: NewJobMaker) -> None:
    hub = LocalHub(str(store_folder))
    [job] = hub.submit([greeting()])

    assert hub.store.folder.root == store_folder
    assert hub.get_job(job.jobId) == job
    hub.close()
