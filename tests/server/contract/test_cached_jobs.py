"""createJob gives a job that is there at once, for as long as all that it rests on stays so."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.model import JobId, ServiceUser
from tests.hub.conftest import Worker
from tests.server.conftest import ADA, OWNER, SERVICE, Served, job_request


@pytest.fixture
def other(served: Served) -> Iterator[LocalHub]:
    """Another hub over the same store, as a process of its own has it."""
    other = LocalHub(served.hub.store.folder.root)
    yield other
    other.close()


@pytest.fixture
def cached(served: Served, worker: Worker) -> dict[str, Any]:
    """A completed job that was asked for again, so that it is remembered."""
    served.create_job()
    worker.complete(worker.claim())
    job = served.create_job()
    assert job["status"] == "completed"
    assert served.create_job() == job
    return job


def let_ada(other: LocalHub, *, create: bool) -> None:
    user = ServiceUser(userId=ADA, admin=False, createJobs=create, processJobs=False)
    other.set_service_users(SERVICE, [user])


def test_a_job_that_is_remembered_is_given_in_full(served: Served, cached: dict[str, Any]) -> None:
    assert served.get("getJob", {"jobId": cached["jobId"], "includePrivateKey": False})["job"] == (
        cached
    )


def test_each_host_name_gets_its_own_urls(served: Served, cached: dict[str, Any]) -> None:
    body = {"type": "createJobRequest", **job_request()}

    reply = served.send(
        "POST", "/api/createJob", key=served.key_of(OWNER), json=body, headers={"host": "far.test"}
    )

    job = reply.json()["job"]
    assert job["jobId"] == cached["jobId"]
    assert job["consoleOutputUrl"] == cached["consoleOutputUrl"].replace("hub.test", "far.test")


def lose_outputs(other: LocalHub, job_id: JobId) -> None:
    for file in other.stored(job_id).files.outputs.values():
        assert file.digest is not None
        other.store.blobs.remove(file.digest)


CHANGES: dict[str, Callable[[LocalHub, JobId], None]] = {
    "deleted": lambda other, job_id: other.delete([job_id]),
    "its output lost": lose_outputs,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_job_that_another_process_took_away_runs_again(
    served: Served, cached: dict[str, Any], other: LocalHub, change: str
) -> None:
    CHANGES[change](other, JobId(cached["jobId"]))

    job = served.create_job()

    assert job["jobId"] != cached["jobId"]
    assert job["status"] == "pending"


def test_a_job_runs_again_for_a_new_version_of_its_app(
    served: Served, cached: dict[str, Any], other: LocalHub
) -> None:
    app = other.app(SERVICE, "hello_world")
    with other.store.transaction():
        other.store.services.put_app(msgspec.structs.replace(app, version="9.9.9"))

    assert served.create_job()["jobId"] != cached["jobId"]


def test_a_job_that_another_process_tagged_is_given_with_its_tags(
    served: Served, cached: dict[str, Any], other: LocalHub
) -> None:
    with other.store.transaction():
        stored = other.stored(JobId(cached["jobId"]))
        other.store.jobs.update(stored.number, tags=["new"])

    assert served.create_job()["tags"] == ["new"]


def test_a_key_that_another_process_revoked_gives_nothing(
    served: Served, cached: dict[str, Any], other: LocalHub
) -> None:
    let_ada(other, create=True)
    assert served.create_job(user=ADA) == cached

    (key,) = other.api_keys(ADA)
    other.revoke_api_key(ADA, key.key_id)

    status, _ = served.ask("createJob", job_request(), served.key_of(ADA))
    assert status == 401


def test_a_right_that_another_process_took_away_gives_nothing(
    served: Served, cached: dict[str, Any], other: LocalHub
) -> None:
    let_ada(other, create=True)
    assert served.create_job(user=ADA) == cached

    let_ada(other, create=False)

    status, _ = served.ask("createJob", job_request(), served.key_of(ADA))
    assert status == 401


def test_a_job_is_not_given_in_the_name_of_another_user(
    served: Served, cached: dict[str, Any]
) -> None:
    body = job_request() | {"userId": ADA}

    status, _ = served.ask("createJob", body, served.key_of(OWNER))

    assert status == 401


def test_a_definition_that_cannot_be_used_is_refused_though_its_hash_is_known(
    served: Served,
) -> None:
    name: Any = 2**53
    served.create_job(name)
    body = job_request(name + 1)  # a double cannot tell the two apart, and so neither can the hash

    status, answer = served.ask("createJob", body, served.key_of(OWNER))

    assert status == 400
    assert "2**53" in answer["error"]
