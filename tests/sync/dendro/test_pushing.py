"""Jobs that are pushed to a hub of the original."""

import stat
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from dendro_local.errors import HubUnreachable, NotAuthenticated
from dendro_local.file_urls import blob_url, stable_url
from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest, Job, JobId
from dendro_local.signed_records import (
    DeletedJob,
    FileRecord,
    FilesRecord,
    GoneEntry,
    statement_digest,
    statement_of_deletion,
    statement_of_job,
)
from dendro_sync.remotes.dendro import DendroRemote, HubKeys
from tests.sync.dendro.conftest import BOB, RemoteMaker
from tests.sync.dendro.contract_only import ContractOnly
from tests.sync.dendro.records import (
    SERVICE,
    MadeJob,
    definition,
    made_job,
    push,
)


@pytest.fixture(params=["compute client", "user"])
def keys(request: pytest.FixtureRequest, client_keys: HubKeys, user_keys: HubKeys) -> HubKeys:
    """Those with which a compute client pushes, and those with which a user does."""
    return client_keys if request.param == "compute client" else user_keys


def jobs_of(hub: LocalHub) -> list[Job]:
    return hub.find_jobs(JobQuery(service=SERVICE))


def the_job(hub: LocalHub) -> Job:
    [job] = jobs_of(hub)
    return job


def output(hub: LocalHub, job: Job) -> bytes:
    return hub.output_file(job.jobId, "output").read_bytes()


def digest_of(job: MadeJob) -> str:
    return statement_digest(statement_of_job(job.record))


def test_a_pushed_job_is_there_with_its_files(
    open_remote: RemoteMaker, keys: HubKeys, there: LocalHub, tmp_path: Path
) -> None:
    job = made_job(
        output=b"a disk",
        usage=b'{"cpu": 1}\n',
        others={"figures/one.txt": b"one"},
        tags=("mine",),
    )

    assert push(open_remote(keys), tmp_path / "files", job) == []

    record = the_job(there)
    assert record.status == "completed"
    assert (record.tags, record.batchId, record.userId) == (["mine"], "batch", "github|ada")
    assert record.requiredResources == job.record.requiredResources
    assert record.computeClientId == (keys.compute_client_id or "")
    assert output(there, record) == b"a disk"
    assert there.console(record.jobId) == b"making\n"
    assert there.usage(record.jobId) == b'{"cpu": 1}\n'
    files = there.job_facts(record.jobId).files
    assert [file.name for file in files if file.kind == "other"] == ["figures/one.txt"]


def test_a_second_push_makes_nothing_new(
    remote: DendroRemote, open_remote: RemoteMaker, client_keys: HubKeys,
    there: LocalHub, contract: ContractOnly, tmp_path: Path,
) -> None:  # fmt: skip
    job = made_job()
    push(remote, tmp_path / "files", job)
    assert remote.lacking({job.record.jobId: digest_of(job)}) == set()

    for folder in ("remote", "another"):  # one that knows of the push, and one that does not
        contract.forget()
        assert push(open_remote(client_keys, folder), tmp_path / "files", job) == []
        assert "createJob" not in contract.calls()

    assert the_job(there).status == "completed"


def test_what_is_lacking_is_told(remote: DendroRemote, there: LocalHub, tmp_path: Path) -> None:
    pushed, new = made_job("disk"), made_job("ring")
    push(remote, tmp_path / "files", pushed)
    there_id = the_job(there).jobId

    lacking = remote.lacking(
        {
            pushed.record.jobId: "another digest",
            new.record.jobId: digest_of(new),
            there_id: "that of a job which came from there",
        }
    )

    assert lacking == {pushed.record.jobId, new.record.jobId}


def test_a_job_that_was_deleted_there_is_lacking(
    remote: DendroRemote, there: LocalHub, tmp_path: Path
) -> None:
    job = made_job()
    push(remote, tmp_path / "files", job)

    there.delete([the_job(there).jobId])

    assert remote.lacking({job.record.jobId: digest_of(job)}) == {job.record.jobId}


def test_tags_are_merged(remote: DendroRemote, there: LocalHub, tmp_path: Path) -> None:
    job = made_job(tags=("one",))
    push(remote, tmp_path / "files", job)

    assert push(remote, tmp_path / "files", job._replace(tags=("two",))) == []

    assert the_job(there).tags == ["one", "two"]


