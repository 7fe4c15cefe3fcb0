"""Files go to a hub and come from it over a network that breaks, and no byte twice."""

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from dendro_local.errors import ClaimLost, InputUnavailable, InvalidRequest, OutputNotFound
from dendro_local.hub import Claim, Hub, NewJob, RunResult
from dendro_local.local_hub import LocalHub
from dendro_local.model import JobDefinition, JobInputFile, JobOutputFile
from dendro_local.remote_hub import RemoteHub
from dendro_local.server.v1 import incoming
from tests.conftest import AppMaker
from tests.faults.scripts import wait_until
from tests.hub.conftest import RESOURCES, NewJobMaker, Worker
from tests.live_hub import LiveHub
from tests.remote_hub.proxy import Proxy

MB = 1 << 20
SIZE = 8 * MB

LITTLE = 2 * MB
"""Heads of requests, and pieces that were on their way when the network broke."""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A file of this machine that is no hub's."""
    file = tmp_path / "recording.dat"
    file.write_bytes(os.urandom(SIZE))
    return file


def counting_characters(hub: Hub, file: Path) -> NewJob:
    """A request for a job that reads a file of this machine."""
    url = hub.file_url(file)
    return NewJob(
        serviceName="hello_world_service",
        jobDefinition=JobDefinition(
            appName="hello_world",
            processorName="count_characters",
            inputFiles=[JobInputFile(name="input", fileBaseName="input.dat", url=url)],
            outputFiles=[JobOutputFile(name="output", fileBaseName="output.json")],
            parameters=[],
        ),
        requiredResources=RESOURCES,
        local_paths={url: str(file)},
    )


def blobs(hub: LocalHub) -> list[bytes]:
    """What the hub keeps."""
    return [file.read_bytes() for file in hub.store.folder.blobs.glob("??/*")]


def test_an_input_is_sent_once_and_where_the_network_breaks_it_is_gone_on_with(
    hub: RemoteHub, local_hub: LocalHub, network: Proxy, recording: Path
) -> None:
    network.cut_after_sending(3 * MB)

    hub.submit([counting_characters(hub, recording)])

    assert blobs(local_hub) == [recording.read_bytes()]
    assert SIZE <= network.sent < SIZE + LITTLE


def test_an_input_that_the_hub_has_is_not_sent(
    hub: RemoteHub, network: Proxy, recording: Path
) -> None:
    hub.submit([counting_characters(hub, recording)])
    sent = network.sent

    hub.submit([replace(counting_characters(hub, recording), skipCache=True)])

    assert network.sent - sent < LITTLE


def test_for_a_job_that_is_found_no_input_is_sent(
    hub: RemoteHub, local_hub: LocalHub, network: Proxy, recording: Path, worker: Worker
) -> None:
    hub.submit([counting_characters(hub, recording)])
    done = worker.complete(worker.claim(), b"4")
    local_hub.store.blobs.remove(hub.local_store.local_files.digest(recording)[0])
    sent = network.sent

    [found] = hub.submit([counting_characters(hub, recording)])

    assert found.jobId == done.jobId
    assert network.sent - sent < LITTLE


def test_looking_for_jobs_of_a_file_sends_nothing(
    hub: RemoteHub, local_hub: LocalHub, network: Proxy, recording: Path
) -> None:
    hub.file_url(recording)

    assert network.sent == 0
    assert blobs(local_hub) == []


def test_an_input_that_changes_before_it_is_sent_is_refused(
    hub: RemoteHub, recording: Path
) -> None:
    request = counting_characters(hub, recording)
    recording.write_bytes(b"other")

    with pytest.raises(InputUnavailable, match="changed before it was sent"):
        hub.submit([request])


def test_of_many_who_send_one_input_at_once_one_does(
    hub: RemoteHub, local_hub: LocalHub, network: Proxy, recording: Path
) -> None:
    request = counting_characters(hub, recording)

    with ThreadPoolExecutor(4) as threads:
        jobs = list(threads.map(lambda _: hub.submit([request])[0].jobId, range(4)))

    assert len(set(jobs)) == 1
    assert blobs(local_hub) == [recording.read_bytes()]
    # Those who are told to wait have a piece on its way by then.
    assert network.sent < SIZE + 4 * LITTLE


def test_an_output_goes_on_where_the_network_broke(
    hub: RemoteHub,
    local_hub: LocalHub,
    network: Proxy,
    greeting: NewJobMaker,
    worker: Worker,
    recording: Path,
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)
    sent = network.sent
    network.cut_after_sending(5 * MB)

    hub.complete(claim, RunResult(outputs={"output": recording}))

    assert SIZE <= network.sent - sent < SIZE + LITTLE
    assert local_hub.output_file(job.jobId, "output").read_bytes() == recording.read_bytes()


def test_a_request_that_hangs_makes_way_for_the_next_and_writes_no_more(
    hub: RemoteHub,
    local_hub: LocalHub,
    live: LiveHub,
    greeting: NewJobMaker,
    worker: Worker,
    recording: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(incoming, "STALE_SEC", 0.2)
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)
    with half_a_request(hub, live, claim, recording) as hanging:
        folder = local_hub.store.folder.job_folder(job.jobId, 1) / "received"
        wait_until(lambda: any(each.is_file() for each in folder.rglob("*")), "bytes to come")

        hub.complete(claim, RunResult(outputs={"output": recording}))
        hanging.sendall(bytes(2 * MB))
        answer = hanging.recv(1000)

    assert b" 409 " in answer
    assert local_hub.output_file(job.jobId, "output").read_bytes() == recording.read_bytes()


