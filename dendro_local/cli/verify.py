"""``verify``: a job and what it came of, once more."""

import click

from dendro_local.cli.options import job_argument, json_option
from dendro_local.cli.output import print_json, say, show_count
from dendro_local.cli.store_hub import store_hub
from dendro_local.errors import NotVerified
from dendro_sync.verifying import VerifiedJob
from dendro_sync.verifying import verify as verify_job

__all__ = ["verify"]

_JOB = "{jobId, isVerified, keyId, signer, fault, files[{name, state, digest}]}"


@click.command(
    epilog=f"Ends with exit code 34 if a job is not verified. --json prints {{isVerified, "
    f"jobs[{_JOB}]}}, the job itself first; state is whole, there (not read), awaited, gone, "
    "changed, or elsewhere (a URL that is no file of a store)."
)
@job_argument
@click.option("--deep", is_flag=True, help="Read the files of all jobs, not only of this one.")
@json_option
def verify(job_id: str, deep: bool, as_json: bool) -> None:
    """Check a job and what it came of once more.

    The signatures and records of the job and of all jobs that it depends on, down to the inputs,
    and the bytes of its outputs.
    """
    hub = store_hub()
    found = verify_job(hub, hub.job_id(job_id), deep=deep)
    if as_json:
        print_json(found)
    else:
        for each in found.jobs:
            _show(each)
    wrong = [each for each in found.jobs if not each.isVerified]
    if wrong:
        raise NotVerified(
            f"{len(wrong)} of {show_count(len(found.jobs), 'job')} could not be verified."
        )
    if not as_json:
        say(f"All is as it was signed: {show_count(len(found.jobs), 'job')}.")


def _show(job: VerifiedJob) -> None:
    if job.fault is not None:
        click.echo(f"{job.jobId}  NOT VERIFIED  {job.fault}")
    else:
        click.echo(f"{job.jobId}  signed by {job.signer} ({job.keyId})")
    for file in job.files:
        digest = "" if file.digest is None else f"  {file.digest}"
        click.echo(f"  {file.state:9}  {file.name}{digest}")
