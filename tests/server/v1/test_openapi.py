"""What the interface says of itself is so."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dendro_local.server.v1.reference import description
from tests.server.conftest import Served

ROOT = Path(__file__).parents[3]

SUCCESS = {"200", "204"}

QUESTIONS = {
    ("POST", "/v1/sync/blob-sizes"),
    ("POST", "/v1/sync/blob-sizes"),
    ("POST", "/v1/sync/entries-of"),
    ("POST", "/v1/sync/get-blobs"),
}
"""What changes nothing and everybody may read, and is asked with a body since that may be long."""


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The description."""
    return description()


def test_a_hub_gives_the_description_of_its_routes(
    served: Served, described: dict[str, Any]
) -> None:
    reply = served.send("GET", "/v1/openapi.json")

    assert reply.headers["content-type"] == "application/json"
    assert reply.json() == described == served.send("GET", "/v1/docs/openapi.json").json()


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def test_no_query_parameter_is_taken_but_those_that_are_described(
    served: Served, described: dict[str, Any]
) -> None:
    found: dict[str, set[str]] = {}
    wanted: dict[str, set[str]] = {}
    for method, path, operation in operations(described):
        if not path.startswith("/v1/") or method != "GET":
            continue
        parameters = operation.get("parameters", [])
        wanted[path] = {each["name"] for each in parameters if each["in"] == "query"} or {"none"}
        reply = served.send(method, path.replace("{", "").replace("}", ""), params={"no_such": "1"})
        told = reply.json()["error"]["message"].partition("There are: ")[2]
        found[path] = set(told.removesuffix(".").split(", "))

    assert found == wanted


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_it_is_openapi_3_1_and_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    for reference in references(described):
        found: Any = described
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_route_is_described_in_words(described: dict[str, Any]) -> None:
    for method, path, operation in operations(described):
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert re.fullmatch("[a-z][A-Za-z]+", operation["operationId"]), (method, path)
        for parameter in operation.get("parameters", []):
            if parameter["in"] != "path":
                assert parameter["description"], (method, path, parameter)
            assert "null" not in json.dumps(parameter["schema"])
    for name, schema in described["components"]["schemas"].items():
        assert schema["description"], name


def test_every_refusal_has_the_one_form(described: dict[str, Any]) -> None:
    for method, path, operation in operations(described):
        for status, response in operation["responses"].items():
            if status not in SUCCESS:
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorReply"}, (method, path, status)


def test_every_change_needs_a_key(described: dict[str, Any]) -> None:
    for method, path, operation in operations(described):
        if (method, path) in QUESTIONS:
            assert "security" not in operation
        elif method not in ("GET", "HEAD"):
            assert operation["security"] == [{"apiKey": []}], (method, path)
            assert "401" in operation["responses"], (method, path)
    assert described["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"


def test_bodies_are_described_as_exactly_as_they_are_checked(described: dict[str, Any]) -> None:
    request = described["components"]["schemas"]["JobRequest"]

    assert request["additionalProperties"] is False
    assert request["required"] == ["serviceName", "jobDefinition", "requiredResources"]
    assert request["properties"]["tags"]["items"]["maxLength"] == 1000


def test_streams_are_described_as_such(described: dict[str, Any]) -> None:
    console = described["paths"]["/v1/jobs/{job_id}/console"]["get"]
    events = described["paths"]["/v1/events"]["get"]

    assert set(console["responses"]["200"]["content"]) == {"text/plain", "text/event-stream"}
    assert set(events["responses"]["200"]["content"]) == {"text/event-stream"}


def test_what_shows_it_is_what_make_vendor_fetched() -> None:
    folder = ROOT / "dendro_local" / "server" / "static" / "rapidoc"
    version = re.search(r" rapidoc (\S+) ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert version is not None

    assert (folder / "VERSION.txt").read_text().startswith(f"rapidoc {version[1]},")
    assert f"RapiDoc {version[1]} " in (folder / "rapidoc-min.js").read_text()[:200]
    assert "MIT License" in (folder / "LICENSE.txt").read_text()
    assert sum(file.stat().st_size for file in folder.iterdir()) < 2_000_000
