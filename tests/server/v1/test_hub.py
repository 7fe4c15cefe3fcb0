"""What the hub tells of itself: figures, who works for it, and whether it can work."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import dendro_local
from dendro_local.server import health
from tests.hub.conftest import Worker
from tests.server.conftest import BASE_URL, SERVICE, Served, job_request
from tests.server.v1.conftest import V1, new_job


def test_the_figures_of_the_hub(v1: V1, worker: Worker) -> None:
    v1.submit(new_job("a"), new_job("b"))
    worker.complete(worker.claim(), b"Hello!")

    stats = v1.get("/stats")

    assert stats["version"] == dendro_local.__version__
    assert stats["storeId"] == v1.hub.store_id()
    assert stats["jobs"] == {"pending": 1, "starting": 0, "running": 0, "completed": 1, "failed": 0}
    assert (stats["runnableJobs"], stats["computeClients"]) == (1, 1)
    assert (stats["blobBytes"], stats["databaseBytes"] > 0) == (6, True)


def test_compute_clients_are_told_with_what_they_have_in_hand(v1: V1, worker: Worker) -> None:
    (job,) = v1.submit(new_job("a"))
    v1.submit(new_job("b"))
    worker.claim()

    (client,) = v1.get("/compute-clients")["computeClients"]

    assert client["computeClientId"] == worker.run.compute_client_id
    assert (client["servesAll"], client["runtime"], client["unable"]) == (True, "process", None)
    assert client["computeSlots"][0]["numCpus"] == worker.slots[0].numCpus
    (in_hand,) = client["jobs"]
    assert in_hand.pop("since") > 0
    assert in_hand == {
        "jobId": job["jobId"],
        "serviceName": SERVICE,
        "appName": "hello_world",
        "processorName": "hello_world_2",
        "status": "starting",
    }
    v1.hub.end_run(worker.run)
    assert v1.get("/compute-clients")["computeClients"] == []


def test_health_is_told_without_looking_at_the_store(served: Served) -> None:
    served.hub.store.close()

    assert served.send("GET", "/healthz").json() == {"status": "ok"}


def test_a_hub_whose_store_can_be_written_is_ready(served: Served) -> None:
    assert served.send("GET", "/readyz").json() == {"status": "ok"}


def test_a_hub_whose_store_is_locked_is_not_ready_and_says_why(
    served: Served, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WRITE_SEC", 0.05)
    other = sqlite3.connect(store_folder / "store.db", isolation_level=None)
    with closing(other):
        other.execute("begin immediate")

        replies = [served.send("GET", "/readyz") for _ in range(20)]

        assert {reply.status_code for reply in replies} == {503}
        assert replies[0].json()["error"] == {
            "code": "not_ready",
            "message": "The store is locked by another process, or its disk does not answer.",
        }
        # Others are answered meanwhile: they do not all wait for it.
        assert served.send("GET", "/v1/jobs").status_code == 200
        other.execute("rollback")
    monkeypatch.setattr(health, "WRITE_SEC", 60)
    assert served.send("GET", "/readyz").status_code == 200


def test_a_hub_whose_store_is_gone_is_not_ready(served: Served, store_folder: Path) -> None:
    served.hub.store.close()
    (store_folder / "store.db").unlink()
    (store_folder / "store.db").mkdir()

    reply = served.send("GET", "/readyz")

    assert reply.status_code == 503
    assert reply.json()["error"]["message"] == "The hub could not do this; its log says why."


def test_a_hub_that_is_being_stopped_is_not_ready(served: Served) -> None:
    served.site.closing.set()

    assert served.send("GET", "/readyz").status_code == 503


def metrics(served: Served) -> dict[str, float]:
    reply = served.send("GET", "/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in reply.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_metrics_tell_what_was_answered_and_what_is_there(served: Served, v1: V1) -> None:
    v1.submit(new_job("a"), new_job("b"))
    for name in ("one", "two"):
        v1.send("GET", f"/jobs/{name}")
        served.send("GET", f"/{name}")
    served.ask("createJob", job_request("a"), served.key_of(v1.hub.user_id))
    served.ask("noSuchCall")

    found = metrics(served)

    # However many paths were asked for, the routes are few.
    for route, status, count in (
        ("/v1/jobs", 200, 1),
        ("/v1/jobs/{job_id}", 404, 2),
        ("/api/createJob", 200, 1),
        ("/api", 404, 1),
        ("other", 404, 2),
    ):
        labels = f'{{route="{route}",status="{status}"}}'
        assert found[f"dendro_http_requests_total{labels}"] == count, route
    assert found['dendro_http_seconds_count{route="/v1/jobs"}'] == 1
    assert found['dendro_jobs{status="pending"}'] == 2
    assert found['dendro_jobs{status="failed"}'] == 0
    assert (found["dendro_jobs_runnable"], found["dendro_blobs_bytes"]) == (2, 0)
    assert found["dendro_listeners"] == 0


def test_metrics_of_one_server_are_not_those_of_another(served: Served) -> None:
    served.send("GET", "/healthz")
    another = Served(served.hub)

    found = metrics(another)

    assert 'dendro_http_requests_total{route="/healthz",status="200"}' not in found
    another.close()


def test_the_page_for_people_asks_no_other_host(served: Served) -> None:
    page = served.send("GET", "/v1/docs")

    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'; script-src 'self'" in page.text
    addresses = re.findall(r'(?:src|href|spec-url)="([^"]*)"', page.text)
    assert addresses == [
        "/static/icon.svg",
        "/static/pages/docs.js",
        "/v1/docs/rapidoc-min.js",
        "/v1/openapi.json",
        "/",
    ]
    for address in addresses:
        assert served.send("GET", address).status_code == 200
    assert BASE_URL not in page.text
