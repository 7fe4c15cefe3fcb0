"""``verify``: a job and what it came of, once more."""

import click

from dendro_local.cli.options import job_argument, json_option
from dendro_local.cli.output import print_json, say, show_count
from dendro_local.cli.store_hub import store_hub
from dendro_local.errors import NotVerified, OutputNotFound
from dendro_sync.verifying import FileState, Verification, VerifiedJob
from dendro_sync.verifying import verify as verify_job

__all__ = ["verify"]

_JOB = "{jobId, isVerified, keyId, signer, fault, files[{name, state, digest}]}"


@click.command(
    epilog="Ends with exit code 34 if a job is not verified, and 14 if a file is gone. --json "
    f"prints {{isVerified, jobs[{_JOB}]}}, the job itself first; isVerified is of signatures, "
    "records and the bytes that are here; state is whole, there (not read), awaited, gone, "
    "changed, or elsewhere (a URL that is no file of a store, or a file of another machine)."
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
        say(_end(found))
    gone = _in_state(found, "gone")
    if gone:
        raise OutputNotFound(
            f"{show_count(gone, 'file')} {'is' if gone == 1 else 'are'} not in the store any more, "
            "so that their bytes cannot be checked. Pulling the job again, or submitting it again, "
            "brings outputs back."
        )


def _end(found: Verification) -> str:
    jobs = show_count(len(found.jobs), "job")
    absent = _in_state(found, "gone") + _in_state(found, "awaited")
    if not absent:
        return f"All is as it was signed: {jobs}."
    text = f"Signatures and records of {jobs} are right; {show_count(absent, 'file')} "
    text += "is not here" if absent == 1 else "are not here"
    awaited = _in_state(found, "awaited")
    if awaited:
        text += f" ({awaited} to be fetched when first read)"
    return f"{text}."


def _in_state(found: Verification, state: FileState) -> int:
    """How many files are so, each counted once."""
    files = [file for job in found.jobs for file in job.files if file.state == state]
    return len({file.digest or file.name for file in files})


def _show(job: VerifiedJob) -> None:
    if job.fault is not None:
        click.echo(f"{job.jobId}  NOT VERIFIED  {job.fault}")
    else:
        click.echo(f"{job.jobId}  signed by {job.signer} ({job.keyId})")
    for file in job.files:
        digest = "" if file.digest is None else f"  {file.digest}"
        click.echo(f"  {file.state:9}  {file.name}{digest}")
