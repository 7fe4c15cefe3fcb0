"""How a program asks for the same as a job: a Python script, and a command of curl."""

import shlex
from collections.abc import Sequence

import msgspec

from dendro_local.file_urls import parse_file_url
from dendro_local.model import Job, JobDefinition

__all__ = ["curl_command", "python_script"]

HEAD = """\
# Asks the hub at DENDRO_API_URL with DENDRO_API_KEY; if they are not set, this machine's store.
from dendro_local import (
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)
"""

TAIL = "job.wait_until_done()\n"


def python_script(job: Job) -> str:
    """A script that submits what a job was submitted as; if the job is still there, it is found.

    Args:
        job: its record, with stable URLs: these are the same whatever address the hub has.
    """
    resources = job.requiredResources
    lines = [
        HEAD,
        *_remarks(job),
        "job = submit_job(",
        f"    service_name={job.serviceName!r},",
        "    job_definition=DendroJobDefinition(",
        *_definition(job.jobDefinition),
        "    ),",
        "    required_resources=DendroJobRequiredResources(",
        f"        numCpus={resources.numCpus!r},",
        f"        numGpus={resources.numGpus!r},",
        f"        memoryGb={resources.memoryGb!r},",
        f"        timeSec={resources.timeSec!r},",
        "    ),",
    ]
    if job.targetComputeClientIds is not None:
        lines.append(f"    target_compute_client_ids={job.targetComputeClientIds!r},")
    if job.tags:
        lines.append(f"    tags={job.tags!r},")
    return "\n".join([*lines, ")", TAIL])


def curl_command(job: Job, base: str) -> str:
    """A command for a shell that submits the same by the Dendro contract.

    Args:
        job: its record, with the hub's public URLs.
        base: where the hub is served.
    """
    request: dict[str, object] = {
        "type": "createJobRequest",
        "serviceName": job.serviceName,
        "userId": "",
        "batchId": job.batchId,
        "tags": job.tags,
        "jobDefinition": job.jobDefinition,
        "requiredResources": job.requiredResources,
        "secrets": [],
        "jobDependencies": job.jobDependencies,
    }
    if job.targetComputeClientIds is not None:
        request["targetComputeClientIds"] = job.targetComputeClientIds
    # In no line of JSON that is laid out so can the word that ends it stand alone.
    body = msgspec.json.format(msgspec.json.encode(request), indent=2).decode()
    return (
        f"curl --silent --show-error --fail-with-body {shlex.quote(f'{base}/api/createJob')} \\\n"
        '  --header "Authorization: Bearer $DENDRO_API_KEY" \\\n'
        '  --header "Content-Type: application/json" \\\n'
        f"  --data-binary @- <<'END'\n{body}\nEND\n"
    )


def _remarks(job: Job) -> Sequence[str]:
    """What a script cannot say of its job."""
    taken = [parse_file_url(file.url) for file in job.jobDefinition.inputFiles]
    parents = {each.job_id for each in taken if each is not None}
    others = [each for each in job.jobDependencies if each not in parents]
    return [f"# It also waited for these jobs: {', '.join(map(repr, others))}."] if others else []


def _definition(definition: JobDefinition) -> Sequence[str]:
    inputs = [
        f"DendroJobInputFile(name={each.name!r}, fileBaseName={each.fileBaseName!r}, "
        f"url={each.url!r}),"
        for each in definition.inputFiles
    ]
    outputs = [
        f"DendroJobOutputFile(name={each.name!r}, fileBaseName={each.fileBaseName!r}"
        + (
            f", urlDeterminedAtRuntime={each.urlDeterminedAtRuntime!r}),"
            if isinstance(each.urlDeterminedAtRuntime, bool)
            else "),"
        )
        for each in definition.outputFiles
    ]
    parameters = [
        f"DendroJobParameter(name={each.name!r}, value={each.value!r}),"
        for each in definition.parameters
    ]
    lines = [
        f"        appName={definition.appName!r},",
        f"        processorName={definition.processorName!r},",
        *_list("inputFiles", inputs),
        *_list("outputFiles", outputs),
        *_list("parameters", parameters),
    ]
    if isinstance(definition.cacheBust, str):
        lines.append(f"        cacheBust={definition.cacheBust!r},")
    return lines


def _list(name: str, entries: Sequence[str]) -> Sequence[str]:
    if not entries:
        return [f"        {name}=[],"]
    return [f"        {name}=[", *(f"            {entry}" for entry in entries), "        ],"]
