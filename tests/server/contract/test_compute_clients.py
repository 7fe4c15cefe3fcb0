"""Compute clients: each row of the contract."""

import os
from pathlib import Path
from typing import Any

import pytest

from dendro_local.local_hub import LocalHub
from tests.hub.conftest import Worker
from tests.server.conftest import ADA, BOB, OWNER, SERVICE, Answer, Served, refusal

UNAUTHORIZED = refusal(401, "Unauthorized")
NOT_FOUND = refusal(404, "Compute client not found")
WRONG_KEY = refusal(401, "Unauthorized: incorrect or missing compute client private key")

LAB = "lab"

SLOT = {
    "numCpus": 2,
    "numGpus": 1,
    "memoryGb": 0.5,
    "timeSec": 60,
    "minNumCpus": 0,
    "minNumGpus": 1,
    "minMemoryGb": 0,
    "minTimeSec": 0,
    "multiplicity": 3,
}


class Registered:
    """A compute client of Ada, and its key."""

    def __init__(self, client_id: str, key: str) -> None:
        self.id = client_id
        self.key = key


@pytest.fixture
def client(served: Served) -> Registered:
    """A compute client of Ada for her service."""
    served.hub.add_service(LAB, ADA)
    reply = create(served)
    return Registered(reply["computeClientId"], reply["computeClientPrivateKey"])


def create(served: Served, **more: object) -> dict[str, Any]:
    request = {"userId": ADA, "serviceNames": [LAB], "computeClientName": "cluster", **more}
    reply = served.get("createComputeClient", request, served.key_of(ADA))
    assert isinstance(reply, dict)
    return reply


def shown(served: Served, client: Registered) -> dict[str, Any]:
    record = served.get("getComputeClient", {"computeClientId": client.id})["computeClient"]
    assert isinstance(record, dict)
    return record


def change(served: Served, client: Registered, **changes: object) -> Answer:
    request = {"computeClientId": client.id, **changes}
    return served.ask("setComputeClientInfo", request, served.key_of(ADA))


def test_its_id_and_key_are_told_when_it_is_registered(served: Served, client: Registered) -> None:
    reply = create(served)

    assert set(reply) == {"computeClientId", "computeClientPrivateKey"}
    assert (len(client.id), len(client.key)) == (12, 32)
    assert (client.id + client.key).isalnum()
    assert reply["computeClientId"] != client.id


def test_it_is_told_without_its_key(served: Served, client: Registered) -> None:
    record = shown(served, client)

    assert record == {
        "serviceNames": [LAB],
        "computeClientId": client.id,
        "computeClientPrivateKey": None,
        "computeClientName": "cluster",
        "userId": ADA,
        "processJobsForUsers": None,
        "description": "",
        "computeSlots": record["computeSlots"],
    }
    assert served.get("getComputeClients", {"serviceName": LAB}) == {"computeClients": [record]}


def test_it_is_known_when_it_was_active(served: Served, client: Registered) -> None:
    served.get("getPubsubSubscription", {"computeClientId": client.id}, client.key)

    assert shown(served, client)["timestampLastActiveSec"] > 1.7e9


def test_the_machine_of_the_hub_serves_every_service(
    served: Served, client: Registered, worker: Worker
) -> None:
    own = served.get("getComputeClients", {"serviceName": LAB})["computeClients"][-1]

    assert own["computeClientId"] == worker.run.compute_client_id
    assert own["serviceNames"] == [SERVICE, LAB]
    assert served.get("getComputeClients", {"serviceName": "other"}) == {"computeClients": []}


def test_one_that_is_called_like_the_machine_of_the_hub_is_not_taken_for_it(
    served: Served, tmp_path: Path
) -> None:
    name = os.uname().nodename
    registered, _ = served.hub.register_compute_client(OWNER, name, [SERVICE])

    run = Worker(served.hub, tmp_path / "worker").run

    assert run.compute_client_id != registered.computeClientId
    assert run.name == name


def test_it_is_changed_where_a_value_is_given(served: Served, client: Registered) -> None:
    before = shown(served, client)
    changes = {
        "computeClientName": "big cluster",
        "description": "In the cellar\nleft",
        "computeSlots": [SLOT],
        "serviceNames": [],
        "processJobsForUsers": [BOB],
    }
    for name, value in changes.items():
        assert change(served, client, **{name: value})[0] == 200

    assert shown(served, client) == {**before, **changes}
    assert change(served, client, processJobsForUsers=None)[0] == 200
    assert shown(served, client) == {**before, **changes, "processJobsForUsers": None}


def test_a_deleted_one_has_no_key_any_more(served: Served, client: Registered) -> None:
    request = {"computeClientId": client.id}

    assert served.get("deleteComputeClient", request, served.key_of(ADA)) == {}

    assert served.ask("getPubsubSubscription", request, client.key) == NOT_FOUND


def test_a_service_that_is_deleted_is_taken_off_it(served: Served, client: Registered) -> None:
    served.get("deleteService", {"serviceName": LAB}, served.key_of(ADA))

    assert shown(served, client)["serviceNames"] == []


def test_it_goes_with_its_user(served: Served, client: Registered) -> None:
    served.hub.remove_user(ADA)

    assert served.ask("getComputeClient", {"computeClientId": client.id}) == NOT_FOUND


