"""The pages of compute clients: who works, what waits and why, and how a machine is added."""

import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from dendro_local.local_hub import LocalHub
from dendro_local.model import ServiceUser
from tests.hub.conftest import NewJobMaker, Worker
from tests.server.conftest import ADA, BOB, SERVICE, Served
from tests.server.login.conftest import Browser

SLOT = {
    "multiplicity": "2",
    "numCpus": "3",
    "numGpus": "1",
    "memoryGb": "7.5",
    "timeSec": "86400",
    "minNumCpus": "0",
    "minNumGpus": "0",
    "minMemoryGb": "0",
    "minTimeSec": "60",
}


@pytest.fixture
def ada(served: Served, hub: LocalHub) -> Browser:
    """The browser of a user who may process jobs."""
    served.key_of(ADA)
    rights = ServiceUser(userId=ADA, admin=False, createJobs=False, processJobs=True)
    hub.set_service_users(SERVICE, [rights])
    return Browser(served).log_in(ADA)


def words(page: str) -> str:
    return " ".join(unescape(re.sub("<[^>]*>", " ", page)).split())


def registered(hub: LocalHub) -> str:
    """The id of a compute client of Ada's, which is made here."""
    client, _ = hub.register_compute_client(ADA, "far", [SERVICE])
    return client.computeClientId


def test_what_waits_is_told_with_the_reason_and_who_could_run_it(
    served: Served, hub: LocalHub, greeting: NewJobMaker
) -> None:
    job = hub.submit([greeting()])[0]

    page = Browser(served).send("GET", "/clients").text

    assert "No compute client is alive" in page
    assert "dendro-local work" in page
    assert f"{job.jobId[:8]} hello_world / hello_world_2" in words(page)
    assert hub.why(job.jobId).splitlines()[0][:40] in unescape(page)


def test_the_reason_is_told_without_paths_of_the_hubs_machine(
    served: Served, hub: LocalHub, greeting: NewJobMaker, tmp_path: Path
) -> None:
    source = Path(__file__).parents[3] / "apps" / "hello_world"
    folder = tmp_path / "private" / "greeter"
    shutil.copytree(source, folder)
    hub.add_app(str(folder), SERVICE)
    job = hub.submit([greeting()])[0]
    (folder / "main.py").unlink()

    page = words(Browser(served).send("GET", "/clients").text)

    assert str(folder) in hub.why(job.jobId)
    assert "(folder of hello_world), has no main.py any more" in page
    assert str(tmp_path) not in page


def test_its_owner_changes_what_a_compute_client_offers(ada: Browser, hub: LocalHub) -> None:
    client_id = registered(hub)
    path = f"/clients/{client_id}"
    rows = {name: [value, "0"] for name, value in SLOT.items()}

    reply = ada.send(
        "POST", path, data={"name": "near", "description": "d", "users": f"{ADA}, {BOB}", **rows}
    )

    assert reply.headers["location"] == path
    client = hub.compute_client(client_id)
    [slot] = client.computeSlots
    assert (client.computeClientName, client.processJobsForUsers) == ("near", [ADA, BOB])
    assert (slot.multiplicity, slot.memoryGb, slot.timeSec, slot.minTimeSec) == (2, 7.5, 86400, 60)
    page = ada.send("GET", path).text
    for value in ("7.5", "86400", f"{ADA} {BOB}", "near"):
        assert f'value="{value}"' in page, value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("numCpus", "x"),
        ("numCpus", "1.5"),
        ("numCpus", ""),
        ("multiplicity", "-1"),
        ("multiplicity", "9" * 5000),
        ("memoryGb", "nan"),
        ("memoryGb", "inf"),
        ("timeSec", "-5"),
        ("timeSec", "1e400"),
        ("minTimeSec", "1e17"),
    ],
)
def test_a_slot_of_bad_numbers_is_refused_and_nothing_changes(
    ada: Browser, hub: LocalHub, field: str, value: str
) -> None:
    client_id = registered(hub)
    before = hub.compute_client(client_id)

    fields = {"name": "near", "description": "", "users": "", **SLOT, field: value}
    reply = ada.send("POST", f"/clients/{client_id}", data=fields)

    assert (reply.status_code, reply.headers["content-type"][:9]) == (400, "text/html")
    assert hub.compute_client(client_id) == before


def test_a_form_with_fewer_numbers_than_slots_is_refused(ada: Browser, hub: LocalHub) -> None:
    fields = {"name": "near", **SLOT, "multiplicity": ["1", "1"]}
    reply = ada.send("POST", f"/clients/{registered(hub)}", data=fields)

    assert (reply.status_code, "Slot 2 has no number as CPUs" in reply.text) == (400, True)


def test_what_others_may_not_do_is_neither_offered_nor_done(
    ada: Browser, served: Served, hub: LocalHub, worker: Worker
) -> None:
    client_id = registered(hub)
    served.key_of(BOB)
    bob, guest = Browser(served).log_in(BOB), Browser(served)
    own = worker.run.compute_client_id

    for who, status in ((bob, 403), (guest, 401)):
        assert "<form" not in who.send("GET", f"/clients/{client_id}").text
        assert "Register another machine" not in who.send("GET", "/clients").text
        for path in (f"/clients/{client_id}", f"/clients/{client_id}/remove"):
            sent = who.send("POST", path, data={"name": "x", "confirmed": "yes", **SLOT})
            assert sent.status_code == status, path
        sent = who.send("POST", "/clients", data={"name": "x", "service": SERVICE})
        assert sent.status_code == status
    refused = ada.send("POST", "/clients", data={"name": "x"})
    assert (refused.status_code, "Choose a service" in refused.text) == (400, True)
    # Not even its owner changes the hub's own machine here.
    owner = Browser(served).log_in()
    assert "<form" not in owner.send("GET", f"/clients/{own}").text
    sent = owner.send("POST", f"/clients/{own}", data={"name": "x", **SLOT})
    assert (sent.status_code, "hub&#39;s own machine" in sent.text) == (400, True)

    assert "Remove compute client far?" in ada.send("POST", f"/clients/{client_id}/remove").text
    sent = ada.send("POST", f"/clients/{client_id}/remove", data={"confirmed": "yes"})
    assert sent.headers["location"] == "/clients"
    assert ada.send("GET", f"/clients/{client_id}").status_code == 404
