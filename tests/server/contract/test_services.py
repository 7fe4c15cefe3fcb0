"""Services and their apps: each row of the contract."""

from typing import Any

import pytest

from tests.server.conftest import ADA, BOB, OWNER, SERVICE, Answer, Served, refusal

UNAUTHORIZED = refusal(401, "Unauthorized")
NO_SERVICE = refusal(404, "Service not found: no")
NO_APP = refusal(404, "App not found")

LAB = "lab"


def user(user_id: str, **rights: bool) -> dict[str, Any]:
    return {"userId": user_id, "admin": False, "createJobs": False, "processJobs": False, **rights}


def specification(name: str = "app", description: str = "") -> dict[str, Any]:
    processor = {
        "name": "p",
        "description": "",
        "label": "",
        "image": "lab/app:1",
        "executable": "/app/main.py",
        "inputs": [],
        "outputs": [],
        "parameters": [{"name": "n", "type": "int", "description": "", "defaultValue": 1}],
        "attributes": [{"name": "wip", "value": True}],
    }
    return {"name": name, "description": description, "processors": [processor]}


def app(**more: Any) -> dict[str, Any]:
    return {
        "serviceName": LAB,
        "appName": "app",
        "appSpecificationUri": "https://example.org/spec.json",
        "appSpecificationCommit": "abc",
        "appSpecification": specification(),
        **more,
    }


@pytest.fixture
def lab(served: Served) -> dict[str, Any]:
    """A service of Ada, on which Bob may do everything, with an app."""
    key = served.key_of(ADA)
    served.key_of(BOB)
    served.get("addService", {"serviceName": LAB, "userId": ADA}, key)
    users = [user(BOB, admin=True, createJobs=True, processJobs=True)]
    served.get("setServiceInfo", {"serviceName": LAB, "users": users}, key)
    served.get("addServiceApp", {"serviceApp": app()}, key)
    return {"serviceName": LAB, "userId": ADA, "users": users}


# Services


def test_a_service_is_told_with_exactly_the_documented_keys(
    served: Served, lab: dict[str, Any]
) -> None:
    assert served.get("getService", {"serviceName": LAB}) == {"service": lab}


def test_all_services_are_listed_or_those_of_an_owner(served: Served, lab: object) -> None:
    bundled = {"serviceName": SERVICE, "userId": OWNER, "users": []}

    assert served.get("getServices") == {"services": [bundled, lab]}
    assert served.get("getServices", {"userId": ADA}) == {"services": [lab]}
    assert served.get("getServices", {"userId": BOB}) == {"services": []}


@pytest.mark.parametrize("key_of", [ADA, BOB, OWNER])
def test_the_users_of_a_service_are_changed_by_its_owner_and_admins(
    served: Served, lab: object, key_of: str
) -> None:
    users = [user("github|eve", createJobs=True), user("*", createJobs=True)]

    served.get("setServiceInfo", {"serviceName": LAB, "users": users}, served.key_of(key_of))

    assert served.get("getService", {"serviceName": LAB})["service"]["users"] == users


def test_users_that_are_not_given_stay(served: Served, lab: object) -> None:
    served.get("setServiceInfo", {"serviceName": LAB}, served.key_of(ADA))

    assert served.get("getService", {"serviceName": LAB}) == {"service": lab}


@pytest.mark.parametrize(
    "users",
    [
        [user("*", processJobs=True)],
        [user("*", admin=True)],
        [user(BOB), user(BOB, admin=True)],
        [user("")],
        [user(str(number)) for number in range(1001)],
    ],
)
def test_rights_that_nobody_can_have_are_refused(
    served: Served, lab: object, users: list[object]
) -> None:
    request = {"serviceName": LAB, "users": users}

    assert served.ask("setServiceInfo", request, served.key_of(ADA))[0] == 400
    assert served.get("getService", {"serviceName": LAB}) == {"service": lab}


@pytest.mark.parametrize("key_of", [ADA, OWNER])
def test_a_service_is_deleted_with_its_apps_by_its_owner(
    served: Served, lab: object, key_of: str
) -> None:
    served.get("deleteService", {"serviceName": LAB}, served.key_of(key_of))

    assert served.ask("getService", {"serviceName": LAB}) == refusal(404, "Service not found: lab")
    assert served.get("getServiceApps", {"serviceName": LAB}) == {"serviceApps": []}


# Apps


def test_an_app_is_told_with_exactly_the_documented_keys(served: Served, lab: object) -> None:
    asked = {"serviceName": LAB, "appName": "app"}

    assert served.get("getServiceApp", asked) == {"serviceApp": app()}


def test_apps_are_listed_by_service_and_by_name(served: Served, lab: object) -> None:
    assert served.get("getServiceApps", {"serviceName": LAB}) == {"serviceApps": [app()]}
    assert served.get("getServiceApps", {"appName": "app"}) == {"serviceApps": [app()]}
    assert served.get("getServiceApps", {"appName": "no"}) == {"serviceApps": []}