def test_a_child_reads_the_file_that_its_parent_has_there(
    open_remote: RemoteMaker, keys: HubKeys, there: LocalHub, contract: ContractOnly,
    tmp_path: Path,
) -> None:  # fmt: skip
    parent = made_job()
    child = made_job(output=b"6", parent=parent)

    assert push(open_remote(keys), tmp_path / "files", parent) == []
    # Another process, which knows of the parent by what is on the disk.
    assert push(open_remote(keys), tmp_path / "files", child) == []

    found = {job.jobDefinition.processorName: job for job in jobs_of(there)}
    assert found["count"].status == "completed"
    assert found["count"].jobDependencies == [found["make"].jobId]
    assert found["count"].inputFileUrlList == [found["make"].outputFileResults[0].url]


def test_a_child_of_a_job_that_is_not_there_is_refused(
    remote: DendroRemote, there: LocalHub, tmp_path: Path
) -> None:
    child = made_job(output=b"6", parent=made_job())

    [refusal] = push(remote, tmp_path / "files", child)

    assert (refusal.job_id, refusal.code) == (child.record.jobId, "missing")
    assert jobs_of(there) == []


def test_a_failed_job_fails_there(
    open_remote: RemoteMaker, keys: HubKeys, there: LocalHub, tmp_path: Path
) -> None:
    job = made_job()
    console = job.record.files.console
    failed = msgspec.structs.replace(
        job.record, status="failed", error="no spikes", files=FilesRecord(console=console)
    )
    assert push(open_remote(keys), tmp_path / "files", job._replace(record=failed)) == []

    record = the_job(there)
    assert (record.status, record.error) == ("failed", "no spikes")
    assert there.console(record.jobId) == b"making\n"


def test_a_completed_job_takes_the_place_of_a_failed_one(
    remote: DendroRemote, there: LocalHub, tmp_path: Path
) -> None:
    job = made_job()
    failed = msgspec.structs.replace(
        job.record, status="failed", error="no spikes", files=FilesRecord()
    )
    push(remote, tmp_path / "files", job._replace(record=failed))

    assert push(remote, tmp_path / "files", made_job()) == []

    assert {record.status for record in jobs_of(there)} == {"failed", "completed"}


@pytest.mark.parametrize("size", [0, 999, 1000, 2500])
def test_files_go_whole_and_in_parts(
    remote: DendroRemote, there: LocalHub, contract: ContractOnly, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, size: int,
) -> None:  # fmt: skip
    monkeypatch.setenv("DENDRO_PART_BYTES", "1000")
    content = bytes(number % 251 for number in range(size))

    assert push(remote, tmp_path / "files", made_job(output=content)) == []

    assert output(there, the_job(there)) == content
    assert ("finalizeMultipartUpload" in contract.calls()) is (size >= 1000)


def test_whoever_sends_is_told_of_the_bytes(remote: DendroRemote, tmp_path: Path) -> None:
    job = made_job(output=bytes(1_000_000), console=None)
    [digest] = job.files
    file = tmp_path / "file"
    file.write_bytes(job.files[digest])
    told: list[int] = []

    remote.send(digest, file, told.append)
    remote.put([job.entry])

    assert sum(told) == 1_000_000


def test_a_url_that_the_app_has_set_is_set_there(
    remote: DendroRemote, there: LocalHub, tmp_path: Path
) -> None:
    url = "https://dandiarchive.test/page"
    job = made_job(
        jobDefinition=definition(processor="publish"),
        console=None,
        files=FilesRecord(outputs={"published": FileRecord(url=url)}),
    )

    assert push(remote, tmp_path / "files", job) == []

    assert [each.url for each in the_job(there).outputFileResults] == [url]


def test_keys_go_to_the_hub_alone_and_each_where_it_is_meant_for(
    remote: DendroRemote, client_keys: HubKeys, contract: ContractOnly, tmp_path: Path
) -> None:
    push(remote, tmp_path / "files", made_job())

    sent = dict(zip((path for _, path in contract.asked), contract.authorizations, strict=True))
    assert sent["/api/createJob"] == f"Bearer {client_keys.api_key}"
    offered = sent["/api/getRunnableJobsForComputeClient"]
    assert offered == f"Bearer {client_keys.compute_client_private_key}"
    assert [sent[path] for path in sent if path.startswith("/u/")] == [None, None]
    assert sent["/api/setJobStatus"] not in (sent["/api/createJob"], offered, None)


# Refusals


