"""Names in requests that are made to lead out of the store, or into the head of a reply."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from dendro_local.errors import InvalidRequest
from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import JobDefinition, JobOutputFile
from tests.hub.conftest import RESOURCES, Worker, worker  # noqa: F401 - a fixture
from tests.server.conftest import OWNER
from tests.server.safety.conftest import Port

UPWARDS = (
    "../store.db",
    "..%2fstore.db",
    "%2e%2e/store.db",
    "%2e%2e%2fstore.db",
    "..%5cstore.db",
    "....//store.db",
    "%252e%252e%252fstore.db",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "store.db%00.txt",
    "%00",
    "%ff%fe",
    "%c0%ae%c0%ae%c0%afstore.db",
)


@pytest.fixture
def secret(hub: LocalHub, tmp_path: Path) -> bytes:
    """What no reply may have: it lies in and around the store."""
    word = b"what-nobody-may-read"
    root = hub.store.folder.root
    for folder in (root, root.parent, tmp_path):
        (folder / "secret.txt").write_bytes(word)
    return word


def asked(prefixes: Sequence[str]) -> list[str]:
    """Paths below these that are made to lead elsewhere."""
    return [
        prefix + "/" * slashes + "../" * up + name
        for prefix in prefixes
        for name in (*UPWARDS, "secret.txt")
        for slashes, up in ((0, 0), (0, 1), (1, 3))
    ]


def test_no_path_leads_out_of_what_is_served(port: Port, secret: bytes) -> None:
    job = "/f/hello_world_service/hello_world/hello_world_2/aaaaaaaaaaaaaaaaaaaa/"
    prefixes = ("/static/", "/f/", job, job + "output/", job + "other/", "/f/sha256/")

    for path in asked(prefixes):
        reply = port.ask(f"GET {path}")
        assert 400 <= reply.status < 500, path
        assert secret not in reply.body


def test_no_name_leads_out_of_an_apps_folder(port: Port, secret: bytes) -> None:
    headers = {"authorization": f"Bearer {port.hub.add_api_key(OWNER)[1]}"}
    services = "/v1/services/hello_world_service/apps"

    for name in UPWARDS:
        for path in (f"{services}/{name}/code", f"/v1/services/{name}/apps/hello_world/code"):
            reply = port.ask(f"GET {path}", headers=headers)
            assert 400 <= reply.status < 500, path
            assert secret not in reply.body


def test_nothing_is_put_where_no_ticket_says(port: Port) -> None:
    root = port.hub.store.folder.root
    port.hub.store.key.derive("any")  # which makes it
    before = sorted(path for path in root.rglob("*") if "store.db" not in path.name)

    for path in asked(("/u/",)):
        assert 400 <= port.ask(f"PUT {path}", b"bytes").status < 500, path

    after = sorted(path for path in root.rglob("*") if "store.db" not in path.name)
    assert [path for path in after if path.is_file()] == [path for path in before if path.is_file()]


def test_a_blob_is_put_under_a_digest_alone(port: Port) -> None:
    headers = {
        "authorization": f"Bearer {port.hub.add_api_key(OWNER)[1]}",
        "upload-offset": "0",
    }

    for path in asked(("/v1/blobs/",)):
        assert 400 <= port.ask(f"PATCH {path}", b"bytes", headers=headers).status < 500, path


@pytest.mark.parametrize(
    "name", ["a\r\nset-cookie: x=y", "a\nb", "a\rb", "a\x00b", "a\x7fb", "../a", "a/b", "\ud800"]
)
def test_a_name_that_could_come_into_a_head_or_path_is_no_name_of_an_output(
    hub: LocalHub, name: str
) -> None:
    definition = JobDefinition(
        appName="hello_world",
        processorName="hello_world_2",
        inputFiles=[],
        outputFiles=[JobOutputFile(name="output", fileBaseName=name)],
        parameters=[],
    )
    request = NewJob(
        serviceName="hello_world_service", jobDefinition=definition, requiredResources=RESOURCES
    )

    with pytest.raises(InvalidRequest):
        hub.submit([request])


def test_what_a_request_says_does_not_come_into_the_head_of_a_reply(
    port: Port, hub: LocalHub
) -> None:
    evil = "%0d%0aset-cookie:%20evil=1%0d%0a"
    paths = (
        f"/{evil}",
        f"/static/{evil}",
        f"/login?token={evil}",
        f"/login/callback?state={evil}&code={evil}",
        f"/f/{evil}/a/b/c/d/e",
        f"/v1/jobs/{evil}",
        f"/v1/jobs?after={evil}",
        f"/v1/services/{evil}",
        f"/account/keys/{evil}/revoke",
    )

    for path in paths:
        for method in ("GET", "POST", "PUT"):
            reply = port.ask(f"{method} {path}", headers={"origin": "http://localhost:1"})
            assert "set-cookie" not in reply.headers, path
            assert not any("evil" in value for value in reply.headers.values()), path


def test_a_foreign_origin_that_looks_allowed_is_not_copied_into_a_reply(port: Port) -> None:
    for origin in ("https://neurosift.app\tx", "http://localhost:1\x0b", "http://localhost:1 x"):
        reply = port.ask("GET /v1/jobs", headers={"origin": origin})
        assert "access-control-allow-origin" not in reply.headers, origin


def test_a_file_whose_name_is_in_many_alphabets_is_served(
    port: Port,
    hub: LocalHub,
    worker: Worker,  # noqa: F811 - the fixture
) -> None:
    # What is refused above is refused for its characters, and no others.
    definition = JobDefinition(
        appName="hello_world",
        processorName="hello_world_2",
        inputFiles=[],
        outputFiles=[JobOutputFile(name="output", fileBaseName="Größe 大小 «x» 100%.txt")],
        parameters=[],
    )
    hub.submit(
        [
            NewJob(
                serviceName="hello_world_service",
                jobDefinition=definition,
                requiredResources=RESOURCES,
            )
        ]
    )
    job = worker.complete(worker.claim(), content=b"what it gave")
    details = port.ask(f"GET /v1/jobs/{job.jobId}")

    import json

    [url] = json.loads(details.body)["job"]["outputFileUrlList"]
    path = url.partition(f":{port.server.port}")[2]

    reply = port.ask(f"GET {path}")

    assert (reply.status, reply.body) == (200, b"what it gave")
