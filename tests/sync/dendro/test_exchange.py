"""A hub of the original as a remote of a store, as its user pushes to it and pulls from it."""

import errno
import json
from pathlib import Path

import pytest

from dendro_local.errors import DiskFull
from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.compute_clients import ComputeClientChanges
from dendro_local.model import Job, ServiceUser
from dendro_sync.exchange import pull, push
from dendro_sync.opening import remote_folder
from dendro_sync.remotes.dendro import DendroRemote, HubKeys
from dendro_sync.remotes.dendro.journal import Journal
from dendro_sync.saved_remotes import add_remote, remove_remote
from dendro_sync.selection import Selection
from tests.hub.conftest import NewJobMaker, Worker
from tests.sync.dendro.conftest import ADA
from tests.sync.dendro.contract_only import ContractOnly
from tests.sync.dendro.records import SERVICE, made_job
from tests.sync.dendro.records import push as push_made
from tests.sync.dendro.test_pulling import submit

ALL = Selection(service=SERVICE)


@pytest.fixture
def here(hub: LocalHub, contract: ContractOnly, client_keys: HubKeys, tmp_path: Path) -> LocalHub:
    """A store with the hub as a remote."""
    key_file = tmp_path / "keys.json"
    key_file.write_text(
        json.dumps(
            {
                "apiKey": client_keys.api_key,
                "computeClientId": client_keys.compute_client_id,
                "computeClientPrivateKey": client_keys.compute_client_private_key,
            }
        )
    )
    add_remote(hub, "original", contract.url, key_file=key_file, allow_unsigned=True)
    return hub


@pytest.fixture
def processing(here: LocalHub, there: LocalHub) -> Selection:
    """The jobs of a service that the user of the store may process on the hub."""
    service = "hello_world_service"
    user = ServiceUser(userId=ADA, admin=False, createJobs=True, processJobs=True)
    there.set_service_users(service, [user])
    client = there.compute_clients(SERVICE)[-1]
    there.change_compute_client(client.computeClientId, ComputeClientChanges(services=[service]))
    return Selection(service=service)


@pytest.fixture
def family(remote: DendroRemote, there: LocalHub, tmp_path: Path) -> dict[str, Job]:
    """A parent and its child on the hub."""
    parent = made_job("disk")
    child = made_job("six", parent=parent, output=b"6")
    assert push_made(remote, tmp_path / "files", parent, child) == []
    jobs = there.find_jobs(JobQuery(service=SERVICE))
    return {str(job.jobDefinition.parameters[0].value): job for job in jobs}


@pytest.mark.parametrize("outputs", ["eager", "lazy"])
def test_what_is_pulled_is_found_by_the_next_submit_and_read(
    here: LocalHub, family: dict[str, Job], outputs: str
) -> None:
    report = pull(here, "original", ALL, outputs="lazy" if outputs == "lazy" else "eager")
    assert (report.new, report.refused) == (2, [])

    parent = submit(here, "disk")
    child = submit(here, "six", input_url=parent.outputFileResults[0].url)

    assert (parent.jobId, child.jobId) == (family["disk"].jobId, family["six"].jobId)
    assert here.output_file(child.jobId, "output").read_bytes() == b"6"
    assert pull(here, "original", ALL).new == 0


def test_what_the_hub_does_not_have_whole_is_told_in_the_report_and_comes_later(
    here: LocalHub, family: dict[str, Job], contract: ContractOnly
) -> None:
    path = f"/f/lab/shapes/make/{family['disk'].jobId}/output/output.txt"
    contract.gone.add(path)
    report = pull(here, "original", ALL)
    assert [(each.job_id, each.code) for each in report.refused] == [
        (family["disk"].jobId, "missing")
    ]

    contract.gone.clear()

    assert pull(here, "original", ALL).new == 1
    assert submit(here, "disk").jobId == family["disk"].jobId


def test_what_came_from_there_is_not_pushed_back(
    here: LocalHub, family: dict[str, Job], there: LocalHub
) -> None:
    pull(here, "original", ALL)

    report = push(here, "original", ALL)

    assert (report.new, report.refused) == (0, [])
    assert len(there.find_jobs(JobQuery(service=SERVICE))) == 2


def test_own_jobs_are_pushed_once(
    here: LocalHub,
    there: LocalHub,
    processing: Selection,
    worker: Worker,
    greeting: NewJobMaker,
    counting: NewJobMaker,
) -> None:
    [parent] = here.submit([greeting("Ada", tags=["mine"])])
    worker.complete(worker.claim(), b"Hello, Ada!", b"printed\n")
    here.submit([counting(parent)])
    worker.complete(worker.claim(), b"{}", b"")

    report = push(here, "original", processing)

    assert (report.new, report.refused) == (2, [])
    pushed = {
        job.jobDefinition.processorName: job
        for job in there.find_jobs(JobQuery(service=processing.service))
    }
    assert {job.status for job in pushed.values()} == {"completed"}
    assert pushed["count_characters"].jobDependencies == [pushed["hello_world_2"].jobId]
    assert push(here, "original", processing, full=True).new == 0
    # Whoever pulls what they have pushed has it by its other id too.
    assert pull(here, "original", processing).refused == []
    assert len(there.find_jobs(JobQuery(service=processing.service))) == 2


def test_a_new_job_goes_together_with_one_that_is_there_and_has_got_a_tag(
    here: LocalHub, processing: Selection, worker: Worker, greeting: NewJobMaker
) -> None:
    [first] = here.submit([greeting("Ada", tags=["mine"])])
    worker.complete(worker.claim(), b"Hello, Ada!", b"printed\n")
    push(here, "original", processing)
    here.add_tags(first.jobId, ["more"])
    here.submit([greeting("Bob")])
    worker.complete(worker.claim(), b"Hello, Bob!", b"printed\n")

    report = push(here, "original", processing)

    assert (report.new, report.refused) == (1, [])


def test_a_full_disk_is_told_while_files_of_the_hub_come(
    here: LocalHub, family: dict[str, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Journal, "add", full)

    with pytest.raises(DiskFull):
        pull(here, "original", ALL)


def test_nothing_is_kept_of_a_hub_that_was_removed(
    here: LocalHub, family: dict[str, Job], contract: ContractOnly
) -> None:
    pull(here, "original", ALL)
    folder = remote_folder(here, "original")
    assert any(folder.iterdir())

    remove_remote(here, "original")

    assert not folder.exists()
    add_remote(here, "original", contract.url, allow_unsigned=True)
    assert pull(here, "original", ALL).refused == []
