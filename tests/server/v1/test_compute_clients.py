"""Registering, changing and removing compute clients."""

from tests.server.conftest import ADA, BOB, OWNER, SERVICE
from tests.server.v1.conftest import V1

NEW = {"computeClientName": "cluster", "serviceNames": [SERVICE]}


def register(v1: V1, by: str = ADA) -> tuple[str, str]:
    """The id and the key of a new one."""
    made = v1.send("POST", "/compute-clients", by=by, json=NEW).json()
    return made["computeClient"]["computeClientId"], made["computeClientPrivateKey"]


def test_a_compute_client_is_registered_by_who_may_process_jobs(v1: V1) -> None:
    v1.let(ADA, processJobs=True)
    v1.served.key_of(BOB)

    client_id, key = register(v1)

    assert v1.hub.check_compute_client_key(client_id, key)
    [told] = v1.get("/compute-clients")["registered"]
    assert told == v1.get(f"/compute-clients/{client_id}")
    assert (told["computeClientName"], told["userId"]) == ("cluster", ADA)
    assert key not in str(told)
    assert v1.refusal("POST", "/compute-clients", by=BOB, json=NEW)[0] == 403
    assert v1.refusal("POST", "/compute-clients", by=None, json=NEW)[0] == 401


def test_its_owner_changes_what_is_given_and_the_rest_stays(v1: V1) -> None:
    v1.let(ADA, processJobs=True)
    client_id, _ = register(v1)
    path = f"/compute-clients/{client_id}"
    before = v1.get(path)
    slot = {**before["computeSlots"][0], "numCpus": 7}

    told = v1.send("PATCH", path, by=ADA, json={"computeSlots": [slot]}).json()

    assert told["computeSlots"] == [slot]
    assert told["computeClientName"] == "cluster"
    users = {"processJobsForUsers": [BOB]}
    assert v1.send("PATCH", path, by=OWNER, json=users).json()["processJobsForUsers"] == [BOB]
    everybody = {"processJobsForUsers": None}
    assert v1.send("PATCH", path, by=ADA, json=everybody).json()["processJobsForUsers"] is None
    assert v1.refusal("PATCH", path, by=BOB, json=everybody)[0] == 403
    assert v1.refusal("PATCH", path, by=ADA, json={"computeClientName": ""})[0] == 400


def test_its_owner_removes_it_and_its_key_is_void(v1: V1) -> None:
    v1.let(ADA, processJobs=True)
    client_id, key = register(v1)
    path = f"/compute-clients/{client_id}"

    assert v1.refusal("DELETE", path, by=BOB)[0] == 403
    assert v1.send("DELETE", path, by=ADA).status_code == 204

    assert not v1.hub.check_compute_client_key(client_id, key)
    assert v1.refusal("GET", path)[:2] == (404, "compute_client_not_found")
