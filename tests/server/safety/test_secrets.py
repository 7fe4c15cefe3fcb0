"""Keys and tokens: in no log, no command line, no message, and compared in constant time."""

import hmac
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from dendro_local.cli.reference import commands
from dendro_local.compute.process_runtime import environment_for_apps
from dendro_local.random_ids import random_token
from dendro_local.server.serving import ServerOptions
from tests.server.conftest import OWNER, Served, job_request
from tests.server.running.conftest import Client, Run
from tests.server.safety.conftest import Port

WRONG = "WrongKeyThatNobodyHasAtAll000001"


def test_no_command_takes_a_secret_by_its_command_line() -> None:
    # Everybody on the machine can read that.
    options = [
        option
        for _, help_text in commands()
        for option in re.findall(r"^  (--\S+ [A-Z_]+)", help_text, re.MULTILINE)
    ]

    assert len(options) > 20
    secret = [each for each in options if re.search("key|secret|token|password", each)]
    assert [each for each in secret if not each.endswith("-file FILE")] == []


def test_what_is_asked_with_a_key_is_logged_without_it(
    port: Port, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    key = port.hub.add_api_key(OWNER)[1]
    token = port.hub.new_login_token(OWNER)
    with httpx.Client(base_url=port.server.url, trust_env=False) as client:
        caplog.clear()
        session = client.get(f"/login?token={token}").cookies.popitem()[1]
        client.get("/account")
        client.get(f"/login?token={token}")
        body = {"type": "createJobRequest", **job_request()}
        for shown in (key, WRONG):
            headers = {"authorization": f"Bearer {shown}"}
            client.post("/api/createJob", json=body, headers=headers)
            client.get("/v1/services", headers=headers)
            client.post("/v1/jobs/nothing/cancel", headers=headers)
        port.hub.store.close()
        port.hub.store.folder.database.write_bytes(b"not a database" * 1000)
        for path in ("/api/createJob", "/v1/jobs/nothing/cancel", f"/login?token={token}"):
            client.post(path, json=body, headers={"authorization": f"Bearer {key}"})
            client.get(path)

    told = capfd.readouterr()
    said = [
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith(("httpx", "httpcore"))  # the test's own client
    ]
    everything = "\n".join([*said, told.out, told.err])
    assert "could not" in everything  # faults are logged
    for secret in (key, token, session, WRONG):
        assert secret not in everything


def test_no_refusal_repeats_a_key(served: Served) -> None:
    job = served.create_job()
    asked: list[tuple[str, dict[str, Any]]] = [
        ("createJob", job_request()),
        ("addUser", {"userId": "x"}),
        ("cancelJob", {"jobId": job["jobId"]}),
        ("setJobStatus", {"jobId": job["jobId"], "computeClientId": "", "status": "starting"}),
        ("getRunnableJob", {"jobId": job["jobId"]}),
    ]
    for call, body in asked:
        status, reply = served.ask(call, body, WRONG)
        assert status in (400, 401), call
        assert WRONG not in str(reply), call
    for method, path in (("POST", "/v1/jobs"), ("GET", "/v1/services"), ("DELETE", "/v1/jobs/x")):
        reply_ = served.send(method, path, key=WRONG)
        assert reply_.status_code in (400, 401), path
        assert WRONG not in reply_.text


def test_every_secret_is_compared_in_constant_time(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    # API keys and sessions are not compared at all: they are found by their digests.
    job = served.create_job()
    client = Client(served)
    run = Run(served, client.id, job["jobId"]).begin()
    upload = run.ask("getSignedUploadUrl", uploadType="output", size=1, outputName="output")[1]
    compared: list[int] = []
    compare = hmac.compare_digest

    def counting(first: Any, second: Any) -> bool:
        compared.append(1)
        return compare(first, second)

    monkeypatch.setattr(hmac, "compare_digest", counting)

    def count(ask: Callable[[], object]) -> int:
        compared.clear()
        ask()
        return len(compared)

    body = {"jobId": job["jobId"], "computeClientId": client.id, "status": "completed"}
    assert count(lambda: served.ask("setJobStatus", body, WRONG))
    mine = {"computeClientId": client.id}
    assert count(lambda: served.ask("getRunnableJobsForComputeClient", mine, WRONG))
    path = upload["signedUrl"].partition("hub.test")[2]
    assert count(lambda: served.send("PUT", path[:-1] + "A", content=b"x"))


def test_what_is_no_text_is_no_secret_and_no_fault(port: Port) -> None:
    for line in ("GET /login?token=%ff", "GET /login?token=%ed%a0%80", "PUT /u/%ff.%ff"):
        assert 400 <= port.ask(line).status < 500, line
    for value in ("Bearer \xff\xfe", "Bearer " + "x" * 60_000, "Bearer", "\xff"):
        for line in ("POST /v1/jobs/x/cancel", "GET /v1/services"):
            assert 400 <= port.ask(line, headers={"authorization": value}).status < 500, value[:20]
    cookie = f"dendro-session-{port.server.port}=\xff; ;=;;x"
    assert port.ask("GET /account", headers={"cookie": cookie}).status == 303


def test_apps_do_not_see_the_secrets_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = random_token(16)
    for name in ("DENDRO_GITHUB_CLIENT_SECRET", "DENDRO_API_KEY"):
        monkeypatch.setenv(name, secret)

    assert secret not in environment_for_apps().values()


def test_files_with_secrets_are_their_users_alone(
    serve: Callable[[ServerOptions], Port], store_folder: Path
) -> None:
    port = serve(ServerOptions(port=0))
    port.hub.store.key.derive("any")

    assert (store_folder / "key").stat().st_mode & 0o077 == 0
    assert store_folder.stat().st_mode & 0o077 == 0
