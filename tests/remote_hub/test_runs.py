"""Compute clients of other machines: which jobs they get, keep and lose."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from dendro_local.errors import ClaimLost, Conflict, NotAuthenticated
from dendro_local.hub import Claim, JobQuery, NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.compute_clients import ComputeClientChanges
from dendro_local.model import JobDefinition, JobId, Secret
from dendro_local.remote_hub import RemoteHub, jobs
from tests.conftest import AppMaker
from tests.faults.scripts import wait_until
from tests.hub.conftest import RESOURCES, NewJobMaker, Worker
from tests.live_hub import LiveHub, register_client
from tests.remote_hub.proxy import Proxy

SERVICE = "hello_world_service"

OtherWorker = Callable[..., Worker]


@pytest.fixture
def other(
    live: LiveHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> OtherWorker:
    """Another compute client on a machine of its own: ``other('name', services=(...))``."""

    def make(name: str, **more: tuple[str, ...]) -> Worker:
        folder = tmp_path / name
        register_client(live.hub, folder, name=name, **more)
        file = folder / "dendro-compute-client.yaml"
        monkeypatch.setenv("DENDRO_COMPUTE_CLIENT_FILE", str(file))
        hub = RemoteHub(live.url, folder)
        request.addfinalizer(hub.close)
        return Worker(hub, folder / "work")

    return make


def let_lapse(hub: LocalHub, claim: Claim, *, run_alone: bool = False) -> None:
    """Let it be long ago that the compute client of a claim was heard of."""
    with hub.store.transaction():
        hub.store.remote_runs.renew(claim.token.partition(":")[0], time.time() - 1)
        if not run_alone:
            hub.store.jobs.renew([(claim.number, claim.token)], time.time() - 1)


def status(hub: LocalHub, job_id: JobId) -> str:
    return hub.get_job(job_id).status


def test_a_compute_client_counts_as_alive_while_it_works(
    hub: RemoteHub, local_hub: LocalHub, worker: Worker
) -> None:
    [live] = hub.facts().compute_clients

    assert (live.name, live.serves_all, live.slots) == ("far", True, worker.slots)
    assert hub.has_compute_client()
    hub.end_run(worker.run)
    assert not local_hub.has_compute_client()


def test_why_it_can_run_nothing_is_told_on_the_hub(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])

    hub.set_unable(worker.run, "docker does not run")
    hub.lost_claims([])

    assert "far can run nothing now: docker does not run" in local_hub.why(job.jobId)


def test_a_job_goes_to_another_when_its_compute_client_is_not_heard_of_and_comes_too_late(
    hub: RemoteHub,
    local_hub: LocalHub,
    network: Proxy,
    greeting: NewJobMaker,
    worker: Worker,
    other: OtherWorker,
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    network.split()
    let_lapse(local_hub, claim)
    local_hub.end_lapsed_runs()
    second = other("near").claim()
    network.heal()

    assert (second.job.jobId, second.attempt) == (job.jobId, 2)
    with pytest.raises(ClaimLost):
        worker.complete(claim)
    assert hub.lost_claims([claim]) == [claim]
    assert status(local_hub, job.jobId) == "starting"


def test_after_some_attempts_a_job_that_is_not_heard_of_fails_with_what_it_printed(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    let_lapse(local_hub, worker.claim())
    local_hub.end_lapsed_runs()
    claim = worker.claim()
    claim.folder.mkdir(parents=True)
    (claim.folder / "console.txt").write_bytes(b"so far\n")
    wait_until(lambda: hub.console(job.jobId) == b"so far\n", "what is printed to be sent")

    let_lapse(local_hub, claim)
    local_hub.end_lapsed_runs()

    failed = local_hub.get_job(job.jobId)
    assert failed.status == "failed"
    assert "was not heard of for too long (2 times)" in (failed.error or "")
    assert local_hub.console(job.jobId) == b"so far\n"


def test_a_run_that_was_not_heard_of_for_a_while_comes_back_with_its_jobs(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    claim = worker.claim()
    let_lapse(local_hub, claim, run_alone=True)
    assert not local_hub.has_compute_client()

    local_hub.end_lapsed_runs()
    hub.lost_claims([claim])

    assert local_hub.has_compute_client()
    assert worker.complete(claim).status == "completed"


def test_while_no_server_was_there_nobody_is_blamed_for_not_being_heard(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    claim = worker.claim()
    let_lapse(local_hub, claim)

    local_hub.let_runs_come_back()
    local_hub.end_lapsed_runs()

    assert worker.complete(claim).status == "completed"


def test_jobs_are_kept_by_a_hub_that_has_forgotten_their_run(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting("a")])
    hub.submit([greeting("b")])
    first, second = worker.claim(), worker.claim()
    local_hub.forget_remote_runs()

    # The first to ask begins a new run, and takes both along.
    assert hub.lost_claims([first, second]) == []

    assert worker.complete(first).status == "completed"
    assert worker.complete(second).status == "completed"


def test_a_job_of_another_machine_is_no_business_of_the_hubs_own_compute_client(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker, tmp_path: Path
) -> None:
    hub.submit([greeting("a")])
    claim = worker.claim()
    let_lapse(local_hub, claim)
    own = Worker(local_hub, tmp_path / "own")

    assert local_hub.abandoned() == []
    assert own.finds_nothing()

    hub.submit([greeting("b")])
    held = own.claim()
    local_hub.end_run(own.run)
    assert [each.job.jobId for each in local_hub.abandoned()] == [held.job.jobId]
    assert hub.abandoned() == []
    local_hub.end_lapsed_runs()
    assert local_hub.get_job(held.job.jobId).status == "starting"


def test_a_compute_client_gets_the_jobs_of_its_services_and_users_alone(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, other: OtherWorker
) -> None:
    source = str(local_hub.app_folder("bundled:hello_world"))
    local_hub.add_app(source, "theirs")
    [here] = hub.submit([greeting()])
    [there] = hub.submit([replace(greeting(), serviceName="theirs")])
    [hers] = local_hub.submit([replace(greeting("b"), serviceName="theirs")], user_id="ada")
    near = other("near", services=("theirs",))
    local_hub.change_compute_client(
        near.run.compute_client_id, ComputeClientChanges(process_for=["ada"])
    )

    assert near.claim().job.jobId == hers.jobId
    assert near.finds_nothing()

    changes = ComputeClientChanges(process_for=None, services=[SERVICE, "theirs"])
    local_hub.change_compute_client(near.run.compute_client_id, changes)
    assert [near.claim().job.jobId for _ in range(2)] == [here.jobId, there.jobId]


def test_a_compute_client_whose_user_may_process_no_more_gets_nothing(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, other: OtherWorker
) -> None:
    hub.submit([greeting()])
    near = other("near")
    with local_hub.store.transaction():
        service = replace(local_hub.service(SERVICE), userId="somebody", users=[])
        local_hub.store.services.put(service)
    local_hub.user_id = "somebody"

    assert near.finds_nothing()


def test_a_claim_is_of_the_compute_client_that_has_it(
    hub: RemoteHub, greeting: NewJobMaker, worker: Worker, other: OtherWorker
) -> None:
    hub.submit([greeting()])
    claim = worker.claim()
    near = other("near")

    with pytest.raises(ClaimLost):
        near.hub.set_running(claim)
    with pytest.raises(ClaimLost):
        near.hub.adopt(claim, near.run)


def test_a_compute_client_that_is_removed_is_told_so(
    hub: RemoteHub, local_hub: LocalHub, worker: Worker
) -> None:
    local_hub.remove_compute_client(worker.run.compute_client_id)

    with pytest.raises(NotAuthenticated, match=r"does not take the key of compute client .* in "):
        worker.finds_nothing()
    with pytest.raises(NotAuthenticated):
        hub.lost_claims([])


def test_a_machine_that_is_not_registered_is_told_how_to_be(
    hub: RemoteHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DENDRO_COMPUTE_CLIENT_FILE")

    with pytest.raises(NotAuthenticated, match="`dendro-local clients register NAME"):
        Worker(hub, tmp_path)


def test_one_process_of_a_machine_works_with_a_key(
    hub: RemoteHub, live: LiveHub, worker: Worker, tmp_path: Path
) -> None:
    second = RemoteHub(live.url, tmp_path / "far")

    with pytest.raises(Conflict, match="Another process of this machine"):
        Worker(second, tmp_path)

    hub.end_run(worker.run)
    Worker(second, tmp_path)
    second.close()


def test_one_machine_works_with_a_key(
    hub: RemoteHub,
    live: LiveHub,
    worker: Worker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = tmp_path / "elsewhere" / "dendro-compute-client.yaml"
    copy.parent.mkdir()
    shutil.copy(tmp_path / "far" / "client" / copy.name, copy)
    monkeypatch.setenv("DENDRO_COMPUTE_CLIENT_FILE", str(copy))
    elsewhere = RemoteHub(live.url, copy.parent)

    with pytest.raises(Conflict, match="at work already, on another machine"):
        Worker(elsewhere, tmp_path)

    hub.end_run(worker.run)
    Worker(elsewhere, tmp_path)
    elsewhere.close()


def test_what_an_earlier_run_left_is_taken_over_or_given_up_by_the_next(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker, tmp_path: Path
) -> None:
    hub.submit([greeting("a")])
    hub.submit([greeting("b")])
    worker.claim(), worker.claim()
    hub.end_run(worker.run)
    local_hub.end_lapsed_runs()  # which leaves them to it for a while

    next_ = Worker(hub, tmp_path / "next")
    first, second = hub.abandoned()
    adopted = hub.adopt(first, next_.run)
    hub.give_up(second)

    assert next_.complete(adopted).status == "completed"
    assert (next_.claim().job.jobId, hub.abandoned()) == (second.job.jobId, [])


def test_folders_that_are_of_no_claim_any_more_are_told_of(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker, tmp_path: Path
) -> None:
    hub.submit([greeting()])
    claim = worker.claim()
    claim.folder.mkdir(parents=True)
    left = claim.folder.with_name("AAAAAAAAAAAAAAAAAAAA.1")
    left.mkdir()
    hub.end_run(worker.run)

    Worker(hub, tmp_path / "next")

    assert hub.left_folders() == []  # what may be adopted is asked for first
    assert [each.folder for each in hub.abandoned()] == [claim.folder]
    assert hub.left_folders() == [left]
    assert hub.left_folders() == []


def test_a_cancel_is_noticed_at_once(
    hub: RemoteHub,
    local_hub: LocalHub,
    greeting: NewJobMaker,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Not by asking now and then.
    monkeypatch.setattr("dendro_local.remote_hub.client_runs.BEAT_SEC", 3600.0)
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)
    assert hub.lost_claims([claim]) == []

    local_hub.cancel(job.jobId)

    wait_until(lambda: hub.lost_claims([claim]) == [claim], "the cancel to be told")
    hub.fail(claim, "canceled", worker.file("console", b"so far\n"))
    assert local_hub.console(job.jobId) == b"so far\n"


def test_jobs_are_told_of_and_not_asked_for_again_and_again(
    hub: RemoteHub, local_hub: LocalHub, network: Proxy, greeting: NewJobMaker, worker: Worker
) -> None:
    changes = hub.changes()
    while not changes.is_listening or changes.wait(0.05):
        worker.finds_nothing()
    sent = network.sent

    for _ in range(100):
        assert worker.finds_nothing()
    assert network.sent == sent

    [job] = local_hub.submit([greeting()])
    assert changes.wait(60)
    assert worker.claim().job.jobId == job.jobId
    changes.close()


def test_who_cannot_listen_asks_now_and_then(
    hub: RemoteHub, local_hub: LocalHub, network: Proxy, greeting: NewJobMaker, worker: Worker
) -> None:
    changes = hub.changes()
    network.split()
    wait_until(lambda: not changes.is_listening, "the stream to break")

    assert changes.wait(0.01)  # for all that is known
    assert worker.finds_nothing()
    network.heal()
    changes.close()
    assert hub.find_jobs(JobQuery()) == []


def test_secrets_are_told_to_the_run_of_their_job_alone(
    hub: RemoteHub, greeting: NewJobMaker, worker: Worker
) -> None:
    secret = Secret(name="DANDI_API_KEY", value="hush")
    [job] = hub.submit([greeting(secrets=[secret])])
    claim = worker.claim()

    assert list(hub.app_of(claim).secrets) == [secret]
    assert hub.get_job(job.jobId).secrets is None
    assert claim.job.secrets is None


def test_the_code_of_an_app_is_fetched_once_for_each_state_of_it(
    hub: RemoteHub,
    local_hub: LocalHub,
    network: Proxy,
    make_app: AppMaker,
    worker: Worker,
) -> None:
    folder = make_app("mine", PRINTER)
    (folder / "data").mkdir()
    (folder / "data" / "table.csv").write_text("a,b")
    local_hub.add_app(str(folder), SERVICE)
    first, second = (claim_of("mine", hub, worker) for _ in range(2))

    fetched = hub.app_of(first).folder
    received = network.received
    again = hub.app_of(second).folder
    assert fetched == again
    assert network.received - received < 2000

    assert fetched is not None
    assert (fetched / "data" / "table.csv").read_text() == "a,b"
    assert (fetched / "main.py").read_text() == (folder / "main.py").read_text()
    (folder / "data" / "table.csv").write_text("a,b,c")
    edited = hub.app_of(second).folder
    assert edited is not None
    assert edited != fetched
    assert (edited / "data" / "table.csv").read_text() == "a,b,c"


PRINTER = """
@app.processor
def work() -> None:
    print("at work")
"""


def claim_of(app: str, hub: RemoteHub, worker: Worker) -> Claim:
    """A job of an app, claimed."""
    definition = JobDefinition(
        appName=app, processorName="work", inputFiles=[], outputFiles=[], parameters=[]
    )
    request = NewJob(
        serviceName=SERVICE,
        jobDefinition=definition,
        requiredResources=RESOURCES,
        skipCache=True,
    )
    hub.submit([request])
    return worker.claim()


def test_lists_go_on_over_many_pages(
    hub: RemoteHub, greeting: NewJobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MOST_A_PAGE", 3)
    submitted = hub.submit([greeting(str(number)) for number in range(8)])

    found = hub.find_jobs(JobQuery(limit=7))

    assert len({job.jobId for job in found} & {job.jobId for job in submitted}) == 7


def test_a_backup_holds_no_claim_of_another_machine(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker, tmp_path: Path
) -> None:
    hub.submit([greeting()])
    claim = worker.claim()

    local_hub.back_up(tmp_path / "copy")
    copy = LocalHub(tmp_path / "copy")

    assert copy.get_job(claim.job.jobId).status == "pending"
    assert not copy.has_compute_client()
    copy.close()
    assert worker.complete(claim).status == "completed"