def test_what_the_hub_refuses_is_told_and_the_rest_goes_on(
    remote: DendroRemote, there: LocalHub, tmp_path: Path
) -> None:
    digest = Digest("a" * 64)
    fine = made_job("fine")
    wrong = {
        "service": made_job(serviceName="nowhere"),
        "app": made_job(
            jobDefinition=msgspec.structs.replace(definition(), appName="cubes"),
        ),
        "parameter": made_job(
            jobDefinition=msgspec.structs.replace(definition(), parameters=[]),
        ),
        "local file": made_job(
            jobDefinition=definition(processor="count", input_url=blob_url(digest))
        ),
    }

    refusals = push(remote, tmp_path / "files", *wrong.values(), fine)

    assert [each.job_id for each in refusals] == [job.record.jobId for job in wrong.values()]
    reasons = [each.reason for each in refusals]
    assert "Service not found: nowhere" in reasons[0]
    assert "app not found: cubes" in reasons[1]
    assert "not compatible" in reasons[2]
    assert "a file of a machine" in reasons[3]
    assert [each.code for each in refusals] == ["missing", "missing", "other", "missing"]
    assert the_job(there).jobDefinition == fine.record.jobDefinition


def test_a_job_whose_file_was_not_sent_is_refused(remote: DendroRemote, there: LocalHub) -> None:
    [refusal] = remote.put([made_job().entry])

    assert refusal.code == "missing"
    assert jobs_of(there) == []


def test_a_user_who_may_not_process_jobs_leaves_none_waiting(
    open_remote: RemoteMaker, there: LocalHub, tmp_path: Path
) -> None:
    keys = HubKeys(api_key=there.add_api_key(BOB, "far")[1])

    refusals = push(open_remote(keys), tmp_path / "files", made_job("disk"), made_job("ring"))

    assert [each.code for each in refusals] == ["not_allowed", "not_allowed"]
    # It has come to be seen at the first; that was taken back, and the second not begun.
    record = the_job(there)
    assert (record.status, record.canceled) == ("failed", True)


def test_a_job_that_somebody_else_runs_is_left_alone(
    open_remote: RemoteMaker, client_keys: HubKeys, user_keys: HubKeys,
    contract: ContractOnly, there: LocalHub, tmp_path: Path,
) -> None:  # fmt: skip
    other = open_remote(user_keys, "other")
    contract.breaks_at = _number_of("getSignedUploadUrl", other, contract, tmp_path, made_job())
    job = made_job("ring")
    with pytest.raises(HubUnreachable):
        push(other, tmp_path / "files", job)
    contract.forget()
    running = next(each for each in jobs_of(there) if each.status == "running")

    [refusal] = push(open_remote(client_keys), tmp_path / "files", job)

    assert refusal.code == "other"
    assert running.jobId in refusal.reason
    assert there.get_job(running.jobId).status == "running"


