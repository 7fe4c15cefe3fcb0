"""What a hub gives to other stores, and what it takes from them."""

import contextlib
import sqlite3
from pathlib import Path

import msgspec
import pytest

from dendro_local.app_source import bundled_app_folder
from dendro_local.errors import NotAllowed, NotAuthenticated, OutputNotFound
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.arriving_jobs import JudgedJob
from dendro_local.local_hub.trust import Refused, TrustPolicy
from dendro_local.model import Digest, Job, ServiceUser
from dendro_local.signed_records import (
    AppEntry,
    GoneEntry,
    JobEntry,
    JobRecord,
    read_deletion,
    read_job,
    statement_digest,
    statement_of_job,
)
from dendro_local.store import file_digest
from dendro_sync.remotes.hub import HubRemote
from dendro_sync.selection import Selection
from tests.hub.conftest import NewJobMaker, Worker
from tests.live_hub import LiveHub
from tests.remote_hub.proxy import Proxy
from tests.sync.hub.conftest import RemoteMaker, entries_in, trusting

NOTHING = lambda _: None  # noqa: E731 - nobody wants to know

LIMIT_SEC = 60.0


def done(hub: LocalHub, folder: Path, request: object, content: bytes = b"Hello!") -> Job:
    """A job that a compute client of a hub has completed."""
    worker = Worker(hub, folder / "worker")
    (job,) = hub.submit([request])  # type: ignore[list-item]  # as the makers give it
    return worker.complete(worker.claim(), content, b"printed\n") if job.isRunnable else job


def record_of(entry: object) -> JobRecord:
    assert isinstance(entry, JobEntry)
    return read_job(bytes(entry.statement))


def jobs_in(remote: HubRemote, selection: Selection | None = None) -> set[str]:
    entries = entries_in(remote, selection=selection)
    return {record_of(entry).jobId for entry in entries if isinstance(entry, JobEntry)}


def push(remote: HubRemote, hub: LocalHub, job: Job) -> list[str]:
    """Have a finished job there with its files; the codes of what is refused."""
    (entry,) = hub.shared.shared_entries([job.jobId])
    for file in record_of(entry).files.all():
        assert file.digest is not None
        remote.send(file.digest, hub.store.blobs.path(file.digest), NOTHING)
    return [each.code for each in remote.put([entry])]


def test_a_remote_tells_what_it_is_and_who_asks(
    remote: HubRemote, there: LocalHub, open_remote: RemoteMaker
) -> None:
    facts = remote.facts()
    assert facts.kind == "hub"
    assert facts.can_write
    assert facts.user_id == there.user_id
    assert facts.store_id == there.store.get_meta("store_id")
    assert facts.public_key == there.shared.signing_key.public.text()
    assert not open_remote().facts().can_write


