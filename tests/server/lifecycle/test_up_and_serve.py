"""A server from its first line to its end, as a person or systemd runs it."""

import signal
import socket
from pathlib import Path

import httpx
import pytest

from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from tests.hub.conftest import NewJobMaker, greeting  # noqa: F401 - a fixture
from tests.server.lifecycle.conftest import ServerStarter, run_command

pytestmark = pytest.mark.process


@pytest.mark.parametrize("command", ["up", "serve"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_answers_until_a_signal_ends_it(
    start_server: ServerStarter, command: str, number: signal.Signals
) -> None:
    server = start_server(command)
    assert server.url == f"http://127.0.0.1:{server.port}"
    assert server.ask().json() == {"type": "findJobsResponse", "jobs": []}
    exit_code, errors, _ = server.stop(number)
    assert (exit_code, "Traceback" in errors) == (0, False), errors


def test_up_runs_jobs_of_the_store(
    start_server: ServerStarter,
    hub: LocalHub,
    greeting: NewJobMaker,  # noqa: F811 - the fixture
) -> None:
    server = start_server("up")
    job = hub.submit([greeting("Ada")])[0]
    changes = hub.changes()
    while hub.get_job(job.jobId).status not in ("completed", "failed"):
        changes.wait(1.0)
    changes.close()
    assert hub.get_job(job.jobId).status == "completed", hub.why(job.jobId)
    assert server.stop()[0] == 0


def test_serve_leaves_jobs_to_compute_clients(
    start_server: ServerStarter,
    hub: LocalHub,
    greeting: NewJobMaker,  # noqa: F811 - the fixture
) -> None:
    server = start_server("serve")
    job = hub.submit([greeting("Ada")])[0]
    assert server.ask().json()["jobs"][0]["jobId"] == job.jobId
    assert not hub.has_compute_client()
    assert hub.find_jobs(JobQuery(status="pending"))


def test_a_second_server_of_a_store_is_refused_and_told_where_the_first_is(
    start_server: ServerStarter,
) -> None:
    server = start_server("serve")
    second = run_command("serve", "--port", "0")
    assert second.returncode == 21
    assert f"is served already, at {server.url}" in second.stderr
    assert server.ask().status_code == 200


def test_a_store_can_be_served_again_after_its_server_was_killed(
    start_server: ServerStarter,
) -> None:
    start_server("serve").stop(signal.SIGKILL)
    assert start_server("serve").ask().status_code == 200


def test_a_port_in_use_is_told_with_what_to_do(store_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = run_command("serve", "--port", port)
    assert refused.returncode == 21
    assert f"Another program uses port {port}" in refused.stderr
    assert "--port 0" in refused.stderr


def test_an_address_of_another_machine_is_refused(store_folder: Path) -> None:
    refused = run_command("serve", "--host", "192.0.2.1", "--port", "0")
    assert refused.returncode == 3
    assert "192.0.2.1" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_refused_start_leaves_the_store_free(start_server: ServerStarter) -> None:
    run_command("serve", "--host", "192.0.2.1", "--port", "0")
    assert start_server("serve").ask().status_code == 200


def test_urls_of_an_earlier_port_are_still_the_hubs_own(
    start_server: ServerStarter, hub: LocalHub
) -> None:
    first = start_server("serve")
    first.stop()
    start_server("serve")
    assert first.url in hub.served_at("http://127.0.0.1:1")


def test_a_connection_that_is_kept_open_does_not_keep_the_server(
    start_server: ServerStarter,
) -> None:
    server = start_server("serve")
    with httpx.Client() as client:
        client.post(f"{server.url}/api/findJobs", json={})
        assert server.stop()[2] < 5
