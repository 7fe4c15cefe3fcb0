"""The script and the command on a job's page: they run, and find the job or make its like."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import (
    Job,
    JobDefinition,
    JobId,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    RequiredResources,
)
from dendro_local.server.pages.job_code import curl_command, python_script
from dendro_local.server.urls import Urls
from tests.hub.conftest import Worker, counting  # noqa: F401 - a fixture
from tests.live_hub import LiveHub
from tests.server.conftest import OWNER, SERVICE

Making = Callable[..., NewJob]

NASTY = "it's \"quoted\" \\ $HOME `id` $(id)\n'''END\nEND\u2028\U0001f600"


def run(arguments: list[str], given: str, folder: Path, **environment: str) -> str:
    """What a program prints, which must do what it is to."""
    finished = subprocess.run(
        arguments,
        input=given,
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr + finished.stdout
    return finished.stdout


def of_record(definition: JobDefinition, **more: object) -> Job:
    """A job's record as a store would give it."""
    fields: Mapping[str, object] = {
        "jobId": JobId("a" * 20),
        "serviceName": SERVICE,
        "userId": OWNER,
        "batchId": "",
        "tags": [],
        "jobDefinition": definition,
        "jobDefinitionHash": "",
        "jobDependencies": [],
        "requiredResources": RequiredResources(numCpus=1, numGpus=0, memoryGb=0.5, timeSec=60),
        "inputFileUrlList": [],
        "outputFileUrlList": [],
        "outputFileResults": [],
        "consoleOutputUrl": "",
        "resourceUtilizationLogUrl": "",
        "timestampCreatedSec": 0.0,
        "isRunnable": True,
        **more,
    }
    return Job(**fields)  # type: ignore[arg-type]  # fields of the record


@pytest.mark.process
def test_the_script_finds_its_job_and_else_submits_and_runs_the_same(
    hub: LocalHub,
    worker: Worker,
    greeting: Making,
    counting: Making,  # noqa: F811
    tmp_path: Path,
) -> None:
    [parent] = hub.submit([greeting(NASTY, tags=["a b", NASTY])])
    parent = worker.complete(worker.claim())
    [child] = hub.submit([counting(parent, tags=["counted"])])
    worker.complete(worker.claim(), b"{}")
    hub.end_run(worker.run)

    for job in (parent, child):
        printed = run([sys.executable, "-"], python_script(hub.get_job(job.jobId)), tmp_path)
        assert printed == f"dendro:{job.jobId} completed\n"
    script = python_script(hub.get_job(parent.jobId))
    hub.delete([child.jobId, parent.jobId])
    last = run([sys.executable, "-"], script, tmp_path).splitlines()[-1]

    job_id = last.removeprefix("dendro:").removesuffix(" completed")
    again = hub.get_job(JobId(job_id))
    assert again.status == "completed"
    assert job_id != parent.jobId
    assert again.jobDefinition == parent.jobDefinition
    assert again.jobDefinitionHash == parent.jobDefinitionHash
    assert again.requiredResources == parent.requiredResources
    assert again.tags == parent.tags


@pytest.mark.process
def test_the_script_and_the_command_work_at_a_hub_with_a_key(
    hub: LocalHub,
    worker: Worker,
    greeting: Making,
    counting: Making,  # noqa: F811
    tmp_path: Path,
) -> None:
    [parent] = hub.submit([greeting("Ada")])
    parent = worker.complete(worker.claim())
    [child] = hub.submit([counting(parent, tags=[NASTY], targetComputeClientIds=["*"])])
    worker.complete(worker.claim(), b"{}")
    child = hub.get_job(child.jobId)
    live = LiveHub(hub)
    try:
        _, key = hub.add_api_key(OWNER)
        public = Urls(live.url, [live.url]).public_job(child)
        own = {"DENDRO_API_URL": live.url, "DENDRO_API_KEY": key, "NO_PROXY": "*"}
        printed = run([sys.executable, "-"], python_script(child), tmp_path, **own)
        reply = run(["sh", "-eu"], curl_command(public, live.url), tmp_path, **own)
    finally:
        live.stop()

    assert printed == f"{live.url}/jobs/{child.jobId} completed\n"
    found = json.loads(reply)["job"]
    assert (found["jobId"], found["tags"]) == (child.jobId, [NASTY])


def test_the_script_has_all_that_a_definition_can_have() -> None:
    definition = JobDefinition(
        appName=NASTY,
        processorName="p",
        inputFiles=[JobInputFile(name="in[0]", fileBaseName="a.nwb", url="https://a.b/c?d='e'")],
        outputFiles=[JobOutputFile(name="out", fileBaseName="o", urlDeterminedAtRuntime=True)],
        parameters=[
            JobParameter(name="list", value=["a", "b"]),
            JobParameter(name="number", value=1e-7),
            JobParameter(name="none", value=None),
            JobParameter(name="yes", value=True),
        ],
        cacheBust=NASTY,
    )
    job = of_record(
        definition, tags=[NASTY], targetComputeClientIds=["client"], jobDependencies=["b" * 20]
    )

    script = python_script(job)

    call = next(
        node
        for node in ast.walk(ast.parse(script))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "submit_job"
    )
    given = {each.arg: each.value for each in call.keywords}
    assert ast.literal_eval(given["tags"]) == [NASTY]
    assert ast.literal_eval(given["target_compute_client_ids"]) == ["client"]
    assert f"# It also waited for these jobs: '{'b' * 20}'." in script
    parts = given["job_definition"]
    assert isinstance(parts, ast.Call)
    values = {each.arg: each.value for each in parts.keywords}
    assert ast.literal_eval(values["appName"]) == NASTY
    assert ast.literal_eval(values["cacheBust"]) == NASTY
    for text in ("'https://a.b/c?d=\\'e\\''", "urlDeterminedAtRuntime=True", "value=1e-07"):
        assert text in script.replace("\"https://a.b/c?d='e'\"", "'https://a.b/c?d=\\'e\\''")
