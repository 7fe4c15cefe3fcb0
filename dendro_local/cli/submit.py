"""``submit`` and ``rerun``: new jobs."""

from collections.abc import Sequence
from pathlib import Path

import click

from dendro_local.cli.definition_options import (
    Pair,
    definition_options,
    input_places,
    output_names,
    parameter_values,
    processor_named,
)
from dendro_local.cli.number_types import NumberRange, WholeNumberRange
from dendro_local.cli.options import job_argument, json_option, one_service_option
from dendro_local.cli.output import print_json, say, show_time
from dendro_local.cli.places import read_place
from dendro_local.cli.waiting import wait_for
from dendro_local.client import (
    DendroJob,
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)
from dendro_local.client.default_hub import default_hub
from dendro_local.errors import JobFailed
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.untaken import read_untaken
from dendro_local.model import AppSpecification

__all__ = ["rerun", "submit"]

_WAIT_HELP = (
    "Wait until the job ends, showing its progress on stderr. It runs in this process if no "
    "compute client is alive. A job that fails ends this command with exit code "
    f"{JobFailed.exit_code}."
)


@click.command(
    epilog="The answer is the job's id on stdout; with --json its record, as `job --json` has it."
)
@click.argument("app")
@click.argument("processor")
@definition_options
@one_service_option
@click.option("--tag", "tags", metavar="WORD", multiple=True, help="A word to find the job by.")
@click.option(
    "--cpus",
    metavar="N",
    type=WholeNumberRange(min=0),
    default=1,
    show_default=True,
    help="CPUs that the job needs.",
)
@click.option(
    "--gpus",
    metavar="N",
    type=WholeNumberRange(min=0),
    default=0,
    show_default=True,
    help="GPUs that the job needs.",
)
@click.option(
    "--memory",
    metavar="GB",
    type=NumberRange(min=0, min_open=True),
    default=4,
    show_default=True,
    help="Memory that the job needs, in GB.",
)
@click.option(
    "--time",
    "time_sec",
    metavar="SEC",
    type=NumberRange(min=0, min_open=True),
    default=86400,
    show_default=True,
    help="How long the job may run, in seconds; then it is stopped and fails.",
)
@click.option("--skip-cache", is_flag=True, help="Make a new job, whatever is there.")
@click.option("--rerun-failing", is_flag=True, help="Make a new job if the one there is failed.")
@click.option("--delete-failing", is_flag=True, help="With --rerun-failing, delete that one.")
@click.option(
    "--target",
    "targets",
    metavar="CLIENT_ID",
    multiple=True,
    show_default="any",
    help="Only this compute client may run the job; may be given several times. `dendro-local "
    "info` lists those that are alive.",
)
@click.option("--wait", "waits", is_flag=True, help=_WAIT_HELP)
@json_option
def submit(
    app: str,
    processor: str,
    inputs: Sequence[Pair],
    outputs: Sequence[Pair],
    parameters: Sequence[Pair],
    service: str,
    tags: Sequence[str],
    cpus: int,
    gpus: int,
    memory: float,
    time_sec: float,
    skip_cache: bool,
    rerun_failing: bool,
    delete_failing: bool,
    targets: Sequence[str],
    waits: bool,
    as_json: bool,
) -> None:
    """Submit a job, or find the one that did it.

    PROCESSOR is one of the processors of APP; `dendro-local apps show APP` lists what each takes
    and gives. A job of the same definition that is pending, running or completed is not made
    again: its id is the answer.
    """
    if delete_failing and not rerun_failing:
        raise click.UsageError("--delete-failing goes with --rerun-failing.")
    hub = default_hub()
    specification = hub.app(service, app).record.appSpecification
    begun_at = hub.now()
    job = submit_job(
        service_name=service,
        job_definition=_definition(specification, processor, inputs, outputs, parameters),
        required_resources=DendroJobRequiredResources(
            numCpus=cpus, numGpus=gpus, memoryGb=memory, timeSec=time_sec
        ),
        target_compute_client_ids=list(targets) or None,
        tags=tags,
        skip_cache=skip_cache,
        rerun_failing=rerun_failing,
        delete_failing=delete_failing,
    )
    _tell_if_found(job, begun_at)
    if not (skip_cache or rerun_failing) and isinstance(hub, LocalHub):
        _tell_why_not_found(hub, job, begun_at)
    _answer(job, waits=waits, as_json=as_json)


@click.command(
    epilog="The answer is the new job's id on stdout; with --json its record, as `job --json` has "
    "it."
)
@job_argument
@click.option("--wait", "waits", is_flag=True, help=_WAIT_HELP)
@json_option
def rerun(job_id: str, waits: bool, as_json: bool) -> None:
    """Run a job again, whatever the cache has.

    Submits a new job of the same definition, with the same resources, tags and targets. The job
    that is there stays as it is.
    """
    hub = default_hub()
    job = DendroJob(hub.rerun(hub.job_id(job_id)), hub)
    _answer(job, waits=waits, as_json=as_json)


def _definition(
    app: AppSpecification,
    processor_name: str,
    inputs: Sequence[Pair],
    outputs: Sequence[Pair],
    parameters: Sequence[Pair],
) -> DendroJobDefinition:
    processor = processor_named(app, processor_name)
    return DendroJobDefinition(
        appName=app.name,
        processorName=processor_name,
        inputFiles=[_input(name, text) for name, text in input_places(processor, inputs).items()],
        outputFiles=[
            DendroJobOutputFile(
                name=output.name,
                fileBaseName=file_name,
                urlDeterminedAtRuntime=True if output.urlDeterminedAtRuntime is True else None,
            )
            for output, file_name in output_names(processor, outputs)
        ],
        parameters=[
            DendroJobParameter(name=name, value=value)
            for name, value in parameter_values(processor, parameters).items()
        ],
    )


def _input(name: str, text: str) -> DendroJobInputFile:
    place = read_place(text, "-i")
    if isinstance(place, Path):
        return DendroJobInputFile(name=name, path=place)
    return DendroJobInputFile(name=name, url=place)


def _tell_if_found(job: DendroJob, begun_at: float) -> None:
    created_at: float = job.timestampCreatedSec
    if created_at >= begun_at:
        return
    again = " --rerun-failing runs it again." if job.status == "failed" else ""
    say(f"Found a job of {show_time(created_at)}, {job.status}; no new one was made.{again}")


def _tell_why_not_found(hub: LocalHub, job: DendroJob, begun_at: float) -> None:
    """Tell why an earlier job did not serve, if a new one was made although there is one."""
    note = hub.stored(job.jobId).note
    is_told = read_untaken(note) is not None  # by the hub, when it asked the remote
    if note is not None and not is_told and job.timestampCreatedSec >= begun_at:
        say(note)


def _answer(job: DendroJob, *, waits: bool, as_json: bool) -> None:
    """Print the job, now or when it has ended."""
    if not as_json:
        click.echo(job.jobId)
    if waits:
        wait_for(job)
    if as_json:
        print_json(default_hub().get_job(job.jobId))
    if waits and job.status == "failed":
        raise JobFailed(f"Job {job.jobId} failed: {job.error}")
    if job.status == "pending" and not default_hub().has_compute_client():
        say("No compute client is alive to run it: `dendro-local work` starts one.")
