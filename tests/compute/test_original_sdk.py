"""Apps that are written with the original's SDK, which is used here as it comes from PyPI."""

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    get_job,
    submit_job,
)
from dendro_local.compute import ComputeClient
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.original_sdk import OriginalApps
from dendro_local.compute.trial import try_processor
from dendro_local.contract import PART_BYTES, UploadLimits
from dendro_local.hub import FetchedInput, NewJob, RegisteredApp
from dendro_local.local_hub import LocalHub
from dendro_local.model import (
    Job,
    JobDefinition,
    JobId,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    RequiredResources,
    Secret,
    Service,
)
from tests.faults.scripts import Script, is_alive, wait_until

pytestmark = pytest.mark.process

RESOURCES = DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=0.1, timeSec=60)

APP = """
import json
import os
import time
from pathlib import Path
from typing import List

import requests
from pydantic import BaseModel, Field

from dendro.sdk import App, InputFile, OutputFile, ProcessorBase, upload_additional_job_output

app = App("original", description="For a test")


def processor(run):
    app.add_processor(
        type(
            run.__name__,
            (ProcessorBase,),
            {
                "name": run.__name__,
                "label": run.__name__,
                "description": "For a test",
                "image": "",
                "executable": "/app/main.py",
                "attributes": {},
                "run": staticmethod(run),
            },
        )
    )


class Band(BaseModel):
    low: float = Field(default=300, description="Lowest")
    high: float = Field(default=6000, description="Highest")


class GreetContext(BaseModel):
    output: OutputFile = Field(description="A greeting")
    name: str = Field(default="world", description="Whom to greet")
    band: Band = Field(description="A group of parameters")
    times: List[int] = Field(default=[1, 2], description="A list")


@processor
def greet(context: GreetContext):
    Path("out.json").write_text(json.dumps(context.model_dump(exclude_none=True), default=str))
    Path("out.txt").write_text(
        f"Hello, {context.name}! {context.band.low:g}-{context.band.high:g} {context.times}"
    )
    context.output.upload("out.txt")


class ReadContext(BaseModel):
    input: InputFile = Field(description="A file")
    output: OutputFile = Field(description="What is in it")


@processor
def read(context: ReadContext):
    url = context.input.get_url()
    assert url.endswith("/my%20text.txt"), url
    some = requests.get(url, headers={"Range": "bytes=1-3"})
    last = requests.get(url, headers={"Range": "bytes=-2"})
    behind = requests.get(url, headers={"Range": "bytes=1000-"})
    head = requests.head(url)
    context.input.download("copy")
    found = {
        "some": [some.status_code, some.text, some.headers["Content-Range"]],
        "last": [last.status_code, last.text],
        "behind": [behind.status_code, behind.headers["Content-Range"]],
        "head": [head.status_code, head.text, head.headers["Content-Length"]],
        "whole": Path("copy").read_text(),
    }
    Path("found.json").write_text(json.dumps(found))
    context.output.upload("found.json")


class JoinContext(BaseModel):
    inputs: List[InputFile] = Field(description="Files")
    output: OutputFile = Field(description="All that is in them")


@processor
def join(context: JoinContext):
    texts = []
    for file in context.inputs:
        file.download()
        texts.append(Path(file.get_local_file_name()).read_text())
    Path("all.txt").write_text("+".join(texts))
    context.output.upload("all.txt")


class PublishContext(BaseModel):
    published: OutputFile = Field(
        description="It lies elsewhere", json_schema_extra={"url_determined_at_runtime": True}
    )


@processor
def publish(context: PublishContext):
    context.published.set_url(f"https://example.org/{context.published.get_dandi_api_key()}")


class FilesContext(BaseModel):
    output: OutputFile = Field(description="A file")
    size: int = Field(default=0, description="Its size in bytes")


@processor
def files(context: FilesContext):
    Path("figure.png").write_bytes(b"not really")
    print(upload_additional_job_output("figure.png", "figures/a.png"))
    Path("out.bin").write_bytes(bytes(n % 251 for n in range(context.size)))
    context.output.upload("out.bin")


class OutputContext(BaseModel):
    output: OutputFile = Field(description="A file")


@processor
def fail(context: OutputContext):
    print("reading")
    raise ValueError("no spikes")


@processor
def forget(context: OutputContext):
    pass


class WaitContext(BaseModel):
    output: OutputFile = Field(description="A file")
    folder: str = Field(description="Where to tell that it runs")


@processor
def wait(context: WaitContext):
    note = {key: os.environ[key] for key in ("JOB_ID", "JOB_PRIVATE_KEY", "DENDRO_API_URL")}
    folder = Path(context.folder)
    (folder / "new").write_text(json.dumps({**note, "pid": os.getpid()}))
    (folder / "new").rename(folder / "runs")
    while not (folder / "leave").exists():
        time.sleep(0.01)
    Path("out").touch()
    context.output.upload("out")


app.run()
"""