def test_where_a_folder_lies_on_the_hub_is_not_told(
    served: Served, make_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_app("mine", "@app.processor\ndef nothing() -> None: pass")
    served.hub.add_app(str(folder), LAB)

    reply = served.get("getServiceApp", {"serviceName": LAB, "appName": "mine"})

    assert reply["serviceApp"]["appSpecificationUri"] == "file:mine"


def test_an_app_is_changed_where_a_value_is_given(served: Served, lab: object) -> None:
    key = served.key_of(ADA)
    asked = {"serviceName": LAB, "appName": "app"}

    served.get("setServiceAppInfo", {**asked, "appSpecificationCommit": "def"}, key)
    assert served.get("getServiceApp", asked)["serviceApp"] == app(appSpecificationCommit="def")

    new = {"appSpecificationUri": "x", "appSpecification": specification(description="new")}
    served.get("setServiceAppInfo", {**asked, **new}, key)
    expected = app(appSpecificationCommit="def", **new)
    assert served.get("getServiceApp", asked)["serviceApp"] == expected


def test_an_app_is_deleted(served: Served, lab: object) -> None:
    asked = {"serviceName": LAB, "appName": "app"}

    assert served.get("deleteServiceApp", asked, served.key_of(ADA)) == {}

    assert served.ask("getServiceApp", asked) == NO_APP


def test_nothing_is_fetched_from_the_uri_of_a_specification(
    served: Served, lab: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the address where a cloud tells a machine its secrets."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the hub opened a connection")

    monkeypatch.setattr("socket.socket.connect", refuse)
    uri = "http://169.254.169.254/latest/meta-data"
    asked = {"serviceName": LAB, "appName": "app"}

    served.get("setServiceAppInfo", {**asked, "appSpecificationUri": uri}, served.key_of(ADA))

    assert served.get("getServiceApp", asked)["serviceApp"] == app(appSpecificationUri=uri)


def test_the_specification_of_an_app_that_has_its_code_here_is_not_changed(
    served: Served,
) -> None:
    asked = {"serviceName": SERVICE, "appName": "hello_world"}
    change = {**asked, "appSpecification": specification("hello_world")}

    assert served.ask("setServiceAppInfo", change, served.key_of(OWNER))[0] == 400
    assert len(served.get("getServiceApp", asked)["serviceApp"]["appSpecification"]) == 3


# What is refused


@pytest.mark.parametrize(
    ("call", "body", "key_of", "answer"),
    [
        ("addService", {"serviceName": "new", "userId": ADA}, None, UNAUTHORIZED),
        ("addService", {"serviceName": "new", "userId": ADA}, BOB, UNAUTHORIZED),
        (
            "addService",
            {"serviceName": LAB, "userId": BOB},
            BOB,
            refusal(400, "Service with this name already exists."),
        ),
        ("getService", {"serviceName": "no"}, None, NO_SERVICE),
        ("setServiceInfo", {"serviceName": "no", "users": []}, None, NO_SERVICE),
        ("setServiceInfo", {"serviceName": LAB, "users": []}, None, UNAUTHORIZED),
        ("deleteService", {"serviceName": "no"}, None, NO_SERVICE),
        ("deleteService", {"serviceName": LAB}, None, UNAUTHORIZED),
        ("deleteService", {"serviceName": LAB}, BOB, UNAUTHORIZED),
        ("addServiceApp", {"serviceApp": app(serviceName="no")}, None, NO_SERVICE),
        ("addServiceApp", {"serviceApp": app()}, None, UNAUTHORIZED),
        ("addServiceApp", {"serviceApp": app()}, BOB, UNAUTHORIZED),
        (
            "addServiceApp",
            {"serviceApp": app()},
            ADA,
            refusal(400, "App with this name already exists on the service."),
        ),
        ("getServiceApp", {"serviceName": LAB, "appName": "no"}, None, NO_APP),
        ("getServiceApp", {"serviceName": "no", "appName": "app"}, None, NO_APP),
        (
            "getServiceApps",
            {},
            None,
            refusal(400, "Must specify either appName or serviceName in request"),
        ),
        (
            "getServiceApps",
            {"serviceName": LAB, "appName": "app"},
            None,
            refusal(400, "Cannot specify both appName and serviceName in request"),
        ),
        ("setServiceAppInfo", {"serviceName": "no", "appName": "app"}, None, NO_SERVICE),
        ("setServiceAppInfo", {"serviceName": LAB, "appName": "app"}, BOB, UNAUTHORIZED),
        ("setServiceAppInfo", {"serviceName": LAB, "appName": "no"}, ADA, NO_APP),
        ("deleteServiceApp", {"serviceName": "no", "appName": "app"}, None, NO_SERVICE),
        ("deleteServiceApp", {"serviceName": LAB, "appName": "app"}, BOB, UNAUTHORIZED),
        ("deleteServiceApp", {"serviceName": LAB, "appName": "no"}, ADA, NO_APP),
    ],
)
def test_what_may_not_be_done_is_refused(
    served: Served,
    lab: object,
    call: str,
    body: dict[str, Any],
    key_of: str | None,
    answer: Answer,
) -> None:
    key = None if key_of is None else served.key_of(key_of)

    assert served.ask(call, body, key) == answer


def test_whoever_may_change_only_their_own_users_is_named(served: Served, lab: object) -> None:
    """A user with every right but admin."""
    users = [user(BOB, createJobs=True, processJobs=True)]
    request = {"serviceName": LAB, "users": users}
    served.get("setServiceInfo", request, served.key_of(ADA))

    assert served.ask("setServiceInfo", request, served.key_of(BOB)) == refusal(
        401, f"User {BOB} is not authorized to modify this service."
    )


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\nb", "a" * 300])
def test_what_no_service_can_be_called_is_refused(served: Served, name: str) -> None:
    request = {"serviceName": name, "userId": OWNER}

    assert served.ask("addService", request, served.key_of(OWNER))[0] == 400


@pytest.mark.parametrize(
    "wrong",
    [
        app(appName="new"),
        app(appName="../x", appSpecification={**specification("../x"), "processors": []}),
        app(appName="new", appSpecificationUri="x" * 2001, appSpecification=specification("new")),
        app(appName="new", more=1),
    ],
)
def test_an_app_that_cannot_be_used_is_refused(
    served: Served, lab: object, wrong: dict[str, Any]
) -> None:
    assert served.ask("addServiceApp", {"serviceApp": wrong}, served.key_of(ADA))[0] == 400
