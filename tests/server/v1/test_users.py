"""Who asks, and their API keys."""

from tests.hub.conftest import Worker
from tests.server.conftest import ADA, BOB, OWNER, SERVICE
from tests.server.login.conftest import Browser
from tests.server.v1.conftest import V1, new_job


def test_users_are_told_what_they_are_and_may_do(v1: V1, worker: Worker) -> None:
    v1.submit(new_job())
    worker.complete(worker.claim())
    v1.let(ADA, createJobs=True)

    owner, ada = v1.get("/user", by=OWNER), v1.get("/user", by=ADA)

    assert (owner["userId"], owner["isHubOwner"]) == (OWNER, True)
    assert owner["usage"]["consumed"]["numJobs"] == 1
    assert owner["mayProcessJobs"] == [SERVICE]
    assert (ada["userId"], ada["isHubOwner"], ada["mayCreateJobs"]) == (ADA, False, [SERVICE])
    assert ada["mayProcessJobs"] == []
    [key] = ada["apiKeys"]
    assert set(key) == {"keyId", "label", "createdAt", "lastUsedAt"}
    assert key["label"] == "test"
    assert v1.refusal("GET", "/user", by=None)[:2] == (401, "not_authenticated")


def test_a_key_is_made_used_and_revoked(v1: V1) -> None:
    made = v1.send("POST", "/user/keys", by=ADA, json={"label": "laptop"}).json()["apiKey"]
    headers = {"authorization": f"Bearer {made}"}
    told = v1.send("GET", "/user", by=None, headers=headers).json()
    [key_id] = [each["keyId"] for each in told["apiKeys"] if each["label"] == "laptop"]

    assert told["userId"] == ADA
    assert v1.refusal("DELETE", f"/user/keys/{key_id}", by=BOB)[0] == 404
    assert v1.send("DELETE", f"/user/keys/{key_id}", by=ADA).status_code == 204
    assert v1.refusal("GET", "/user", by=None, headers=headers)[0] == 401
    assert v1.refusal("DELETE", f"/user/keys/{key_id}", by=ADA)[0] == 404


def test_a_regenerated_key_takes_the_place_of_all_others_of_its_user(v1: V1) -> None:
    v1.get("/user", by=BOB)

    made = v1.send("POST", "/user/keys/regenerate", by=ADA).json()["apiKey"]

    assert v1.hub.user_of_key(made) == ADA
    assert v1.refusal("GET", "/user", by=ADA)[0] == 401
    assert v1.get("/user", by=BOB)["userId"] == BOB


def test_a_user_ends_their_own_sessions_and_no_others(v1: V1) -> None:
    v1.served.key_of(ADA)
    ada, owner = Browser(v1.served).log_in(ADA), Browser(v1.served).log_in()

    assert v1.send("DELETE", "/user/sessions", by=ADA).status_code == 204

    assert ada.send("GET", "/account").headers["location"] == "/login"
    assert owner.send("GET", "/account").status_code == 200


def test_who_shows_no_key_changes_nothing(v1: V1) -> None:
    for method, path in (
        ("POST", "/user/keys"),
        ("POST", "/user/keys/regenerate"),
        ("DELETE", "/user/keys/x"),
        ("DELETE", "/user/sessions"),
    ):
        assert v1.refusal(method, path, by=None, json={})[0] == 401, path
