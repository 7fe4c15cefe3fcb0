"""Services, apps, and the code of an app."""

import io
import tarfile
from pathlib import Path

import pytest

from dendro_local.app_source import BUNDLED_APPS, AppFolder
from tests.conftest import AppMaker, make_app  # noqa: F401 - a fixture
from tests.server.conftest import ADA, BOB, OWNER, SERVICE
from tests.server.v1.conftest import V1

WORK = """
@app.processor
def work(name: str) -> None:
    print(name)
"""


@pytest.fixture
def folder(v1: V1, make_app: AppMaker) -> Path:  # noqa: F811
    """The folder of an app that is on the service, with files that are no part of its code."""
    folder = make_app("own", WORK, version="1.2.0")
    (folder / "models").mkdir()
    (folder / "models" / "weights.bin").write_bytes(bytes(range(256)) * 5000)
    (folder / "empty.txt").touch()
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / ".env").write_text("KEY=secret")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "main.pyc").write_bytes(b"compiled")
    v1.hub.add_app(str(folder), SERVICE)
    return folder


def code(v1: V1, *, by: str | None = OWNER, app: str = "own", **more: str) -> bytes:
    reply = v1.send("GET", f"/services/{SERVICE}/apps/{app}/code", by=by, headers=more)
    assert reply.status_code == 200, reply.text
    assert len(reply.content) == int(reply.headers["content-length"])
    return reply.content


def test_services_are_listed_with_users_for_who_has_a_key(v1: V1) -> None:
    v1.let(ADA, createJobs=True)
    service = {"serviceName": SERVICE, "userId": OWNER}
    user = {"userId": ADA, "admin": False, "createJobs": True, "processJobs": False}

    assert v1.get("/services") == {"services": [service]}
    assert v1.get(f"/services/{SERVICE}") == service
    assert v1.get("/services", by=BOB) == {"services": [{**service, "users": [user]}]}
    assert v1.get(f"/services/{SERVICE}", by=BOB) == {**service, "users": [user]}
    nobody = {"authorization": "Bearer nobody"}
    assert v1.refusal("GET", "/services", by=None, headers=nobody)[:2] == (401, "not_authenticated")


def test_apps_are_listed_without_the_folders_where_they_lie(v1: V1, folder: Path) -> None:
    apps = v1.get(f"/services/{SERVICE}/apps")["apps"]

    assert [(app["appName"], app["source"]) for app in apps] == [
        *((name, "bundled") for name in sorted(BUNDLED_APPS)),
        ("own", "folder"),
    ]
    own = apps[-1]
    assert own["version"] == "1.2.0"
    assert own == v1.get(f"/services/{SERVICE}/apps/own")
    assert own["appSpecificationUri"] == ""
    assert own["appSpecification"]["processors"][0]["name"] == "work"
    assert own["codeDigest"] == AppFolder(folder).digest


def test_an_app_that_was_edited_is_given_as_it_is_now(v1: V1, folder: Path) -> None:
    main = folder / "main.py"
    main.write_text(main.read_text().replace("1.2.0", "1.3.0"))

    assert v1.get(f"/services/{SERVICE}/apps/own")["version"] == "1.3.0"


def test_services_and_apps_that_are_not_there_are_not_found(v1: V1) -> None:
    for path, found in (
        ("/services/nowhere", "service_not_found"),
        ("/services/nowhere/apps", "service_not_found"),
        ("/services/nowhere/apps/own", "service_not_found"),
        (f"/services/{SERVICE}/apps/nothing", "app_not_found"),
        (f"/services/{SERVICE}/apps/nothing/code", "app_not_found"),
        ("/services/nowhere/apps/own/code", "service_not_found"),
    ):
        assert v1.refusal("GET", path)[:2] == (404, found), path


def test_the_code_of_an_app_is_what_its_digest_is_over(
    v1: V1, folder: Path, tmp_path: Path
) -> None:
    archive = code(v1)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")

    unpacked = AppFolder(tmp_path / "unpacked")
    assert [path.relative_to(unpacked.root).as_posix() for path in unpacked.files()] == [
        "empty.txt",
        "main.py",
        "models/weights.bin",
        "run.sh",
    ]
    reply = v1.send("GET", f"/services/{SERVICE}/apps/own/code")
    assert reply.headers["etag"] == f'"{unpacked.digest}"'
    assert unpacked.digest == v1.get(f"/services/{SERVICE}/apps/own")["codeDigest"]
    assert b"secret" not in archive
    assert (unpacked.root / "run.sh").stat().st_mode & 0o100
    assert reply.content == archive


def test_the_code_of_an_app_that_comes_with_the_hub_is_given_too(v1: V1) -> None:
    with tarfile.open(fileobj=io.BytesIO(code(v1, app="hello_world"))) as tar:
        assert "main.py" in tar.getnames()


def test_the_code_of_an_app_that_has_none_here_is_not_found(v1: V1, folder: Path) -> None:
    (spec,) = [app.record for app in v1.hub.apps(name="own")]
    v1.hub.remove_app(SERVICE, "own")
    v1.hub.add_service_app(spec)

    assert v1.get(f"/services/{SERVICE}/apps/own")["source"] == "spec"
    assert v1.refusal("GET", f"/services/{SERVICE}/apps/own/code")[:2] == (404, "app_not_found")


def test_code_is_only_for_who_may_process_jobs(v1: V1, folder: Path) -> None:
    url = f"/services/{SERVICE}/apps/own/code"
    v1.let(ADA, processJobs=True)

    assert code(v1, by=ADA) == code(v1)
    assert v1.refusal("GET", url, by=None)[:2] == (401, "not_authenticated")
    v1.let(ADA, createJobs=True)
    assert v1.refusal("GET", url, by=ADA)[:2] == (403, "not_allowed")


def test_a_compute_client_of_the_service_gets_code_with_its_own_key(v1: V1, folder: Path) -> None:
    v1.let(ADA, processJobs=True)
    client, key = v1.hub.register_compute_client(ADA, "far away", [SERVICE])
    itself = {
        "authorization": f"Bearer {key}",
        "dendro-compute-client": client.computeClientId,
    }
    url = f"/services/{SERVICE}/apps/own/code"

    assert code(v1, by=None, **itself) == code(v1)
    wrong = {**itself, "authorization": f"Bearer {key[::-1]}"}
    assert v1.refusal("GET", url, by=None, headers=wrong)[:2] == (401, "not_authenticated")
    assert v1.refusal("GET", url, by=None, headers={"authorization": f"Bearer {key}"})[:2] == (
        401,
        "not_authenticated",
    )
    v1.let(ADA, createJobs=True)
    assert v1.refusal("GET", url, by=None, headers=itself)[:2] == (403, "not_allowed")