def test_finished_jobs_are_told_with_their_apps_and_unfinished_ones_are_not(
    remote: HubRemote, there: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    job = done(there, tmp_path, greeting("Ada", tags=["x"]))
    there.submit([greeting("Bob")])
    entries = entries_in(remote)
    (found,) = [entry for entry in entries if isinstance(entry, JobEntry)]
    assert record_of(found).jobId == job.jobId
    assert list(found.tags) == ["x"]
    assert any(isinstance(entry, AppEntry) for entry in entries)


def test_what_ends_after_a_power_cut_is_told_after_an_earlier_cursor(
    remote: HubRemote, there: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    there.submit([greeting(name) for name in "abc"])
    with contextlib.closing(sqlite3.connect(there.store.folder.database)) as on_disk:
        on_disk.executescript("create table were as select * from jobs")
        worker = Worker(there, tmp_path)
        number = there.last_change()
        for _ in range(3):
            worker.claim()
        *_, last = remote.changes("", Selection())
        # The claims need not have been on the disk.
        on_disk.executescript(
            "update jobs set (status, attempts, claim_token, feed_number) = (select w.status, "
            "w.attempts, w.claim_token, w.feed_number from were w where w.number = jobs.number);"
            f"update meta set value = '{number}' where key = 'feed_number'; drop table were;"
        )
    ended = worker.complete(worker.claim(), b"Hello!")

    found = [entry for entry in entries_in(remote, last.end.cursor) if isinstance(entry, JobEntry)]

    assert [record_of(entry).jobId for entry in found] == [ended.jobId]


def test_after_a_cursor_only_what_is_new_is_told(
    remote: HubRemote, there: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    done(there, tmp_path, greeting("Ada"))
    *_, last = remote.changes("", Selection())
    before = remote.requests
    (nothing,) = remote.changes(last.end.cursor, Selection())
    assert not nothing.lines
    assert remote.requests == before + 1
    second = done(there, tmp_path, greeting("Bob"))
    there.delete([second.jobId])
    third = done(there, tmp_path, greeting("Cid"))
    gone, new = entries_in(remote, nothing.end.cursor)
    assert isinstance(gone, GoneEntry)
    assert read_deletion(bytes(gone.statement)).jobId == second.jobId
    assert record_of(new).jobId == third.jobId


def test_a_cursor_of_another_store_begins_again(
    remote: HubRemote, there: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    job = done(there, tmp_path, greeting())
    found = entries_in(remote, f"{'0' * 32}.999.x")
    assert job.jobId in {record_of(each).jobId for each in found if isinstance(each, JobEntry)}


def test_only_what_is_selected_is_told(
    remote: HubRemote, there: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    one = done(there, tmp_path, greeting("Ada", tags=["x", "y"]))
    two = done(there, tmp_path, greeting("Bob", tags=["x"]))
    assert jobs_in(remote, Selection(tags=("x",))) == {one.jobId, two.jobId}
    assert jobs_in(remote, Selection(tags=("x", "y"))) == {one.jobId}
    assert jobs_in(remote, Selection(processor="other")) == set()
    assert jobs_in(remote, Selection(service="hello_world_service", app="hello_world")) == {
        one.jobId,
        two.jobId,
    }
    assert two.timestampFinishedSec is not None
    assert jobs_in(remote, Selection(since=two.timestampFinishedSec)) == {two.jobId}


def test_a_batch_is_signed_by_the_hub_and_what_was_changed_on_the_way_is_not(
    remote: HubRemote, there: LocalHub, here: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    done(there, tmp_path, greeting())
    (batch,) = remote.changes("", Selection())
    key = there.shared.signing_key.public
    assert batch.signed_by([here.shared.signing_key.public, key]) == key
    changed = msgspec.structs.replace(batch, digest=b"\0" * 32)
    assert changed.signed_by([key]) is None
    assert batch.signed_by([here.shared.signing_key.public]) is None


def test_what_is_taken_is_found_by_the_next_submit(
    remote: HubRemote, there: LocalHub, here: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    job = done(there, tmp_path, greeting(), b"Hello, far away!")
    judged = [here.arriving.judge(entry, trusting(here, there)) for entry in entries_in(remote)]
    for each in judged:
        for digest, size in each.blobs().items() if isinstance(each, JudgedJob) else ():
            file = tmp_path / digest
            remote.fetch(digest, size, file, NOTHING)
            assert file_digest(file) == (digest, size)
            here.store.blobs.restore(digest, file)
    taken = here.arriving.take(judged, origin="there")
    assert taken.new == [job.jobId]
    assert not taken.refused
    (hit,) = here.submit([greeting()])
    assert (hit.jobId, hit.status) == (job.jobId, "completed")
    assert hit.timestampFinishedSec == job.timestampFinishedSec
    assert hit.userId == job.userId
    assert here.output_file(job.jobId, "output").read_bytes() == b"Hello, far away!"
    assert here.arriving.take(judged, origin="there").known == [job.jobId]


@pytest.mark.parametrize("trusts", [True, False])
def test_who_is_not_trusted_is_refused(
    remote: HubRemote, there: LocalHub, here: LocalHub, greeting: NewJobMaker, tmp_path: Path,
    trusts: bool,
) -> None:  # fmt: skip
    done(there, tmp_path, greeting())
    entry = next(each for each in entries_in(remote) if isinstance(each, JobEntry))
    policy = trusting(here, there) if trusts else trusting(here)
    if trusts:
        assert isinstance(here.arriving.judge(entry, policy), JudgedJob)
        return
    with pytest.raises(Refused) as refused:
        here.arriving.judge(entry, policy)
    assert refused.value.code == "untrusted"
    allowing = TrustPolicy(keys=policy.keys, allow_unsigned=True)
    judged = here.arriving.judge(entry, allowing)
    assert isinstance(judged, JudgedJob)
    assert judged.key_id is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"error": "boom"}, "signature"),
        ({"userId": "somebody"}, "signature"),
        ({"jobDefinitionHash": "0" * 40}, "signature"),
    ],
)
def test_a_record_that_was_changed_is_refused(
    remote: HubRemote, there: LocalHub, here: LocalHub, greeting: NewJobMaker, tmp_path: Path,
    changes: dict[str, str], code: str,
) -> None:  # fmt: skip
    done(there, tmp_path, greeting())
    entry = next(each for each in entries_in(remote) if isinstance(each, JobEntry))
    other = msgspec.structs.replace(record_of(entry), **changes)
    changed = msgspec.structs.replace(entry, statement=msgspec.Raw(statement_of_job(other)))
    with pytest.raises(Refused) as refused:
        here.arriving.judge(changed, trusting(here, there))
    assert refused.value.code == code
    assert refused.value.job_id is not None


def test_a_pushed_job_is_there_with_its_files_and_who_brought_it(
    remote: HubRemote, there: LocalHub, here: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    job = done(here, tmp_path, greeting("Ada", tags=["x"]), b"Hello from here!")
    (entry,) = here.shared.shared_entries([job.jobId])
    digest = statement_digest(bytes(entry.statement))
    assert remote.lacking({job.jobId: digest}) == {job.jobId}
    assert push(remote, here, job) == []
    assert remote.lacking({job.jobId: digest}) == set()
    there_too = there.get_job(job.jobId)
    assert (there_too.status, there_too.tags) == ("completed", ["x"])
    assert there.output_file(job.jobId, "output").read_bytes() == b"Hello from here!"
    origin = there.store.sharing.origins.of(there.stored(job.jobId).number)
    assert origin is not None
    assert origin.origin == f"user:{there.user_id}"
    assert there.shared.statement_of(job.jobId) == here.shared.statement_of(job.jobId)


def test_a_job_whose_files_were_not_sent_is_refused(
    remote: HubRemote, here: LocalHub, there: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    job = done(here, tmp_path, greeting())
    (refused,) = remote.put(here.shared.shared_entries([job.jobId]))
    assert (refused.job_id, refused.code) == (job.jobId, "missing")
    assert not there.shared.shared_entries([job.jobId])


def test_another_record_of_the_same_id_is_a_conflict_and_nothing_is_merged(
    remote: HubRemote, here: LocalHub, there: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    job = done(here, tmp_path, greeting())
    assert push(remote, here, job) == []
    number = here.stored(job.jobId).number
    with here.store.transaction():
        here.store.jobs.update(number, error="something else")
    here.store.sharing.origins.signatures(number)
    (entry,) = here.shared.shared_entries([job.jobId])
    unsigned = msgspec.structs.replace(entry, signatures=[])
    assert remote.lacking({job.jobId: statement_digest(bytes(entry.statement))}) == {job.jobId}
    (refused,) = remote.put([unsigned])
    assert refused.code == "conflict"
    assert refused.digests is not None
    assert refused.digests[1] == statement_digest(bytes(entry.statement))
    assert there.get_job(job.jobId).error is None


def test_whoever_may_not_process_jobs_cannot_push(
    here: LocalHub, there: LocalHub, open_remote: RemoteMaker, greeting: NewJobMaker,
    tmp_path: Path,
) -> None:  # fmt: skip
    job = done(here, tmp_path, greeting())
    entries = here.shared.shared_entries([job.jobId])
    with pytest.raises(NotAuthenticated):
        open_remote().put(entries)
    there.add_user("ada")
    _, key = there.add_api_key("ada", "test")
    ada = open_remote(key)
    with pytest.raises(NotAllowed):
        ada.put(entries)
    there.set_service_users(
        "hello_world_service",
        [ServiceUser(userId="ada", admin=False, createJobs=False, processJobs=True)],
    )
    assert push(ada, here, job) == []
    assert there.get_job(job.jobId).status == "completed"


def test_a_job_of_a_service_that_is_not_there_is_refused_and_the_owner_makes_the_service(
    remote: HubRemote, here: LocalHub, there: LocalHub, open_remote: RemoteMaker,
    greeting: NewJobMaker, tmp_path: Path,
) -> None:  # fmt: skip
    here.add_app(str(bundled_app_folder("hello_world")), "lab")
    worker = Worker(here, tmp_path / "worker")
    here.submit([msgspec.structs.replace(greeting(), serviceName="lab")])
    job = worker.complete(worker.claim())
    there.add_user("ada")
    _, key = there.add_api_key("ada", "test")
    there.set_service_users(
        "hello_world_service",
        [ServiceUser(userId="ada", admin=False, createJobs=False, processJobs=True)],
    )
    assert push(open_remote(key), here, job) == ["not_allowed"]
    assert push(remote, here, job) == []
    assert there.service("lab").userId == there.user_id


def test_jobs_are_found_by_id_and_by_definition(
    remote: HubRemote, there: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    job = done(there, tmp_path, greeting())
    (entry,) = remote.entries_of({job.jobId: "", "A" * 20: ""})  # type: ignore[dict-item]  # an id
    assert record_of(entry).jobId == job.jobId
    (found,) = remote.find("hello_world_service", job.jobDefinitionHash, None)
    assert record_of(found).jobId == job.jobId
    assert list(remote.find("hello_world_service", "0" * 40, None)) == []


def test_a_deletion_by_who_brought_a_job_is_done_and_by_another_is_not(
    remote: HubRemote, here: LocalHub, there: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    own = done(there, tmp_path, greeting("own"))
    job = done(here, tmp_path, greeting())
    push(remote, here, job)
    here.delete([job.jobId])
    gone = [change.entry for change in here.shared.shared_changes(0, {}, 10)]
    assert [type(each) for each in gone] == [GoneEntry]
    assert remote.put(gone) == []
    assert not there.shared.shared_entries([job.jobId])
    forged = msgspec.structs.replace(read_deletion(bytes(gone[0].statement)), jobId=own.jobId)
    from dendro_local.signed_records import statement_of_deletion

    remote.put([GoneEntry(statement=msgspec.Raw(statement_of_deletion(forged)))])
    assert there.get_job(own.jobId).jobId == own.jobId


def test_a_blob_goes_on_where_the_connection_broke(
    remote: HubRemote, here: LocalHub, there: LocalHub, network: Proxy, tmp_path: Path,
    greeting: NewJobMaker,
) -> None:  # fmt: skip
    content = bytes(range(256)) * 40_000  # 10 MB
    job = done(here, tmp_path, greeting(), content)
    digest = here.stored(job.jobId).files.outputs["output"].digest
    assert digest is not None
    network.cut_after_sending(4 << 20)
    assert push(remote, here, job) == []
    assert network.has_cut
    assert network.sent < len(content) * 1.3
    network.cut_after_receiving(4 << 20)
    before = network.received
    file = tmp_path / "fetched"
    counted: list[int] = []
    remote.fetch(digest, len(content), file, counted.append)
    assert file.read_bytes() == content
    assert sum(counted) == len(content)
    assert network.has_cut
    assert network.received - before < len(content) * 1.3


def test_bytes_that_no_job_has_are_not_given(remote: HubRemote, tmp_path: Path) -> None:
    with pytest.raises(OutputNotFound):
        remote.fetch(Digest("0" * 64), 3, tmp_path / "x", NOTHING)


def test_a_stream_of_changes_goes_on_where_the_connection_broke(
    remote: HubRemote, there: LocalHub, network: Proxy, greeting: NewJobMaker
) -> None:
    jobs = there.submit([greeting(f"n{number}") for number in range(1200)])
    for job in jobs:
        there.cancel(job.jobId)
    network.cut_after_receiving(60_000)
    found = [record_of(each).jobId for each in entries_in(remote) if isinstance(each, JobEntry)]
    assert sorted(found) == sorted(job.jobId for job in jobs)
    assert network.has_cut


def test_a_change_there_ends_a_wait(
    remote: HubRemote, there: LocalHub, greeting: NewJobMaker, live: LiveHub
) -> None:
    assert remote.wait(LIMIT_SEC, lambda: False)  # it listens from now on
    there.submit([greeting()])
    assert remote.wait(LIMIT_SEC, lambda: False)