def test_a_file_that_the_hub_does_not_take_fails_the_job_there(
    remote: DendroRemote, there: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DENDRO_MAX_OUTPUT_BYTES", "3")
    job = made_job(output=b"too much")

    [refusal] = push(remote, tmp_path / "files", job)

    assert (refusal.job_id, refusal.reason) == (job.record.jobId, "File size too large")
    failed = the_job(there)
    assert (failed.status, failed.error) == (
        "failed",
        "It could not be pushed: File size too large",
    )


def test_a_job_that_could_not_be_pushed_makes_way_for_a_later_push(
    open_remote: RemoteMaker, client_keys: HubKeys, contract: ContractOnly,
    there: LocalHub, tmp_path: Path,
) -> None:  # fmt: skip
    job = made_job()
    contract.changes["getSignedUploadUrl"] = lambda reply: {**reply, "signedUrl": None}
    [refusal] = push(open_remote(client_keys), tmp_path / "files", job)
    assert "does not say where" in refusal.reason
    contract.changes.clear()

    assert push(open_remote(client_keys), tmp_path / "files", job) == []

    assert the_job(there).status == "completed"


@pytest.mark.parametrize("wrong", ["api_key", "compute_client_private_key", "compute_client_id"])
def test_a_wrong_key_is_told_before_anything_is_begun(
    open_remote: RemoteMaker, client_keys: HubKeys, there: LocalHub, tmp_path: Path, wrong: str
) -> None:
    keys = msgspec.structs.replace(client_keys, **{wrong: "x" * 12})

    with pytest.raises(NotAuthenticated):
        push(open_remote(keys), tmp_path / "files", made_job())

    assert jobs_of(there) == []


def test_nobody_pushes_without_a_key(open_remote: RemoteMaker, tmp_path: Path) -> None:
    with pytest.raises(NotAuthenticated, match="--key-file"):
        push(open_remote(), tmp_path / "files", made_job())


# What is cut off


def _number_of(
    call: str, remote: DendroRemote, contract: ContractOnly, folder: Path, job: MadeJob
) -> int:
    """The number of the request of a push that makes a call first."""
    contract.forget()
    assert push(remote, folder / "files", job) == []
    number = [path for _, path in contract.asked].index(f"/api/{call}")
    contract.forget()
    return number


def test_a_push_that_is_cut_off_anywhere_is_gone_on_with(
    open_remote: RemoteMaker, keys: HubKeys, contract: ContractOnly, there: LocalHub,
    tmp_path: Path,
) -> None:  # fmt: skip
    push(open_remote(keys), tmp_path / "files", made_job("first", console=None))
    steps = len(contract.asked)
    assert steps >= 8

    for step in range(steps):
        job = made_job(f"cut off at {step}", output=f"{step}".encode(), console=None)
        contract.forget()
        contract.breaks_at = step  # done there, and not known here
        with pytest.raises(HubUnreachable):
            push(open_remote(keys), tmp_path / "files", job)
        contract.breaks_at = None

        # Another process, later on.
        assert push(open_remote(keys), tmp_path / "files", job) == [], contract.asked

        [record] = [
            each
            for each in jobs_of(there)
            if each.jobDefinition.parameters == job.record.jobDefinition.parameters
        ]
        assert record.status == "completed", contract.asked
        assert output(there, record) == f"{step}".encode()


def test_an_answer_that_is_lost_is_asked_for_again(
    open_remote: RemoteMaker, client_keys: HubKeys, contract: ContractOnly,
    there: LocalHub, tmp_path: Path,
) -> None:  # fmt: skip
    more: dict[str, Any] = {"others": {"a": b"more"}, "console": None}
    push(open_remote(client_keys), tmp_path / "files", made_job("first", **more))
    steps = len(contract.asked)

    for step in range(steps):
        contract.forget()
        contract.breaks_at = step
        remote = open_remote(client_keys, patience_sec=30.0)
        job = made_job(f"{step}", **more)
        assert push(remote, tmp_path / "files", job) == [], contract.asked

    assert [job.status for job in jobs_of(there)] == ["completed"] * (steps + 1)


def test_what_is_begun_is_for_nobody_else_to_read_and_gone_when_it_has_ended(
    open_remote: RemoteMaker, client_keys: HubKeys, contract: ContractOnly, tmp_path: Path
) -> None:
    remote = open_remote(client_keys)
    contract.breaks_at = _number_of("getSignedUploadUrl", remote, contract, tmp_path, made_job())
    job = made_job("ring")
    with pytest.raises(HubUnreachable):
        push(remote, tmp_path / "files", job)
    contract.forget()

    [begun] = (tmp_path / "remote" / "begun").iterdir()
    assert stat.S_IMODE(begun.stat().st_mode) == 0o600
    assert stat.S_IMODE(begun.parent.stat().st_mode) == 0o700
    push(remote, tmp_path / "files", job)
    assert list(begun.parent.iterdir()) == []


def test_a_job_that_is_deleted_before_its_push_has_ended_fails_there(
    open_remote: RemoteMaker, client_keys: HubKeys, contract: ContractOnly,
    there: LocalHub, tmp_path: Path,
) -> None:  # fmt: skip
    remote = open_remote(client_keys)
    contract.breaks_at = _number_of("getSignedUploadUrl", remote, contract, tmp_path, made_job())
    job = made_job("ring")
    with pytest.raises(HubUnreachable):
        push(remote, tmp_path / "files", job)
    contract.forget()
    deleted = DeletedJob(jobId=job.record.jobId, serviceName=SERVICE, deletedSec=9.0)

    remote.put([GoneEntry(statement=msgspec.Raw(statement_of_deletion(deleted)))])

    [record] = [each for each in jobs_of(there) if each.status != "completed"]
    assert (record.status, record.error) == ("failed", "It was deleted where it came from.")


def test_a_pushed_job_is_read_over_http(
    remote: DendroRemote, contract: ContractOnly, there: LocalHub, tmp_path: Path
) -> None:
    push(remote, tmp_path / "files", made_job(output=b"a disk"))

    reply = httpx.post(
        f"{contract.url}/api/findJobs",
        json={"type": "findJobsRequest", "serviceName": SERVICE},
        trust_env=False,
    )

    [job] = reply.json()["jobs"]
    url = job["outputFileResults"][0]["url"]
    assert httpx.get(url, trust_env=False).content == b"a disk"
    assert stable_url(url, [contract.url]).startswith("dendro:f/lab/shapes/make/")
    assert JobId(job["jobId"]) == the_job(there).jobId