@pytest.fixture(scope="module")
def app_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an app of the original's SDK."""
    folder = tmp_path_factory.mktemp("original")
    (folder / "main.py").write_text(APP, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def registered(app_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> RegisteredApp:
    """The app as it is once it has been added, which takes a second."""
    hub = LocalHub(tmp_path_factory.mktemp("store"))
    try:
        return hub.add_app(str(app_folder), "lab")
    finally:
        hub.close()


@pytest.fixture
def original(hub: LocalHub, registered: RegisteredApp) -> None:
    """The app ``original`` on the service ``lab``."""
    with hub.store.transaction():
        hub.store.services.put(Service(serviceName="lab", userId=hub.user_id, users=[]))
        hub.store.services.put_app(registered)


@pytest.fixture
def client(hub: LocalHub) -> Iterator[ComputeClient]:
    """A compute client that serves all jobs of the store, in a thread of this process."""
    client = ComputeClient(hub)
    thread = threading.Thread(target=client.serve)
    thread.start()
    yield client
    client.stop()
    thread.join()


OUTPUT = DendroJobOutputFile(name="output", fileBaseName="out.txt")


def submit(
    processor: str,
    *,
    inputs: list[DendroJobInputFile] | None = None,
    output: DendroJobOutputFile = OUTPUT,
    **parameters: Any,
) -> DendroJob:
    return submit_job(
        service_name="lab",
        job_definition=DendroJobDefinition(
            appName="original",
            processorName=processor,
            inputFiles=inputs or [],
            outputFiles=[output],
            parameters=[
                DendroJobParameter(name=name, value=value) for name, value in parameters.items()
            ],
        ),
        required_resources=RESOURCES,
    )


def run(processor: str, **more: Any) -> DendroJob:
    job = submit(processor, **more).wait_until_done()
    assert (job.status, job.error) == ("completed", None)
    return job


@pytest.mark.usefixtures("original")
def test_it_gets_its_parameters_and_gives_its_output() -> None:
    job = run("greet", name="Ada", **{"band.low": 1.5})

    assert job.get_output("output").read_text() == "Hello, Ada! 1.5-6000 [1, 2]"
    assert "[dendro] Running processor\n" in job.console()
    assert "WARNING" not in job.console()


@pytest.mark.usefixtures("original")
def test_the_same_again_is_not_run_again() -> None:
    assert submit("greet").jobId == run("greet").jobId == submit("greet").jobId


@pytest.mark.usefixtures("original")
def test_a_proxy_of_the_machine_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.org")

    run("greet")


@pytest.mark.usefixtures("original")
def test_it_reads_a_local_file_whole_or_in_parts(tmp_path: Path) -> None:
    file = tmp_path / "my text.txt"
    file.write_text("0123456789")

    input = DendroJobInputFile(name="input", fileBaseName="my text.txt", path=file)
    job = run("read", inputs=[input])

    assert json.loads(job.get_output("output").read_text()) == {
        "some": [206, "123", "bytes 1-3/10"],
        "last": [206, "89"],
        "behind": [416, "bytes */10"],
        "head": [200, "", "10"],
        "whole": "0123456789",
    }
    assert [url[:14] for url in job.inputFileUrlList] == ["dendro:sha256/"]
    assert "http://127.0.0.1" not in str(job.jobDefinition)


@pytest.mark.usefixtures("original")
def test_it_reads_outputs_of_other_jobs_and_lists_of_inputs(tmp_path: Path) -> None:
    file = tmp_path / "b.txt"
    file.write_text("b")
    parent = submit("greet")

    job = run(
        "join",
        inputs=[
            DendroJobInputFile(name="inputs[0]", url=parent.get_output("output")),
            DendroJobInputFile(name="inputs[1]", path=file),
        ],
    )

    assert job.get_output("output").read_text() == "Hello, world! 300-6000 [1, 2]+b"


@pytest.mark.usefixtures("original")
def test_it_publishes_an_output_with_a_secret_of_the_job(hub: LocalHub) -> None:
    (record,) = hub.submit(
        [
            NewJob(
                serviceName="lab",
                jobDefinition=JobDefinition(
                    appName="original",
                    processorName="publish",
                    inputFiles=[],
                    outputFiles=[
                        JobOutputFile(
                            name="published", fileBaseName="new.nwb", urlDeterminedAtRuntime=True
                        )
                    ],
                    parameters=[],
                ),
                requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=0.1, timeSec=60),
                secrets=[Secret(name="DANDI_API_KEY", value="the-key")],
            )
        ]
    )

    job = get_job(record.jobId).wait_until_done()

    assert (job.status, job.error) == ("completed", None)
    assert job.get_output("published").url == "https://example.org/the-key"


@pytest.mark.usefixtures("original")
def test_an_output_may_be_empty_and_other_files_may_be_added(hub: LocalHub) -> None:
    job = run("files", size=0)

    assert job.get_output("output").path().read_bytes() == b""
    others = hub.get_job(JobId(job.jobId)).otherFileOutputs
    url = f"dendro:f/lab/original/files/{job.jobId}/other/figures/a.png"
    assert [(each.name, each.url) for each in others or []] == [("figures/a.png", url)]
    assert url in job.console()


@pytest.mark.usefixtures("original")
def test_an_exception_is_in_the_jobs_error() -> None:
    job = submit("fail").wait_until_done()

    assert job.status == "failed"
    assert str(job.error).startswith("The app ended with exit code 1. The end of what it printed:")
    assert str(job.error).endswith("ValueError: no spikes")
    assert "reading\nTraceback" in job.console()


@pytest.mark.usefixtures("original")
def test_an_output_that_was_forgotten_is_named() -> None:
    job = submit("forget").wait_until_done()

    assert job.status == "failed"
    assert str(job.error).endswith("Exception: Output was not uploaded: output")


def test_which_sdk_it_is_written_with_stands_in_its_registration(
    hub: LocalHub, app_folder: Path, tmp_path: Path
) -> None:
    assert hub.add_app(str(app_folder), "lab").sdk == "dendro"
    assert hub.app("lab", "original").sdk == "dendro"
    assert hub.app("hello_world_service", "hello_world").sdk == "dendro_local"

    spec = tmp_path / "spec.json"
    spec.write_bytes(msgspec.json.encode(hub.app("lab", "original").record.appSpecification))
    assert hub.add_app(str(spec), "elsewhere").sdk is None


def test_it_can_be_tried_without_recording_anything(app_folder: Path, tmp_path: Path) -> None:
    definition = JobDefinition(
        appName="original",
        processorName="join",
        inputFiles=[JobInputFile(name="inputs[0]", fileBaseName="a.txt", url="")],
        outputFiles=[JobOutputFile(name="output", fileBaseName="all.txt")],
        parameters=[],
    )
    file = tmp_path / "a.txt"
    file.write_text("a")
    inputs = {"inputs[0]": FetchedInput(path=file, url=file.as_uri())}

    trial = try_processor(app_folder, definition, inputs, tmp_path / "outputs")

    assert trial.error is None
    assert (tmp_path / "outputs" / "all.txt").read_text() == "a"


@pytest.mark.usefixtures("original", "client")
def test_several_jobs_run_at_once() -> None:
    jobs = [submit("files", size=size) for size in (10, 100_000, 3_000_000)]

    sizes = [job.wait_until_done().get_output("output").path().stat().st_size for job in jobs]

    assert sizes == [10, 100_000, 3_000_000]


class Run:
    """A job that runs, and waits to be told to end."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.job = submit("wait", folder=str(folder))
        wait_until((folder / "runs").exists, "the app to run")
        self.environment: Mapping[str, Any] = json.loads((folder / "runs").read_text())

    def ask(self, call: str, key: str = "", **request: Any) -> tuple[int, Any]:
        body = {"type": f"{call}Request", "jobId": self.job.jobId, **request}
        headers = {b"Authorization": f"Bearer {key}".encode()} if key else {}
        url = f"{self.environment['DENDRO_API_URL']}/api/{call}"
        reply = httpx.post(url, json=body, headers=headers, trust_env=False)
        return reply.status_code, reply.json()


@pytest.fixture
def running(original: None, client: ComputeClient, tmp_path: Path) -> Run:
    return Run(tmp_path / "run")


def test_a_canceled_job_is_ended(running: Run) -> None:
    running.job.cancel()

    wait_until(lambda: not is_alive(running.environment["pid"]), "the end of the app")
    assert running.job.refresh().canceled


def test_a_job_whose_compute_client_was_killed_is_run_again(original: None, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    script = Script(
        f"parameters = {{'folder': {str(folder)!r}}}\n"
        "definition = define('wait', app='original', parameters=parameters)\n"
        "submit(definition, service='lab').wait_until_done()"
    )
    wait_until((folder / "runs").exists, "the app to run")
    first = json.loads((folder / "runs").read_text())["pid"]
    script.kill()
    (folder / "leave").touch()

    job = submit("wait", folder=str(folder)).wait_until_done()

    assert (job.status, job.error) == ("completed", None)
    assert json.loads((folder / "runs").read_text())["JOB_ID"] == job.jobId
    assert json.loads((folder / "runs").read_text())["pid"] != first


def test_a_compute_client_that_leaves_leaves_none_of_its_jobs_behind(
    running: Run, client: ComputeClient
) -> None:
    client.stop(leave_running=True)

    wait_until(lambda: not is_alive(running.environment["pid"]), "the end of the app")
    wait_until(lambda: running.job.refresh().status == "pending", "the job to be put back")


def test_only_the_jobs_own_key_is_taken(running: Run) -> None:
    key = running.environment["JOB_PRIVATE_KEY"]
    upload: dict[str, Any] = {"uploadType": "output", "outputName": "output", "size": 1}
    wrong = (401, {"error": "Unauthorized: incorrect or missing job private key"})

    assert running.ask("getSignedUploadUrl", "x" * 32, **upload) == wrong
    assert running.ask("getSignedUploadUrl", "\u00e9", **upload) == wrong
    assert running.ask("getSignedUploadUrl", **upload) == (
        400,
        {"error": "Job private key must be provided"},
    )
    assert running.ask("setOutputFileUrl", "x", outputName="output", url="https://a") == (
        403,
        {"error": "Unauthorized"},
    )
    assert running.ask("getSignedUploadUrl", key, **upload, jobId="other") == (
        404,
        {"error": "Job not found"},
    )
    assert running.ask("getSignedUploadUrl", key, **upload)[0] == 200


def test_what_is_asked_wrongly_is_refused_in_the_words_of_the_contract(running: Run) -> None:
    key = running.environment["JOB_PRIVATE_KEY"]

    def refused(call: str, **request: Any) -> tuple[int, str]:
        status, reply = running.ask(call, key, **request)
        assert list(reply) == ["error"]
        return status, reply["error"]

    other: dict[str, Any] = {"uploadType": "other", "size": 1}
    assert refused("getJob") == (400, "Invalid request")
    assert refused("getJob", includePrivateKey=False, more=1) == (400, "Invalid request")
    assert refused("setJobStatus", status="completed")[0] == 404
    assert refused("getSignedUploadUrl", uploadType="output", size=1) == (
        400,
        "Must specify outputName",
    )
    assert refused("getSignedUploadUrl", uploadType="output", size=1, outputName="x") == (
        400,
        "Output file not found",
    )
    assert refused("getSignedUploadUrl", **other) == (400, "Must specify otherName")
    assert refused("getSignedUploadUrl", **other, otherName="../x") == (400, "Invalid otherName")
    assert refused("getSignedUploadUrl", uploadType="other", size=2**31, otherName="x") == (
        400,
        "File size too large",
    )
    assert refused("setOutputFileUrl", outputName="output", url="https://a") == (
        400,
        "Output url is not determined at run time",
    )
    assert refused("getSignedDownloadUrl", url="https://example.org/x")[0] == 400
    assert refused("getDandiApiKey", outputName="output")[0] == 400
    base = running.environment["DENDRO_API_URL"]
    assert httpx.get(f"{base}/api/getJob", trust_env=False).json() == {
        "error": "Method not allowed"
    }
    elsewhere = base.rpartition("/")[0]
    assert httpx.post(f"{elsewhere}/api/getJob", json={}, trust_env=False).status_code == 404


def test_the_record_has_the_keys_of_the_contract_and_no_key(running: Run) -> None:
    status, reply = running.ask("getJob", includePrivateKey=False)
    secret = running.environment["JOB_PRIVATE_KEY"]

    assert status == 200
    assert reply["type"] == "getJobResponse"
    assert list(reply) == ["type", "job"]
    record = reply["job"]
    assert record["jobId"] == running.job.jobId
    assert record["status"] == "running"
    assert record["jobPrivateKey"] is record["secrets"] is None
    assert secret not in json.dumps(reply)
    assert running.ask("getJob", secret, includePrivateKey=True)[0] == 400
    assert running.ask("getJob", secret, includePrivateKey=True, computeClientId="x")[0] == 401
    assert running.ask("getJob", includePrivateKey=False, jobId="other") == (
        200,
        {"type": "getJobResponse"},
    )


def test_a_file_that_is_not_as_announced_is_refused(running: Run) -> None:
    key = running.environment["JOB_PRIVATE_KEY"]
    _, reply = running.ask(
        "getSignedUploadUrl", key, uploadType="output", outputName="output", size=3
    )
    url = reply["signedUrl"]

    def put(content: Any) -> int:
        return httpx.put(url, content=content, trust_env=False).status_code

    assert put(b"four") == 400
    assert put(b"2.") == 400
    assert put(iter([b"fo", b"ur"])) == 400
    assert put(iter([b"o", b"ne"])) == 200
    assert put(b"two") == 404


def test_an_upload_in_parts_is_whole_or_given_up(running: Run) -> None:
    key = running.environment["JOB_PRIVATE_KEY"]
    size = 2 * PART_BYTES + 1
    asked = {"uploadType": "output", "outputName": "output", "size": size}
    status, reply = running.ask("getSignedUploadUrl", key, **asked)
    assert (status, list(reply)) == (200, ["type", "parts", "uploadId", "downloadUrl"])
    assert [part["partNumber"] for part in reply["parts"]] == [1, 2, 3]
    upload = {"url": reply["downloadUrl"], "uploadId": reply["uploadId"]}

    finalized = running.ask("finalizeMultipartUpload", key, **upload, size=size, parts=[])
    canceled = running.ask("cancelMultipartUpload", key, **upload)
    put = httpx.put(reply["parts"][0]["signedUrl"], content=b"x", trust_env=False)

    assert finalized == (500, {"error": "Failed to finalize multipart upload"})
    assert canceled == (200, {"type": "cancelMultipartUploadResponse"})
    assert put.status_code == 404


def test_the_name_of_another_file_is_taken_once_it_is_there(running: Run) -> None:
    key = running.environment["JOB_PRIVATE_KEY"]

    def ask(name: str) -> tuple[int, Any]:
        asked = {"uploadType": "other", "otherName": name, "size": 1}
        return running.ask("getSignedUploadUrl", key, **asked)

    status, reply = ask("figures/a.png")
    assert (status, list(reply)) == (200, ["type", "signedUrl", "downloadUrl"])
    assert ask("figures/a.png")[0] == 200
    assert httpx.put(reply["signedUrl"], content=b"x", trust_env=False).status_code == 200

    taken = (400, {"error": "Other file already exists"})
    assert ask("figures/a.png") == ask("figures") == ask("figures/a.png/b") == taken
    assert ask("figures/b.png")[0] == 200


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_key_is_in_no_command_line(running: Run) -> None:
    key = running.environment["JOB_PRIVATE_KEY"].encode()

    lines: list[bytes] = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ends just now
            lines.append(file.read_bytes())

    assert lines
    assert not any(key in line for line in lines)


class Served:
    """A run of the app without a hub, with outputs in parts of 1000 bytes."""

    def __init__(self, app_folder: Path, folder: Path, size: int) -> None:
        self.apps = OriginalApps(limits=UploadLimits(part_bytes=1000))
        self.folder = JobFolder(folder)
        definition = JobDefinition(
            appName="original",
            processorName="files",
            inputFiles=[],
            outputFiles=[JobOutputFile(name="output", fileBaseName="out.bin")],
            parameters=[JobParameter(name="size", value=size)],
        )
        self.job = Job(
            jobId=JobId("jobInParts"),
            serviceName="lab",
            userId="",
            batchId="",
            tags=[],
            jobDefinition=definition,
            jobDefinitionHash="",
            jobDependencies=[],
            requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60),
            inputFileUrlList=[],
            outputFileUrlList=[],
            outputFileResults=[],
            consoleOutputUrl="",
            resourceUtilizationLogUrl="",
            timestampCreatedSec=0,
            isRunnable=True,
        )
        self.folder.make()
        inputs: dict[str, FetchedInput] = {}
        self.folder.write_job(self.job.jobId, "lab", definition, inputs)
        command = [sys.executable, str(app_folder / "main.py")]
        self.process = self.apps.start(command, os.environ, self.folder, self.job, inputs)


@pytest.mark.parametrize(("size", "parts"), [(999, 0), (1000, 1), (2501, 3)])
def test_a_large_output_comes_in_parts(
    app_folder: Path, tmp_path: Path, size: int, parts: int
) -> None:
    served = Served(app_folder, tmp_path / "job", size)

    assert served.process.wait() == 0

    served.apps.close()
    result = served.folder.result()
    assert result is not None
    output = served.folder.left(result).outputs["output"]
    assert isinstance(output, Path)
    assert output.read_bytes() == bytes(n % 251 for n in range(size))
    assert served.folder.console.read_text().count("Uploading output file part") == parts
    assert [file.name for file in (tmp_path / "job" / "outputs").iterdir()] == ["output"]
