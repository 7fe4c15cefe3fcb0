"""What is exchanged and what is not: conflicts, deletions, tags, and jobs that are not finished."""

from pathlib import Path
from shutil import rmtree

import pytest
from msgspec.structs import replace

from dendro_local.errors import JobNotFound
from dendro_local.local_hub import LocalHub
from dendro_local.model import JobId, ServiceUser
from dendro_sync import Progress, Selection, add_remote, pull, push, set_remote, sync
from tests.maintenance.conftest import change
from tests.sync.conftest import (
    Stores,
    check_all_hit,
    counting,
    greeting,
    ids_in,
    run_graph,
    url_of,
)

PROCESSING = ServiceUser(userId="local|guest", admin=False, createJobs=True, processJobs=True)


def tags_of(hub: LocalHub, job_id: JobId) -> set[str]:
    return set(hub.get_job(job_id).tags)


@pytest.fixture(params=["bucket", "hub"], autouse=True)
def kind(request: pytest.FixtureRequest, stores: Stores) -> str:
    """What is between the stores."""
    if request.param == "hub":
        stores.serve()
    name: str = request.param
    return name


def test_only_jobs_that_ended_travel(stores: Stores) -> None:
    a, b = stores["a"], stores["b"]
    stores.trust("b", "a")
    [pending] = a.submit([greeting("pending")])
    worker = stores.worker("a")
    claim = worker.claim()
    failed = worker.fail(claim)
    [waiting] = a.submit([greeting("still pending")])

    assert (push(a).new, pull(b).new) == (1, 1)

    assert failed.jobId == pending.jobId
    assert ids_in(b) == {failed.jobId}
    assert b.get_job(failed.jobId).error == failed.error
    worker.complete(worker.claim())
    assert (push(a).new, pull(b).new) == (1, 1)
    assert b.get_job(waiting.jobId).status == "completed"


def test_times_and_users_are_kept_and_where_it_came_from_is_known(stores: Stores) -> None:
    job = stores.complete("a", greeting("x", batchId="b7"))
    stores.trust("b", "a")

    sync(stores["a"])
    sync(stores["b"])

    there = stores["b"].get_job(job.jobId)
    assert there == replace(job, timestampUpdatedSec=there.timestampUpdatedSec)
    origin = stores["b"].job_origin(job.jobId)
    assert origin is not None
    assert (origin.origin, origin.is_verified) == ("r", True)
    assert stores["a"].job_origin(job.jobId) is None


def test_another_job_of_the_same_id_is_a_conflict_and_nothing_is_merged(stores: Stores) -> None:
    job = stores.complete("a", greeting("x"))
    stores.trust("b", "a")
    push(stores["a"])
    pull(stores["b"])
    change(stores["b"], "update jobs set error = 'other' where job_id = ?", job.jobId)

    report = pull(stores["b"], full=True)

    [refused] = report.refused
    assert (refused.job_id, refused.code) == (job.jobId, "conflict")
    assert refused.digests is not None
    assert len({*refused.digests}) == 2
    assert stores["b"].get_job(job.jobId).error == "other"


def test_a_conflict_at_the_other_end_is_told(stores: Stores) -> None:
    job = stores.complete("a", greeting("x"))
    push(stores["a"])
    change(stores["a"], "update jobs set error = 'other' where job_id = ?", job.jobId)
    change(stores["a"], "delete from job_signatures")

    report = push(stores["a"], full=True)

    assert [(each.job_id, each.code) for each in report.refused] == [(job.jobId, "conflict")]


def test_what_was_deleted_where_it_ran_is_deleted_where_it_came_to(stores: Stores) -> None:
    job = stores.complete("a", greeting("x"))
    kept = stores.complete("a", greeting("y"))
    stores.trust("b", "a")
    if stores.served is not None:
        from dendro_sync import own_key, trust_key

        trust_key(stores["b"], "hub", own_key(stores.served).publicKey)
    sync(stores["a"])
    assert pull(stores["b"]).new == 2

    stores["a"].delete([job.jobId])
    sync(stores["a"])
    report = pull(stores["b"])

    assert report.deleted == 1
    assert ids_in(stores["b"]) == {kept.jobId}
    assert not sync(stores["a"]).moved_anything()
    assert ids_in(stores["a"]) == {kept.jobId}


