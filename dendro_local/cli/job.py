"""``job`` and ``why``: one job."""

import json

import click
from msgspec import to_builtins

from dendro_local.cli.job_table import duration_sec
from dendro_local.cli.options import job_argument, json_option
from dendro_local.cli.output import (
    print_fields,
    print_json,
    show_count,
    show_duration,
    show_size,
    show_time,
    styled_status,
)
from dendro_local.client.default_hub import default_hub
from dendro_local.errors import JobNotFound, OutputNotFound
from dendro_local.hub import Hub
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.job_views import JobViews
from dendro_local.model import Job, JobId, JobInputFile, OutputFileResult
from dendro_local.store.origins import JobOrigin

__all__ = ["job", "why"]


@click.command(
    epilog="--json prints the job record with the fields of the Dendro contract. Times are seconds "
    "since 1970, UTC; files that the store owns have URLs that begin with dendro:. A job that came "
    "from elsewhere has origin{origin, arrived_at, key_id, is_verified} too. With --usage it "
    "prints a list of samples, each with the fields of the lines of the contract's log: timestamp, "
    "cpu, virtual_memory, disk_io_counters, net_io_counters, gpu."
)
@job_argument
@click.option(
    "--usage", "shows_usage", is_flag=True, help="Show the CPU, memory, disk and GPU that it used."
)
@json_option
def job(job_id: str, shows_usage: bool, as_json: bool) -> None:
    """Show everything about a job.

    Inputs and outputs are shown with their URLs, and with the files of this machine: those that
    were submitted, and those with the outputs of a completed job.
    """
    hub = default_hub()
    record = hub.get_job(hub.job_id(job_id))
    if shows_usage:
        from dendro_local.cli.usage import show_usage  # it imports the compute client

        show_usage(hub, record, as_json=as_json)
    elif as_json:
        origin = _origin(hub, record)
        # Not a field of the contract: only where there is something to tell.
        print_json(record if origin is None else {**to_builtins(record), "origin": origin})
    else:
        _show(hub, record)


@click.command(epilog="--json prints {jobId, status, why}.")
@job_argument
@json_option
def why(job_id: str, as_json: bool) -> None:
    """Say why a job is in the state that it is in.

    For a pending job, what it waits for; for a failed one, its error; and why a job ran although
    one of the same definition was there.
    """
    hub = default_hub()
    record = hub.get_job(hub.job_id(job_id))
    reason = hub.why(record.jobId)
    if as_json:
        print_json({"jobId": record.jobId, "status": record.status, "why": reason})
    else:
        click.echo(reason)


def _show(hub: Hub, record: Job) -> None:
    definition = record.jobDefinition
    paths = hub.input_paths(record.jobId) if isinstance(hub, LocalHub) else {}
    click.echo(f"Job {record.jobId}")
    print_fields([*_facts(record), *_came_from(hub, record)], indent=2)
    sections: dict[str, list[tuple[str, str]]] = {
        "Inputs": [
            (file.name, _input(file, paths.get(file.url))) for file in definition.inputFiles
        ],
        "Parameters": [
            (each.name, json.dumps(each.value, ensure_ascii=False))
            for each in definition.parameters
        ],
        "Depends on": [(each, _status(hub, each)) for each in record.jobDependencies],
        "Outputs": [
            (result.name, _output(hub, record, result)) for result in record.outputFileResults
        ],
        "Other files": [
            (each.name, f"{_place(hub, record, each.name)}\n{each.url}")
            for each in record.otherFileOutputs or ()
        ],
    }
    for title, fields in sections.items():
        if fields:
            click.echo(f"\n{title}")
            print_fields(fields, indent=2)
    click.echo(f"\n{hub.why(record.jobId)}")


def _facts(record: Job) -> list[tuple[str, str]]:
    """What is known of a job, by name, without what is not."""
    definition = record.jobDefinition
    needs = record.requiredResources
    begun_at, took_sec = record.timestampStartingSec, duration_sec(record)
    facts = (
        ("Status", styled_status(record.status)),
        ("Processor", f"{definition.appName}/{definition.processorName}"),
        ("Service", record.serviceName),
        ("Tags", ", ".join(record.tags)),
        ("Submitted", show_time(record.timestampCreatedSec, with_zone=True)),
        ("By", record.userId),
        ("Started", "" if begun_at is None else show_time(begun_at, with_zone=True)),
        ("Took", "" if took_sec is None else show_duration(took_sec)),
        ("Ran on", record.computeClientName or ""),
        ("Image", record.imageUri or ""),
        (
            "Needs",
            f"{show_count(needs.numCpus, 'CPU')}, {show_count(needs.numGpus, 'GPU')}, "
            f"{needs.memoryGb:g} GB, at most {show_duration(needs.timeSec)}",
        ),
        ("Only on", ", ".join(record.targetComputeClientIds or ())),
        ("Hash", record.jobDefinitionHash),
    )
    return [(name, value) for name, value in facts if value]


def _origin(hub: Hub, record: Job) -> JobOrigin | None:
    """Where a job of the store of this machine came from, if it did not run here."""
    return hub.job_origin(record.jobId) if isinstance(hub, LocalHub) else None


def _came_from(hub: Hub, record: Job) -> list[tuple[str, str]]:
    facts = JobViews(hub).origin(record.jobId) if isinstance(hub, LocalHub) else None
    if facts is None:
        return []
    origin = facts.origin
    if origin.is_verified:
        name = facts.key_name or "that is not trusted any more"
        signed = f"signature verified: key {name} ({origin.key_id})"
    elif origin.key_id is not None:
        signed = f"signature NOT VERIFIED: key {origin.key_id}"
    else:
        signed = "NOT VERIFIED: no trusted key has signed it"
    place = origin.origin
    words = f"pushed by {place[5:]}" if place.startswith("user:") else place
    return [("Came from", f"{words}, {show_time(origin.arrived_at)}; {signed}")]


def _status(hub: Hub, job_id: JobId) -> str:
    try:
        return styled_status(hub.get_job(job_id).status)
    except JobNotFound:
        return "deleted"


def _input(file: JobInputFile, path: str | None) -> str:
    """What an input is: as what its app sees it, the file that was submitted, and its URL."""
    submitted = "" if path is None else f"{path}\n"
    return f"{file.fileBaseName}\n{submitted}{file.url}"


def _output(hub: Hub, record: Job, result: OutputFileResult) -> str:
    """Where an output is: its URL, and the file of this machine with its bytes, if it is here."""
    url = result.url or "its URL is known when the job has run"
    if record.status != "completed":
        return f"{result.fileBaseName}\n{url}"
    size = "" if result.size is None else f" ({show_size(result.size)})"
    return f"{_place(hub, record, result.name)}{size}\n{url}"


def _place(hub: Hub, record: Job, name: str) -> str:
    """The file of this machine with the bytes of an output, or where else they are."""
    try:
        return str(hub.output_file(record.jobId, name, fetch=False))
    except OutputNotFound as error:
        return _absent(hub, record, name) or str(error)


def _absent(hub: Hub, record: Job, name: str) -> str | None:
    """Where an output is that is not here; None if there is more to say of it."""
    remotes = hub.awaited_from(record.jobId, name) if isinstance(hub, LocalHub) else []
    if not remotes:
        return None
    return f"on remote {' or '.join(remotes)}, not fetched yet"
