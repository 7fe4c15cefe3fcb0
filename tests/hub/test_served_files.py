"""Files that a hub gives out by their URLs."""

import hashlib
from pathlib import Path

import pytest

from dendro_local.errors import OutputNotFound
from dendro_local.hub import NewJob, RunResult
from dendro_local.local_hub import LocalHub, ServedFile
from dendro_local.model import (
    Digest,
    Job,
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    RequiredResources,
)
from tests.hub.conftest import NewJobMaker, Worker


@pytest.fixture
def completed(hub: LocalHub, worker: Worker, greeting: NewJobMaker) -> Job:
    """A job with an output, another file, and a console."""
    hub.submit([greeting("Ada")])
    claim = worker.claim()
    hub.set_running(claim)
    result = RunResult(
        outputs={"output": worker.file("output", b"Hello!")},
        others={"figures/a.png": worker.file("figure", b"png")},
        console=worker.file("console", b"printed"),
    )
    hub.complete(claim, result)
    return hub.get_job(claim.job.jobId)


def served(hub: LocalHub, url: str) -> tuple[str, bytes, Digest | None]:
    """Name, bytes and digest of the file at a URL."""
    found: ServedFile = hub.served_file(url)
    content = found.path.read_bytes()
    assert found.size == len(content)
    return found.name, content, found.digest


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def refused(hub: LocalHub, url: str) -> str:
    with pytest.raises(OutputNotFound) as error:
        hub.served_file(url)
    return str(error.value)


def test_outputs_and_additional_files_are_served(hub: LocalHub, completed: Job) -> None:
    (output,) = completed.outputFileUrlList
    (other,) = completed.otherFileOutputs or []

    assert served(hub, output) == ("output.txt", b"Hello!", digest_of(b"Hello!"))
    assert served(hub, other.url) == ("a.png", b"png", digest_of(b"png"))


def test_a_log_has_a_digest_once_it_cannot_change(
    hub: LocalHub, completed: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert served(hub, completed.consoleOutputUrl) == ("output.txt", b"printed", None)

    monkeypatch.setattr("dendro_local.local_hub.served_files.LATE_LOG_SEC", 0)

    name, _, digest = served(hub, completed.consoleOutputUrl)
    assert (name, digest) == ("output.txt", digest_of(b"printed"))
    usage = served(hub, completed.resourceUtilizationLogUrl)
    assert usage == ("log.jsonl", b"", digest_of(b""))


def test_what_a_job_prints_is_served_while_it_runs(
    hub: LocalHub, worker: Worker, greeting: NewJobMaker
) -> None:
    (job,) = hub.submit([greeting("Ada")])
    assert refused(hub, job.consoleOutputUrl) == f"Job {job.jobId} has not run."
    claim = worker.claim()
    assert served(hub, job.consoleOutputUrl) == ("output.txt", b"", None)

    claim.folder.mkdir(parents=True)
    (claim.folder / "console.txt").write_bytes(b"so far")

    assert served(hub, job.consoleOutputUrl) == ("output.txt", b"so far", None)
    assert hub.served_file(job.consoleOutputUrl).is_growing
    message = refused(hub, job.outputFileResults[0].url)
    assert message == f"Job {job.jobId} is starting and has not given this file."


def test_only_a_jobs_own_urls_are_served(hub: LocalHub, completed: Job) -> None:
    (output,) = completed.outputFileUrlList

    for url in (
        output.replace(completed.jobId, "x" * 20),
        output.replace("hello_world_2", "hello_world_1"),
        output.replace("output.txt", "other.txt"),
        completed.consoleOutputUrl.replace("output.txt", "log.jsonl"),
    ):
        assert refused(hub, url) == "No job has a file of this URL."
    assert "names no file" in refused(hub, "dendro:f/../../etc/passwd")
    assert "names no file" in refused(hub, "https://example.org/a")
    assert "has not given this file" in refused(
        hub, output.replace("/output/output.txt", "/other/none")
    )


def test_bytes_that_are_gone_are_not_served(hub: LocalHub, completed: Job) -> None:
    hub.store.blobs.remove(Digest(digest_of(b"Hello!")))

    message = refused(hub, completed.outputFileUrlList[0])
    assert message == "The bytes of this file are no longer in the store."


def test_an_output_elsewhere_is_not_served(hub: LocalHub, worker: Worker) -> None:
    hub.submit([_reading([], runtime_url=True)])
    claim = worker.claim()
    hub.set_running(claim)
    hub.complete(claim, RunResult(outputs={"output": "https://example.org/a"}))

    url = (
        f"dendro:f/hello_world_service/hello_world/hello_world_2/{claim.job.jobId}"
        "/output/output.txt"
    )
    assert refused(hub, url).endswith("It is at https://example.org/a.")


def test_an_input_is_served_by_its_digest(hub: LocalHub, worker: Worker, tmp_path: Path) -> None:
    file = tmp_path / "session.nwb"
    file.write_bytes(b"spikes")
    url = hub.file_url(file)
    assert refused(hub, url) == "No job has a file with this digest as an input."

    hub.submit([_reading([(url, "my.nwb")], local_paths={url: str(file)})])

    assert served(hub, url) == ("my.nwb", b"spikes", digest_of(b"spikes"))
    file.write_bytes(b"others")
    assert "is not on this machine any more, or has changed" in refused(hub, url)
    file.unlink()
    assert "is not on this machine any more, or has changed" in refused(hub, url)


def test_an_input_that_is_a_blob_is_served_from_there(
    hub: LocalHub, completed: Job, tmp_path: Path
) -> None:
    url = f"dendro:sha256/{digest_of(b'Hello!')}"
    assert "as an input" in refused(hub, url)

    hub.submit([_reading([(url, "hello.txt")])])

    assert served(hub, url) == ("hello.txt", b"Hello!", digest_of(b"Hello!"))


def _reading(
    inputs: list[tuple[str, str]],
    *,
    local_paths: dict[str, str] | None = None,
    runtime_url: bool = False,
) -> NewJob:
    """A request for a job that reads these URLs under these names, or sets a URL itself."""
    processor = "count_characters" if inputs else "hello_world_2"
    output = JobOutputFile(name="output", fileBaseName="output.txt")
    if runtime_url:
        output = JobOutputFile(
            name="output", fileBaseName="output.txt", urlDeterminedAtRuntime=True
        )
    return NewJob(
        serviceName="hello_world_service",
        jobDefinition=JobDefinition(
            appName="hello_world",
            processorName=processor,
            inputFiles=[
                JobInputFile(name="input", fileBaseName=name, url=url) for url, name in inputs
            ],
            outputFiles=[output],
            parameters=[],
        ),
        requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60),
        local_paths=local_paths or {},
    )