def test_an_own_job_is_not_deleted_by_others_nor_brought_again_once_deleted(
    stores: Stores,
) -> None:
    job = stores.complete("a", greeting("x"))
    stores.trust("b", "a")
    stores.trust("a", "b")
    push(stores["a"])
    pull(stores["b"])
    stores["b"].delete([job.jobId])
    push(stores["b"])
    pull(stores["a"])
    assert ids_in(stores["a"]) == {job.jobId}

    stores["a"].delete([job.jobId])
    pull(stores["a"], full=True)

    assert ids_in(stores["a"]) == set()


def test_what_was_deleted_here_comes_again_only_if_everything_is_looked_at(
    stores: Stores,
) -> None:
    job = stores.complete("a", greeting("x"), b"the bytes")
    stores.trust("b", "a")
    push(stores["a"])
    pull(stores["b"])
    stores["b"].delete([job.jobId])

    assert pull(stores["b"]).new == 0
    stores["a"].add_tags(job.jobId, ["later"])
    push(stores["a"])
    assert pull(stores["b"]).kept_deleted == 1
    assert pull(stores["b"], full=True).new == 1
    assert stores["b"].output_file(job.jobId, "output").read_bytes() == b"the bytes"


def test_tags_of_both_ends_are_merged(stores: Stores) -> None:
    job = stores.complete("a", greeting("x", tags=["first"]))
    stores.trust("b", "a")
    sync(stores["a"])
    sync(stores["b"])
    stores["a"].add_tags(job.jobId, ["of a"])
    stores["b"].add_tags(job.jobId, ["of b"])

    for name in ("a", "b", "a", "b"):
        sync(stores[name])

    both = {"first", "of a", "of b"}
    assert tags_of(stores["a"], job.jobId) == tags_of(stores["b"], job.jobId) == both
    for name in ("a", "b"):
        assert not sync(stores[name]).moved_anything()


def test_a_job_brings_those_that_it_came_of(stores: Stores) -> None:
    a, b = stores["a"], stores["b"]
    stores.trust("b", "a")
    first = stores.complete("a", greeting("first"), b"abc")
    second = stores.complete("a", counting(url_of(first)), b"3")
    third = stores.complete("a", counting(url_of(second), tags=["wanted"]), b"1")
    stores.complete("a", greeting("unrelated"))

    pushed = push(a, selection=Selection(tags=("wanted",)))
    pulled = pull(b, selection=Selection(tags=("wanted",)))

    assert (pushed.new, pulled.new) == (3, 3)
    assert ids_in(b) == {first.jobId, second.jobId, third.jobId}


def test_a_job_comes_alone_if_told_to(stores: Stores) -> None:
    stores.trust("b", "a")
    first = stores.complete("a", greeting("first"), b"abc")
    second = stores.complete("a", counting(url_of(first), tags=["wanted"]), b"3")
    push(stores["a"])

    report = pull(stores["b"], selection=Selection(tags=("wanted",)), ancestors=False)

    assert report.new == 1
    assert ids_in(stores["b"]) == {second.jobId}


def test_jobs_are_pulled_by_their_ids(stores: Stores) -> None:
    stores.trust("b", "a")
    jobs = [stores.complete("a", greeting(f"{number}")) for number in range(5)]
    push(stores["a"])

    report = pull(stores["b"], selection=Selection(job_ids=(jobs[3].jobId, jobs[1].jobId)))

    assert report.new == 2
    assert ids_in(stores["b"]) == {jobs[1].jobId, jobs[3].jobId}
    assert pull(stores["b"]).new == 3


