"""Jobs that are pulled from a hub of the original."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dendro_local.errors import HubUnreachable, InvalidRequest, OutputNotFound
from dendro_local.hub import JobQuery, NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.trust import Refused, TrustPolicy
from dendro_local.model import Digest, Job, JobDefinition, JobId
from dendro_local.signed_records import (
    AppEntry,
    Entry,
    JobEntry,
    JobRecord,
    decode_entry,
    read_app,
    read_job,
)
from dendro_sync.remotes.dendro import DendroRemote, HubKeys, listing
from dendro_sync.selection import Selection
from tests.live_hub import LiveHub
from tests.remote_hub.proxy import Proxy
from tests.sync.dendro.conftest import RemoteMaker
from tests.sync.dendro.contract_only import ContractOnly
from tests.sync.dendro.records import RESOURCES, SERVICE, definition, made_job, push

ALL = Selection(service=SERVICE)


class Pulled:
    """What a pull has told, in its order."""

    def __init__(self, remote: DendroRemote, selection: Selection = ALL, cursor: str = "") -> None:
        self.entries: list[Entry] = []
        self.cursor = cursor
        for batch in remote.changes(cursor, selection):
            for line in batch.lines:
                entry = decode_entry(line)
                assert isinstance(entry, JobEntry | AppEntry)
                self.entries.append(entry)
            self.cursor = batch.end.cursor
        self.refused = remote.refused()

    @property
    def jobs(self) -> list[JobEntry]:
        return [entry for entry in self.entries if isinstance(entry, JobEntry)]

    @property
    def records(self) -> list[JobRecord]:
        return [read_job(bytes(entry.statement)) for entry in self.jobs]

    @property
    def ids(self) -> list[JobId]:
        return [record.jobId for record in self.records]


@pytest.fixture
def family(remote: DendroRemote, there: LocalHub, tmp_path: Path) -> dict[str, Job]:
    """Jobs of the hub: a parent, its child, and another that has nothing to do with them."""
    parent = made_job("disk", tags=("old",))
    child = made_job("six", parent=parent, output=b"6", tags=("new", "good"))
    alone = made_job("ring", output=b"a ring", usage=b"{}\n", others={"a.txt": b"more"})
    assert push(remote, tmp_path / "files", parent, child, alone) == []
    return {str(job.jobDefinition.parameters[0].value): job for job in jobs_of(there)}


def jobs_of(hub: LocalHub) -> list[Job]:
    return hub.find_jobs(JobQuery(service=SERVICE))


def fetched(remote: DendroRemote, record: JobRecord, folder: Path) -> bytes:
    file = record.files.outputs["output"]
    assert file.digest is not None
    assert file.size is not None
    target = folder / file.digest
    remote.fetch(file.digest, file.size, target, lambda _: None)
    return target.read_bytes()


def take(hub: LocalHub, remote: DendroRemote, pulled: Pulled, folder: Path) -> None:
    """Take in what was pulled, with its files."""
    policy = TrustPolicy(allow_unsigned=True)
    judged = [hub.arriving.judge(entry, policy) for entry in pulled.entries]
    folder.mkdir()
    for record in pulled.records:
        for file in record.files.all():
            if file.digest is not None and not hub.store.blobs.has(file.digest):
                remote.fetch(file.digest, file.size or 0, folder / file.digest, lambda _: None)
                assert hub.store.blobs.adopt(folder / file.digest) == (file.digest, file.size)
    taken = hub.arriving.take(judged, origin="there")
    assert taken.refused == []


# Which jobs


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(service=SERVICE), ["disk", "six", "ring"]),
        (Selection(service=SERVICE, app="shapes"), ["disk", "six", "ring"]),
        (Selection(processor="make"), ["disk", "ring"]),
        (Selection(tags=("old",)), ["disk"]),
        (Selection(tags=("good", "new")), ["disk", "six"]),  # with what it came of
        (Selection(service=SERVICE, since=1e11), []),
        (Selection(service="another"), []),
    ],
)
def test_jobs_are_pulled_by_what_they_are_of(
    remote: DendroRemote, family: dict[str, Job], selection: Selection, names: list[str]
) -> None:
    pulled = Pulled(remote, selection)

    assert pulled.ids == [family[name].jobId for name in names]
    assert pulled.refused == []


def test_jobs_are_pulled_by_their_input_and_by_their_id(
    remote: DendroRemote, family: dict[str, Job], contract: ContractOnly
) -> None:
    path = f"lab/shapes/make/{family['disk'].jobId}/output/output.txt"
    by_input = Pulled(remote, Selection(input_url=f"{contract.url}/f/{path}"))
    by_id = Pulled(remote, Selection(job_ids=(family["ring"].jobId, JobId("0" * 20))))

    assert by_input.ids == [family["disk"].jobId, family["six"].jobId]
    assert by_id.ids == [family["ring"].jobId]


def test_a_job_comes_without_those_that_it_came_of_if_so_wanted(
    open_remote: RemoteMaker, family: dict[str, Job]
) -> None:
    remote = open_remote(with_ancestors=False)

    assert Pulled(remote, Selection(tags=("good",))).ids == [family["six"].jobId]


def test_a_hub_is_not_asked_for_everything(remote: DendroRemote) -> None:
    with pytest.raises(InvalidRequest, match="by service, processor, tag"):
        Pulled(remote, Selection())


def test_jobs_that_have_not_ended_are_left_out_until_they_have(
    remote: DendroRemote, there: LocalHub, family: dict[str, Job]
) -> None:
    waiting = submit(there, "cube")
    first = Pulled(remote)
    assert waiting.jobId not in first.ids

    there.cancel(waiting.jobId)

    assert Pulled(remote, cursor=first.cursor).ids == [waiting.jobId]


def show(contract: ContractOnly, most: int) -> None:
    """Let the hub show so many jobs at once, however many are asked for."""
    contract.changes["findJobs"] = lambda reply: {**reply, "jobs": reply["jobs"][:most]}


def test_a_hub_that_shows_few_jobs_is_asked_by_status_and_processor(
    remote: DendroRemote, contract: ContractOnly, family: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(listing, "FIRST_LIMIT", 1)
    show(contract, 2)

    assert set(Pulled(remote).ids) == {job.jobId for job in family.values()}


def test_it_is_said_that_a_hub_may_have_jobs_that_it_does_not_show(
    remote: DendroRemote, contract: ContractOnly, family: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(listing, "FIRST_LIMIT", 1)
    show(contract, 1)

    Pulled(remote)

    assert "shows 1 jobs at most: there may be older ones" in caplog.text


# What is new


def test_a_second_pull_tells_what_is_new_alone(
    remote: DendroRemote, there: LocalHub, family: dict[str, Job], contract: ContractOnly,
    tmp_path: Path,
) -> None:  # fmt: skip
    first = Pulled(remote)
    assert len(first.ids) == 3
    contract.forget()

    again = Pulled(remote, cursor=first.cursor)
    assert (again.ids, contract.calls()) == ([], ["findJobs"])

    push(remote, tmp_path / "files", made_job("cube"))
    there.add_tags(family["ring"].jobId, ["seen"])
    contract.forget()
    more = Pulled(remote, cursor=again.cursor)

    [new] = {job.jobId for job in jobs_of(there)} - set(first.ids)
    assert more.ids == [new, family["ring"].jobId]
    assert more.jobs[1].tags == ["seen"]
    # What was seen before is known, though the process may be another.
    files = [path for method, path in contract.asked if method == "GET"]
    assert all(new in path for path in files)


def test_a_cursor_of_another_hub_begins_again(remote: DendroRemote, family: dict[str, Job]) -> None:
    first = Pulled(remote)
    other = first.cursor.replace("127.0.0.1", "127.0.0.2")

    assert Pulled(remote, cursor=other).ids == first.ids
    assert Pulled(remote, cursor="nonsense").ids == first.ids


def test_a_record_says_the_same_each_time(
    remote: DendroRemote, open_remote: RemoteMaker, family: dict[str, Job]
) -> None:
    first = Pulled(remote)
    elsewhere = Pulled(open_remote(folder="elsewhere", keeps_files=False))

    assert [bytes(entry.statement) for entry in elsewhere.entries] == [
        bytes(entry.statement) for entry in first.entries
    ]


# What is told


def test_a_job_is_told_as_the_hub_has_it(remote: DendroRemote, family: dict[str, Job]) -> None:
    pulled = Pulled(remote)

    record = next(each for each in pulled.records if each.jobId == family["ring"].jobId)
    job = family["ring"]
    assert record.jobDefinition == job.jobDefinition
    assert record.timestampFinishedSec == job.timestampFinishedSec
    assert (record.userId, record.computeClientName) == ("github|ada", "far")
    assert record.requiredResources == RESOURCES
    assert set(record.files.others) == {"a.txt"}
    assert record.files.console is not None
    assert record.files.usage is not None
    assert not any(entry.signatures for entry in pulled.jobs)
    [app] = [each for each in pulled.entries if isinstance(each, AppEntry)]
    assert read_app(bytes(app.statement)).appName == "shapes"


def test_unsigned_jobs_are_taken_where_that_is_allowed(
    remote: DendroRemote, family: dict[str, Job], hub: LocalHub
) -> None:
    entry = Pulled(remote).jobs[0]

    with pytest.raises(Refused, match="not signed"):
        hub.arriving.judge(entry, TrustPolicy())
    hub.arriving.judge(entry, TrustPolicy(allow_unsigned=True))


def submit(hub: LocalHub, name: str, *, input_url: str | None = None) -> Job:
    wanted: JobDefinition = definition(
        name, processor="make" if input_url is None else "count", input_url=input_url
    )
    request = NewJob(serviceName=SERVICE, jobDefinition=wanted, requiredResources=RESOURCES)
    return hub.submit([request])[0]


def test_what_was_pulled_is_found_by_the_next_submit(
    remote: DendroRemote, family: dict[str, Job], hub: LocalHub, tmp_path: Path
) -> None:
    take(hub, remote, Pulled(remote), tmp_path / "fetched")

    parent = submit(hub, "disk")
    child = submit(hub, "six", input_url=parent.outputFileResults[0].url)

    assert (parent.jobId, child.jobId) == (family["disk"].jobId, family["six"].jobId)
    assert hub.output_file(child.jobId, "output").read_bytes() == b"6"
    assert (hub.job_facts(child.jobId).record.tags) == ["new", "good"]


def test_a_job_that_was_pulled_is_found_by_its_id_and_its_definition(
    remote: DendroRemote, family: dict[str, Job]
) -> None:
    wanted = family["ring"].jobDefinition
    ids = {job.jobId: "" for job in family.values()}

    found = list(remote.find(SERVICE, "", None, definition=wanted))
    assert [read_job(bytes(each.statement)).jobId for each in found] == [family["ring"].jobId]
    assert list(remote.find(SERVICE, "", None, definition=definition("no such"))) == []
    assert list(remote.find(SERVICE, family["ring"].jobDefinitionHash, None)) == []
    told = [read_job(bytes(each.statement)).jobId for each in remote.entries_of(ids)]
    assert sorted(told) == sorted(ids)


# Files


@pytest.mark.parametrize("keeps_files", [True, False])
def test_files_are_fetched_by_the_digest_that_was_told(
    open_remote: RemoteMaker, family: dict[str, Job], contract: ContractOnly, tmp_path: Path,
    keeps_files: bool,
) -> None:  # fmt: skip
    remote = open_remote(keeps_files=keeps_files)
    for batch in remote.changes("", Selection(tags=("old",))):
        entry = decode_entry(batch.lines[-1])
        assert isinstance(entry, JobEntry)
        contract.forget()

        assert fetched(remote, read_job(bytes(entry.statement)), tmp_path) == b"a disk"

        assert len(contract.asked) == (0 if keeps_files else 1)


def test_a_later_process_knows_where_a_file_is(
    remote: DendroRemote, open_remote: RemoteMaker, family: dict[str, Job], tmp_path: Path
) -> None:
    [record] = Pulled(remote, Selection(tags=("old",))).records
    remote.close()

    assert fetched(open_remote(), record, tmp_path) == b"a disk"


def test_a_file_is_gone_on_with_where_it_was_left(
    remote: DendroRemote, family: dict[str, Job], tmp_path: Path
) -> None:
    [record] = Pulled(remote, Selection(tags=("old",))).records
    digest = record.files.outputs["output"].digest
    (tmp_path / str(digest)).write_bytes(b"a d")
    told: list[int] = []

    remote.fetch(Digest(str(digest)), 6, tmp_path / str(digest), told.append)

    assert (tmp_path / str(digest)).read_bytes() == b"a disk"
    assert sum(told) == 3


def test_a_file_that_was_never_told_of_is_not_found(remote: DendroRemote, tmp_path: Path) -> None:
    with pytest.raises(OutputNotFound):
        remote.fetch(Digest("a" * 64), 1, tmp_path / "file", lambda _: None)


def test_a_download_that_is_cut_off_goes_on_where_it_was(
    open_remote: RemoteMaker, remote: DendroRemote, client_keys: HubKeys, live: LiveHub,
    tmp_path: Path,
) -> None:  # fmt: skip
    content = random.Random(1).randbytes(6 << 20)
    push(remote, tmp_path / "files", made_job("large", output=content, console=None))
    network = Proxy(live.port)
    try:
        for patience_sec in (30.0, 0.0):  # the same process goes on, and a later one
            folder = f"remote-{patience_sec}"
            network.received, before = 0, network.sent
            network.cut_after_receiving(4 << 20)
            if patience_sec == 0.0:
                with pytest.raises(HubUnreachable):
                    Pulled(open_remote(url=network.url, folder=folder))
            again = open_remote(url=network.url, folder=folder, patience_sec=patience_sec)
            [record] = Pulled(again).records

            assert network.has_cut
            assert network.sent > before
            # What was on its way when the connection broke is all that comes twice.
            assert network.received < len(content) + (3 << 20)
            (tmp_path / folder / "out").mkdir()
            assert fetched(again, record, tmp_path / folder / "out") == content
    finally:
        network.close()


# What is wrong


def changed(job_id: JobId, change: Callable[[dict[str, Any]], None]) -> Callable[[Any], Any]:
    """Changes a job in the reply of findJobs."""

    def change_reply(reply: Any) -> Any:
        for job in reply["jobs"]:
            if job["jobId"] == job_id:
                change(job)
        return reply

    return change_reply


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("size", lambda job: job["outputFileResults"][0].update(size=3)),
        ("size", lambda job: job["outputFileResults"][0].update(size=300)),
        ("digest", lambda job: job.update(jobDefinitionHash="0" * 40)),
        ("digest", lambda job: job["jobDefinition"]["parameters"][0].update(value="other")),
        ("structure", lambda job: job.update(jobDefinition="none")),
    ],
)
def test_a_job_that_is_not_as_the_hub_says_is_refused_until_it_is(
    remote: DendroRemote, contract: ContractOnly, family: dict[str, Job],
    code: str, change: Callable[[dict[str, Any]], None],
) -> None:  # fmt: skip
    wrong = family["ring"].jobId
    contract.changes["findJobs"] = changed(wrong, change)

    pulled = Pulled(remote)
    assert [(each.job_id, each.code) for each in pulled.refused] == [(wrong, code)]
    assert pulled.ids == [family["disk"].jobId, family["six"].jobId]

    contract.changes.clear()
    [entry] = remote.entries_of({wrong: ""})  # as whoever pulls asks again for what was refused
    assert read_job(bytes(entry.statement)).jobId == wrong


def test_a_job_whose_output_is_gone_is_refused_and_the_rest_goes_on(
    remote: DendroRemote, contract: ContractOnly, family: dict[str, Job]
) -> None:
    contract.gone.add(f"/f/lab/shapes/make/{family['ring'].jobId}/output/output.txt")

    pulled = Pulled(remote)

    assert [(each.job_id, each.code) for each in pulled.refused] == [
        (family["ring"].jobId, "missing")
    ]
    assert len(pulled.ids) == 2


def test_a_job_without_a_console_is_told(
    remote: DendroRemote, contract: ContractOnly, family: dict[str, Job]
) -> None:
    contract.gone.add(f"/f/lab/shapes/make/{family['disk'].jobId}/console_output/output.txt")

    pulled = Pulled(remote, Selection(tags=("old",)))

    assert [record.files.console for record in pulled.records] == [None]


def test_a_hub_that_goes_away_leaves_nothing_half_told(
    remote: DendroRemote, contract: ContractOnly, family: dict[str, Job]
) -> None:
    whole = Pulled(remote).ids
    contract.forget()

    contract.breaks_at = 0
    with pytest.raises(HubUnreachable):
        Pulled(remote)

    assert Pulled(remote).ids == whole


# What it is


def test_it_tells_what_it_is(remote: DendroRemote, open_remote: RemoteMaker) -> None:
    facts = remote.facts()

    assert (facts.kind, facts.can_write, facts.store_id) == ("dendro", True, None)
    assert remote.requests == 1
    assert not open_remote(HubKeys(), "guest").facts().can_write


def test_a_wait_ends_when_it_is_over_or_the_time_is(remote: DendroRemote) -> None:
    assert remote.wait(0.0, lambda: False)
    assert not remote.wait(1000.0, lambda: True)
