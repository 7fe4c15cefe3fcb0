"""Keys and secrets are in no reply but the one that tells a new key, and in no line of the log."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from dendro_local.model import JobId
from tests.hub.conftest import Worker
from tests.server.conftest import ADA, OWNER, SERVICE, Served, job_request

SECRET = "the-value-of-a-secret"
STRANGE_KEY = "k" * 31 + "?"


class Overheard:
    """Everything that a hub says, other than new keys to those who asked for them."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self.words: list[str] = []

    def ask(self, call: str, body: Mapping[str, object], key: str | None) -> Any:
        sent = {"type": f"{call}Request", **body}
        reply = self._served.send("POST", f"/api/{call}", key=key, json=sent)
        told = reply.json()
        for name in ("apiKey", "computeClientPrivateKey"):
            if told.get(name) is not None:
                self.words.append(str({**told, name: ""}))
                break
        else:
            self.words.append(reply.text)
        self.words += [f"{name}: {value}" for name, value in reply.headers.items()]
        return told


def test_nothing_secret_is_ever_said(
    served: Served, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    overheard = Overheard(served)
    owner_key, ada_key = served.key_of(OWNER), served.key_of(ADA)
    everybody = {"userId": "*", "admin": False, "createJobs": True, "processJobs": False}
    overheard.ask("setServiceInfo", {"serviceName": SERVICE, "users": [everybody]}, owner_key)
    overheard.ask("addService", {"serviceName": "lab", "userId": ADA}, ada_key)
    client = overheard.ask(
        "createComputeClient",
        {"userId": ADA, "serviceNames": ["lab"], "computeClientName": "c"},
        ada_key,
    )
    client_id, client_key = client["computeClientId"], client["computeClientPrivateKey"]
    request = job_request("Ada", secrets=[{"name": "DANDI_API_KEY", "value": SECRET}])
    job_id = overheard.ask("createJob", request, ada_key)["job"]["jobId"]
    worker.claim()
    for key in (None, ada_key, client_key, STRANGE_KEY):
        for call, body in (
            ("createJob", {**request, "skipCache": None}),
            ("createJob", {**request, "userId": OWNER}),
            ("createJob", {**request, "serviceName": "no"}),
            ("createJob", request),
            ("findJobs", {"userId": ADA}),
            ("findJobByDefinition", {k: request[k] for k in ("serviceName", "jobDefinition")}),
            ("getJob", {"jobId": job_id, "includePrivateKey": False}),
            ("getJob", {"jobId": job_id, "includePrivateKey": True, "computeClientId": client_id}),
            ("getService", {"serviceName": "lab"}),
            ("getComputeClient", {"computeClientId": client_id}),
            ("getComputeClients", {"serviceName": "lab"}),
            ("getPubsubSubscription", {"computeClientId": client_id}),
            ("setComputeClientInfo", {"computeClientId": client_id, "serviceNames": [SERVICE]}),
            ("setUserInfo", {"userId": ADA, "name": "x" * 2000}),
            ("computeUserStats", {"userId": ADA}),
            ("deleteJobs", {"userId": OWNER, "jobIds": [job_id]}),
        ):
            overheard.ask(call, body, key)
    new_key = overheard.ask("resetUserApiKey", {"userId": ADA}, ada_key)["apiKey"]
    overheard.ask("cancelJob", {"jobId": job_id}, new_key)

    assert served.hub.get_job(JobId(job_id)).canceled
    said = "\n".join([*overheard.words, caplog.text])
    store_key = served.hub.store.folder.key
    secrets = [SECRET, owner_key, ada_key, new_key, client_key, STRANGE_KEY]
    secrets += [store_key.read_text().strip()] if store_key.exists() else []
    for secret in secrets:
        assert secret not in said
    assert len(overheard.words) > 60