def test_two_stores_exchange_what_each_ran(stores: Stores) -> None:
    stores.trust("a", "b")
    stores.trust("b", "a")
    requests = [
        *run_graph(stores["a"], stores.worker("a"), 15, seed=2),
        *run_graph(stores["b"], stores.worker("b"), 15, seed=3),
    ]

    for name in ("a", "b", "a"):
        assert sync(stores[name]).is_complete()

    assert ids_in(stores["a"]) == ids_in(stores["b"])
    for name in ("a", "b"):
        check_all_hit(stores[name], requests)
        assert not sync(stores[name]).moved_anything()


# A hub does not begin anew at its address by itself.
@pytest.mark.parametrize("kind", ["bucket"], indirect=True)
def test_a_remote_that_began_anew_is_given_everything(stores: Stores) -> None:
    stores.complete("a", greeting("x"))
    assert push(stores["a"]).new == 1
    rmtree(Path(stores.url))
    Path(stores.url).mkdir()
    set_remote(stores["a"], "r", url=stores.url)

    assert push(stores["a"]).new == 1


def test_files_that_are_gone_leave_their_jobs_out(stores: Stores) -> None:
    job = stores.complete("a", greeting("x"), b"to be lost")
    other = stores.complete("a", greeting("y"), b"kept")
    stored = stores["a"].stored(job.jobId)
    digest = stored.files.outputs["output"].digest
    assert digest is not None
    stores["a"].store.blobs.remove(digest)

    report = push(stores["a"])

    assert (report.new, report.refused_count) == (1, 0)
    assert [each.job_id for each in report.left_out] == [job.jobId]
    stores.trust("b", "a")
    pull(stores["b"])
    assert ids_in(stores["b"]) == {other.jobId}
    with pytest.raises(JobNotFound):
        stores["b"].get_job(job.jobId)


def test_a_read_only_remote_is_only_pulled_from(stores: Stores) -> None:
    from dendro_local.errors import NotAllowed

    stores.complete("a", greeting("x"))
    a = stores["a"]
    add_remote(a, "careful", stores.url, read_only=True)

    with pytest.raises(NotAllowed, match="read-only"):
        push(a, "careful")
    report = sync(a, "careful")

    assert not report.moved_anything()


def test_what_is_broken_off_goes_on_where_it_was(stores: Stores) -> None:
    jobs = [stores.complete("a", greeting(f"{number}"), b"%50d" % number) for number in range(5)]
    stores.trust("b", "a")

    def interrupted(progress: Progress) -> None:
        if progress.bytes_done > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push(stores["a"], on_progress=interrupted)
    push(stores["a"])
    with pytest.raises(KeyboardInterrupt):
        pull(stores["b"], on_progress=interrupted)
    assert ids_in(stores["b"]) == set()
    report = pull(stores["b"])

    assert report.new == 5
    assert ids_in(stores["b"]) == {job.jobId for job in jobs}


# A bucket asks nobody.
@pytest.mark.parametrize("kind", ["hub"], indirect=True)
def test_what_may_not_be_pushed_is_refused_alone_until_it_may(stores: Stores) -> None:
    there = stores.served
    assert there is not None
    there.add_user("local|guest", {})
    _, key = there.add_api_key("local|guest", "test")
    (stores.folder / "guest-key").write_text(key)
    there.add_service("open", there.user_id)
    there.set_service_users("open", [PROCESSING])
    a = stores["a"]
    add_remote(a, "as-guest", stores.url, key_file=stores.folder / "guest-key")
    a.add_service("open", a.user_id)
    app = a.store.services.app("hello_world_service", "hello_world")
    assert app is not None
    with a.store.transaction():
        record = replace(app.record, serviceName="open")
        a.store.services.put_app(replace(app, record=record))
    closed = stores.complete("a", greeting("x"))
    opened = stores.complete("a", replace(greeting("y"), serviceName="open"))

    report = push(a, "as-guest")

    assert (report.new, [each.code for each in report.refused]) == (1, ["not_allowed"])
    assert ids_in(there) == {opened.jobId}
    assert push(a, "as-guest").refused_count == 1, "tried again each time"
    there.set_service_users("hello_world_service", [PROCESSING])
    assert push(a, "as-guest").new == 1
    assert ids_in(there) == {opened.jobId, closed.jobId}