@pytest.mark.parametrize("version", [{}, {"protocolVersion": "old"}, {"protocolVersion": "1"}])
def test_a_subscription_has_the_keys_that_clients_look_for(
    served: Served, client: Registered, version: dict[str, str]
) -> None:
    asked = {"computeClientId": client.id, **version}

    reply = served.get("getPubsubSubscription", asked, client.key)

    assert reply == {
        "subscription": {
            "pubnubSubscribeKey": "",
            "pubnubChannel": "dendro-compute-clients",
            "pubnubUser": client.id,
        }
    }


def test_a_ping_wakes_those_that_wait_for_jobs(served: Served, hub: LocalHub) -> None:
    changes = hub.changes()

    assert served.get("pingComputeClients", {"serviceName": SERVICE}) == {}

    assert changes.wait(60)
    changes.close()


@pytest.mark.parametrize(
    ("call", "body", "key_of", "answer"),
    [
        (
            "createComputeClient",
            {"userId": ADA, "serviceNames": [], "computeClientName": "c"},
            BOB,
            UNAUTHORIZED,
        ),
        (
            "createComputeClient",
            {"userId": BOB, "serviceNames": [LAB], "computeClientName": "c"},
            BOB,
            refusal(401, "This compute client is not allowed to process jobs for service: lab"),
        ),
        ("getComputeClient", {"computeClientId": "no"}, None, NOT_FOUND),
        ("getComputeClients", {}, None, refusal(400, "Must specify serviceName in request")),
        ("setComputeClientInfo", {"computeClientId": "no", "description": ""}, ADA, NOT_FOUND),
        ("deleteComputeClient", {"computeClientId": "no"}, ADA, NOT_FOUND),
        (
            "getPubsubSubscription",
            {},
            ADA,
            refusal(400, "Must specify computeClientId in request"),
        ),
        ("getPubsubSubscription", {"computeClientId": "no"}, ADA, NOT_FOUND),
    ],
)
def test_what_cannot_be_done_is_refused(
    served: Served,
    client: Registered,
    call: str,
    body: dict[str, Any],
    key_of: str | None,
    answer: Answer,
) -> None:
    key = None if key_of is None else served.key_of(key_of)

    assert served.ask(call, body, key) == answer


def test_a_service_that_is_not_there_is_told(served: Served) -> None:
    request = {"userId": ADA, "serviceNames": ["no"], "computeClientName": "c"}

    status, reply = served.ask("createComputeClient", request, served.key_of(ADA))

    assert (status, reply["error"].startswith("Service not found: no")) == (404, True)


@pytest.mark.parametrize("call", ["setComputeClientInfo", "deleteComputeClient"])
@pytest.mark.parametrize("key_of", [None, BOB])
def test_only_its_owner_changes_it(
    served: Served, client: Registered, call: str, key_of: str | None
) -> None:
    key = None if key_of is None else served.key_of(key_of)

    assert served.ask(call, {"computeClientId": client.id}, key) == UNAUTHORIZED


def test_a_change_of_nothing_is_refused(served: Served, client: Registered) -> None:
    assert change(served, client) == refusal(400, "Nothing to update")


def test_it_is_not_moved_to_a_service_whose_jobs_its_user_may_not_run(
    served: Served, client: Registered
) -> None:
    message = f"This compute client is not allowed to process jobs for service: {SERVICE}"

    assert change(served, client, serviceNames=[LAB, SERVICE]) == refusal(401, message)
    assert shown(served, client)["serviceNames"] == [LAB]


@pytest.mark.parametrize("key", [None, "", "x" * 32, "é"])
def test_a_wrong_key_is_refused(served: Served, client: Registered, key: str | None) -> None:
    headers = {} if key is None else {"authorization": f"Bearer {key}".encode("latin-1")}
    body = {"type": "getPubsubSubscriptionRequest", "computeClientId": client.id}

    reply = served.send("POST", "/api/getPubsubSubscription", json=body, headers=headers)

    assert (reply.status_code, reply.json()) == WRONG_KEY


def test_the_key_of_another_is_refused(served: Served, client: Registered) -> None:
    other = create(served)["computeClientPrivateKey"]

    asked = {"computeClientId": client.id}

    assert served.ask("getPubsubSubscription", asked, other) == WRONG_KEY
    assert served.ask("getPubsubSubscription", asked, served.key_of(ADA)) == WRONG_KEY


def test_the_machine_of_the_hub_has_no_key_and_is_not_changed(
    served: Served, worker: Worker
) -> None:
    own = {"computeClientId": worker.run.compute_client_id}
    key = served.key_of(OWNER)

    assert served.ask("getPubsubSubscription", own) == WRONG_KEY
    assert served.ask("setComputeClientInfo", {**own, "description": "x"}, key)[0] == 400
    assert served.ask("deleteComputeClient", own, key)[0] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"computeClientName": " "},
        {"computeClientName": "a\x1b[31m"},
        {"description": "\x1b[31m"},
        {"description": "x" * 5001},
        {"computeSlots": [{**SLOT, "multiplicity": 0}]},
        {"computeSlots": [{**SLOT, "memoryGb": -1}]},
        {"computeSlots": [SLOT] * 1001},
        {"computeSlots": None},
        {"processJobsForUsers": ["a\x1bb"]},
        {"serviceNames": None},
    ],
)
def test_values_that_it_cannot_have_are_refused(
    served: Served, client: Registered, changes: dict[str, Any]
) -> None:
    before = shown(served, client)

    assert change(served, client, **changes)[0] == 400
    assert shown(served, client) == before
