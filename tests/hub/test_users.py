"""Users, their keys, and what their jobs have used."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from dendro_local.errors import Conflict, InvalidRequest, NotAllowed, UserNotFound
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.pruning import PruneRules
from dendro_local.model import Usage, UserStats
from dendro_local.store.schema import migrations
from tests.hub.conftest import NewJobMaker, Worker

ADA = "github|ada"


@pytest.fixture
def ada_key(hub: LocalHub) -> str:
    """A key of Ada."""
    hub.add_user(ADA)
    return hub.add_api_key(ADA, "laptop")[1]


def test_the_user_whose_store_it_is_is_there_and_can_have_a_key(hub: LocalHub) -> None:
    assert [user.user_id for user in hub.users()] == [hub.user_id]
    assert hub.api_keys(hub.user_id) == []

    key = hub.add_api_key(hub.user_id)[1]

    assert hub.user_of_key(key) == hub.user_id
    assert [user.user_id for user in hub.users()] == [hub.user_id]


def test_a_user_may_have_several_keys_each_of_which_can_be_taken_away(
    hub: LocalHub, ada_key: str
) -> None:
    made, other_key = hub.add_api_key(ADA, "cluster")

    hub.revoke_api_key(ADA, made.key_id)

    assert hub.user_of_key(ada_key) == ADA
    assert hub.user_of_key(other_key) is None
    labels = [(key.label, key.revoked_at is None) for key in hub.api_keys(ADA)]
    assert labels == [("laptop", True), ("cluster", False)]
    with pytest.raises(UserNotFound, match=made.key_id):
        hub.revoke_api_key(ADA, made.key_id)


def test_the_key_of_another_is_not_revoked(hub: LocalHub, ada_key: str) -> None:
    [key] = hub.api_keys(ADA)

    with pytest.raises(UserNotFound):
        hub.revoke_api_key(hub.user_id, key.key_id)

    assert hub.user_of_key(ada_key) == ADA


def test_it_is_known_when_a_key_was_used_last(hub: LocalHub, ada_key: str) -> None:
    assert hub.api_keys(ADA)[0].last_used_at is None

    hub.user_of_key(ada_key)

    assert hub.api_keys(ADA)[0].last_used_at is not None


def test_that_a_key_is_used_is_noted_once_a_minute(hub: LocalHub, ada_key: str) -> None:
    hub.user_of_key(ada_key)
    first = hub.api_keys(ADA)[0].last_used_at

    hub.user_of_key(ada_key)

    assert hub.api_keys(ADA)[0].last_used_at == first


def test_a_key_is_known_at_once_while_another_process_writes(hub: LocalHub, ada_key: str) -> None:
    with closing(sqlite3.connect(hub.store.folder.database, isolation_level=None)) as other:
        other.execute("begin immediate")  # as long as it likes

        assert hub.user_of_key(ada_key) == ADA

        other.execute("rollback")
    assert hub.api_keys(ADA)[0].last_used_at is None


def test_a_key_lies_nowhere_in_the_store(hub: LocalHub, ada_key: str) -> None:
    client, client_key = hub.register_compute_client(hub.user_id, "c", [])
    hub.user_of_key(ada_key)
    hub.check_compute_client_key(client.computeClientId, client_key)
    hub.close()

    files = [path for path in hub.store.folder.root.rglob("*") if path.is_file()]

    assert hub.store.folder.database in files
    for file in files:
        assert ada_key.encode() not in file.read_bytes(), file
        assert client_key.encode() not in file.read_bytes(), file


def test_a_removed_user_has_no_keys_and_no_compute_clients(hub: LocalHub, ada_key: str) -> None:
    hub.add_service("lab", ADA)
    client, client_key = hub.register_compute_client(ADA, "c", ["lab"])

    hub.remove_user(ADA)

    assert hub.user_of_key(ada_key) is None
    assert not hub.check_compute_client_key(client.computeClientId, client_key)
    assert hub.service("lab").userId == ADA
    hub.add_user(ADA)
    assert hub.user_of_key(ada_key) is None


def test_what_cannot_be_done_with_users_says_why(hub: LocalHub, ada_key: str) -> None:
    with pytest.raises(NotAllowed, match="cannot be removed"):
        hub.remove_user(hub.user_id)
    with pytest.raises(UserNotFound, match="no user 'nobody'"):
        hub.add_api_key("nobody")
    with pytest.raises(Conflict, match="already exists"):
        hub.add_user(ADA)
    with pytest.raises(InvalidRequest, match="label"):
        hub.add_api_key(ADA, "x" * 201)
    with pytest.raises(InvalidRequest, match="name of a user"):
        hub.set_user_info(ADA, {"name": "x" * 1001})


def test_a_user_has_no_end_of_keys(hub: LocalHub, ada_key: str) -> None:
    for _ in range(99):
        hub.add_api_key(ADA)

    with pytest.raises(InvalidRequest, match="100 keys in use"):
        hub.add_api_key(ADA)

    hub.reset_api_key(ADA)
    hub.add_api_key(ADA)


# What jobs used


def used(hub: LocalHub) -> UserStats:
    return hub.user_stats(hub.user_id)


def test_a_job_counts_when_it_has_ended_however_it_did(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting(name) for name in ("a", "b", "c", "d")])
    worker.complete(worker.claim())
    worker.fail(worker.claim())
    canceled = worker.claim()
    hub.set_running(canceled)
    assert used(hub).consumed.numJobs == 2

    hub.cancel(canceled.job.jobId)

    assert (used(hub).consumed.numJobs, used(hub).provided.numJobs) == (3, 3)
    assert used(hub).consumed.jobHours > 0


def test_a_job_that_never_ran_used_nothing(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    jobs = hub.submit([greeting("a"), greeting("b")])
    worker.claim()
    for job in jobs:
        hub.cancel(job.jobId)

    hub.delete([job.jobId for job in jobs])

    assert used(hub) == UserStats(
        consumed=Usage(), provided=Usage(), consumedDeleted=Usage(), providedDeleted=Usage()
    )


def test_a_job_that_is_deleted_while_it_runs_counts_as_deleted(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting("a")])
    hub.set_running(worker.claim())

    hub.delete([job.jobId])

    assert (used(hub).consumed, used(hub).consumedDeleted.numJobs) == (Usage(), 1)


def test_a_job_that_is_deleted_with_what_it_reads_counts_once(
    hub: LocalHub, greeting: NewJobMaker, counting: NewJobMaker, worker: Worker
) -> None:
    [parent] = hub.submit([greeting("a")])
    [child] = hub.submit([counting(parent)])
    worker.complete(worker.claim())
    hub.set_running(worker.claim())

    hub.delete([parent.jobId, child.jobId])

    assert (used(hub).consumed, used(hub).consumedDeleted.numJobs) == (Usage(), 2)


def test_pruned_jobs_are_counted_as_deleted(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting("a"), greeting("b")])
    worker.complete(worker.claim())
    before = used(hub).consumed

    hub.prune(hub.plan_prune(PruneRules(status="completed")))
    worker.complete(worker.claim())

    assert used(hub).consumedDeleted == before
    assert used(hub).consumed.numJobs == 1


def test_a_job_that_was_put_back_counts_once_with_its_last_run(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting("a")])
    claim = worker.claim()
    hub.set_running(claim)
    hub.release(claim)
    assert used(hub).consumed.numJobs == 0

    worker.complete(worker.claim())

    assert used(hub).consumed.numJobs == 1


def test_an_upgraded_store_knows_what_its_jobs_had_used(
    hub: LocalHub, greeting: NewJobMaker, worker: Worker, tmp_path: Path
) -> None:
    hub.submit([greeting("a"), greeting("b"), greeting("c")])
    worker.complete(worker.claim())
    worker.fail(worker.claim())
    expected = used(hub)
    (tmp_path / "older").mkdir()
    with closing(sqlite3.connect(tmp_path / "older" / "store.db")) as older:
        migrations.apply(Database(older), stop_before="m004_hub")
        columns = [row[1] for row in older.execute("pragma table_info(jobs)")]
        older.execute("attach ? as newer", (str(hub.store.folder.database),))
        names = ", ".join(columns)
        older.execute(f"insert into jobs ({names}) select {names} from newer.jobs")
        older.commit()
        older.execute("pragma application_id = 0x44454E44")
        older.execute("pragma user_version = 3")

    upgraded = LocalHub(tmp_path / "older")

    found = upgraded.user_stats(hub.user_id)
    upgraded.close()
    assert (found.consumed.numJobs, found.provided.numJobs) == (2, 2)
    assert found.consumed.cpuHours == pytest.approx(expected.consumed.cpuHours)
    assert found.provided.gbHours == pytest.approx(expected.provided.gbHours)
