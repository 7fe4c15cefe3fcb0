"""Changing services, their users and their apps."""

from pathlib import Path
from typing import Any

import pytest

from dendro_local.model import ServiceUser
from tests.conftest import AppMaker, make_app  # noqa: F401 - a fixture
from tests.server.conftest import ADA, BOB, OWNER, SERVICE
from tests.server.v1.conftest import V1

WORK = """
@app.processor
def work(name: str) -> None:
    print(name)
"""


def test_whoever_adds_a_service_owns_it_and_removes_it(v1: V1) -> None:
    added = v1.send("POST", "/services", by=ADA, json={"serviceName": "lab"}).json()

    assert added == {"serviceName": "lab", "userId": ADA, "users": []}
    again = v1.refusal("POST", "/services", by=BOB, json={"serviceName": "lab"})
    assert again[:2] == (409, "conflict")
    assert v1.refusal("DELETE", "/services/lab", by=BOB)[:2] == (403, "not_allowed")
    assert v1.send("DELETE", "/services/lab", by=ADA).status_code == 204
    assert v1.refusal("DELETE", "/services/lab", by=ADA)[:2] == (404, "service_not_found")


def test_admins_say_who_may_do_what_and_others_keep_their_rights(v1: V1) -> None:
    v1.let(ADA, admin=True)
    path = f"/services/{SERVICE}/users"

    told = v1.send("PUT", f"{path}/github%7Cbob", by=ADA, json={"createJobs": True}).json()

    assert told["users"] == [
        {"userId": ADA, "admin": True, "createJobs": False, "processJobs": False},
        {"userId": BOB, "admin": False, "createJobs": True, "processJobs": False},
    ]
    assert v1.refusal("PUT", f"{path}/github%7Cbob", by=BOB, json={"admin": True})[0] == 403
    assert v1.refusal("PUT", f"{path}/*", by=ADA, json={"admin": True})[0] == 400
    told = v1.send("DELETE", f"{path}/github%7Cbob", by=ADA).json()
    assert [each["userId"] for each in told["users"]] == [ADA]
    assert v1.refusal("DELETE", f"{path}/github%7Cada", by=BOB)[0] == 403


def test_a_user_without_any_right_is_none_of_the_service(v1: V1) -> None:
    v1.let(ADA, createJobs=True)

    told = v1.send("PUT", f"/services/{SERVICE}/users/github%7Cada", json={}).json()

    assert told["users"] == []


def test_an_app_is_added_told_of_updated_and_removed(
    v1: V1,
    make_app: AppMaker,  # noqa: F811
) -> None:
    folder = make_app("own", WORK, version="1.0")
    url = f"/services/{SERVICE}/apps"

    added = v1.send("POST", url, json={"source": str(folder)}).json()
    assert (added["appName"], added["version"], added["source"]) == ("own", "1.0", "folder")
    expected: dict[str, Any] = {"environment": "none", "hasChanged": False, "fault": None}
    assert v1.get(f"{url}/own/status").items() >= expected.items()

    make_app("own", WORK, version="2.0")
    assert v1.get(f"{url}/own/status")["hasChanged"] is True
    assert v1.send("POST", f"{url}/own/update").json()["version"] == "2.0"
    assert v1.get(f"{url}/own/status")["hasChanged"] is False
    assert v1.send("DELETE", f"{url}/own").status_code == 204
    assert v1.refusal("GET", f"{url}/own/status")[:2] == (404, "app_not_found")


def test_apps_are_added_from_the_machine_by_the_hubs_own_user_alone(
    v1: V1,
    make_app: AppMaker,  # noqa: F811
) -> None:
    folder = make_app("own", WORK)
    v1.hub.add_service("lab", ADA)
    v1.hub.add_app(str(folder), "lab")
    source = {"source": str(folder)}

    assert v1.refusal("POST", "/services/lab/apps", by=ADA, json=source)[0] == 403
    assert v1.refusal("POST", "/services/lab/apps/own/update", by=ADA)[0] == 403
    assert v1.refusal("DELETE", "/services/lab/apps/own", by=BOB)[0] == 403
    assert v1.send("DELETE", "/services/lab/apps/own", by=ADA).status_code == 204


@pytest.mark.parametrize(
    "source", ["/nowhere", "file:///nowhere", "\0", "x" * 1500, "~nobody-/x", "ftp://x/y"]
)
def test_what_is_no_app_is_refused(v1: V1, source: str) -> None:
    refusal = v1.refusal("POST", f"/services/{SERVICE}/apps", json={"source": source})

    assert refusal[:2] == (400, "invalid_app")


def test_an_app_that_comes_with_the_hub_is_not_registered_again(v1: V1) -> None:
    refusal = v1.refusal("POST", f"/services/{SERVICE}/apps/hello_world/update")

    assert refusal[:2] == (400, "invalid_request")


def test_the_state_of_an_environment_is_told_without_paths_to_others(
    v1: V1,
    make_app: AppMaker,  # noqa: F811
) -> None:
    folder = make_app("own", WORK)
    v1.hub.add_app(str(folder), SERVICE)
    for file in Path(folder).iterdir():
        file.unlink()
    url = f"/services/{SERVICE}/apps/own/status"

    assert str(folder) in v1.get(url, by=OWNER)["fault"]
    v1.hub.set_service_users(
        SERVICE, [ServiceUser(userId=ADA, admin=True, createJobs=True, processJobs=True)]
    )
    for user in (None, ADA):
        told = v1.get(url, by=user)
        assert told["environment"] == "not known"
        assert str(folder) not in told["fault"]