@contextmanager
def half_a_request(
    hub: RemoteHub, live: LiveHub, claim: Claim, file: Path
) -> Iterator[socket.socket]:
    """A connection over which half of an output has been sent, and the other half is due."""
    credentials = (Path(os.environ["DENDRO_COMPUTE_CLIENT_FILE"])).read_text().splitlines()
    client_id, key = (line.partition(": ")[2].strip('"') for line in credentials[1:])
    head = (
        f"PATCH /v1/claims/{claim.job.jobId}/file?kind=output&name=output HTTP/1.1\r\n"
        f"host: 127.0.0.1:{live.port}\r\nauthorization: Bearer {key}\r\n"
        f"dendro-compute-client: {client_id}\r\nclaim-token: {claim.token}\r\n"
        f"upload-offset: 0\r\ncontent-length: {SIZE}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(head.encode() + file.read_bytes()[: 3 * MB])
        yield connection


def test_an_output_that_comes_with_other_bytes_is_sent_anew(
    hub: RemoteHub,
    local_hub: LocalHub,
    greeting: NewJobMaker,
    worker: Worker,
    recording: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)
    received = local_hub.received_file(claim, "output", "output")
    received = local_hub.store.folder.job_folder(job.jobId, 1) / received.relative_to(claim.folder)
    received.parent.mkdir(parents=True, exist_ok=True)
    received.write_bytes(b"left by a disk that lost power")

    hub.complete(claim, RunResult(outputs={"output": recording}))

    assert local_hub.output_file(job.jobId, "output").read_bytes() == recording.read_bytes()


def test_an_output_of_no_bytes_comes_too(
    hub: RemoteHub, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])

    worker.complete(worker.claim(), b"")

    assert hub.output_file(job.jobId, "output").read_bytes() == b""


def test_what_comes_for_a_job_that_was_given_to_another_is_refused(
    hub: RemoteHub, local_hub: LocalHub, greeting: NewJobMaker, worker: Worker, recording: Path
) -> None:
    hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)
    [held] = local_hub.remote_claims()
    local_hub.release(held)

    with pytest.raises(ClaimLost):
        hub.complete(claim, RunResult(outputs={"output": recording}))

    assert blobs(local_hub) == []


def test_an_output_is_fetched_once_and_where_the_network_breaks_it_is_gone_on_with(
    hub: RemoteHub, network: Proxy, greeting: NewJobMaker, worker: Worker, recording: Path
) -> None:
    [job] = hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)
    hub.complete(claim, RunResult(outputs={"output": recording}))
    received = network.received
    network.cut_after_receiving(3 * MB)

    first = hub.output_file(job.jobId, "output")
    again = hub.output_file(job.jobId, "output")

    assert first == again
    assert first.name == "output.txt"
    assert first.read_bytes() == recording.read_bytes()
    assert SIZE <= network.received - received < SIZE + LITTLE


def test_an_output_that_is_not_here_is_not_fetched_for_who_only_looks(
    hub: RemoteHub, network: Proxy, greeting: NewJobMaker, worker: Worker
) -> None:
    [job] = hub.submit([greeting()])
    worker.complete(worker.claim(), bytes(SIZE))
    received = network.received

    with pytest.raises(OutputNotFound, match="`dendro-local output"):
        hub.output_file(job.jobId, "output", fetch=False)

    assert network.received - received < LITTLE
    fetched = hub.output_file(job.jobId, "output")
    assert hub.output_file(job.jobId, "output", fetch=False) == fetched


def test_an_input_that_the_app_put_elsewhere_is_read_there(
    hub: RemoteHub,
    local_hub: LocalHub,
    counting: NewJobMaker,
    make_app: AppMaker,
    worker: Worker,
) -> None:
    local_hub.add_app(str(make_app("publisher", PUBLISHER)), "hello_world_service")
    [parent] = hub.submit([publishing()])
    claim = worker.claim()
    hub.set_running(claim)
    hub.complete(claim, RunResult(outputs={"output": "https://example.org/a.nwb"}))
    hub.submit([counting(hub.get_job(parent.jobId))])
    child = worker.claim()

    fetched = hub.fetch_input(child, child.job.jobDefinition.inputFiles[0])

    assert (fetched.path, fetched.url) == (None, "https://example.org/a.nwb")


PUBLISHER = """
from typing import Annotated

@app.processor
def publish(output: Annotated[OutputFile, 'url_determined_at_runtime']) -> None:
    output.set_url('https://example.org/a.nwb')
"""


def publishing() -> NewJob:
    """A request for a job whose output is put elsewhere by its app."""
    output = JobOutputFile(name="output", fileBaseName="a.nwb", urlDeterminedAtRuntime=True)
    return NewJob(
        serviceName="hello_world_service",
        jobDefinition=JobDefinition(
            appName="publisher",
            processorName="publish",
            inputFiles=[],
            outputFiles=[output],
            parameters=[],
        ),
        requiredResources=RESOURCES,
    )


def test_a_url_that_no_app_could_set_is_refused(
    hub: RemoteHub, greeting: NewJobMaker, worker: Worker
) -> None:
    hub.submit([greeting()])
    claim = worker.claim()
    hub.set_running(claim)

    with pytest.raises(InvalidRequest, match="is a file"):
        hub.complete(claim, RunResult(outputs={"output": "https://example.org/a.nwb"}))
    with pytest.raises(InvalidRequest, match="not those of the job"):
        hub.complete(claim, RunResult(outputs={}))
