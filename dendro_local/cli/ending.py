"""``cancel`` and ``delete``: ends of jobs."""

from collections.abc import Sequence

import click

from dendro_local.cli.job_table import print_jobs
from dendro_local.cli.options import yes_option
from dendro_local.cli.output import Refused, say, show_count, show_size
from dendro_local.client.default_hub import default_hub
from dendro_local.hub import Hub, JobQuery
from dendro_local.lifecycle import TERMINAL
from dendro_local.model import Job, JobId

__all__ = ["cancel", "delete"]


@click.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
def cancel(job_ids: Sequence[str]) -> None:
    """Cancel jobs that are not finished.

    A job that runs is stopped; a canceled job is a failed one, with all that waited for it.
    """
    hub = default_hub()
    for job_id in [hub.job_id(text) for text in job_ids]:
        hub.cancel(job_id)
        click.echo(f"Canceled job {job_id}.")


@click.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@yes_option
def delete(job_ids: Sequence[str], yes: bool) -> None:
    """Delete jobs and the files that only they keep.

    Shows the jobs, and deletes them with --yes. One that runs is stopped; what waits for one of
    them fails.
    """
    hub = default_hub()
    found = list(dict.fromkeys(hub.job_id(text) for text in job_ids))
    gone = [hub.get_job(job_id) for job_id in found]
    print_jobs(gone)
    size = sum(result.size or 0 for job in gone for result in job.outputFileResults)
    waiting = [job.jobId for job in _waiting_for(hub, gone)]
    fails = f"; {', '.join(waiting)} would fail, waiting for them" if waiting else ""
    jobs = f"{show_count(len(gone), 'job')} with {show_size(size)} of outputs"
    if not yes:
        raise Refused(f"Nothing was deleted: {jobs}{fails}. Add --yes to delete.")
    hub.delete(found)
    say(f"Deleted {jobs}.")


def _waiting_for(hub: Hub, jobs: Sequence[Job]) -> Sequence[Job]:
    """The jobs that are not finished, beside these, and take an output of one of these."""
    ids = {job.jobId for job in jobs}
    found: dict[JobId, Job] = {}
    for job in jobs:
        for result in job.outputFileResults:
            for child in hub.find_jobs(JobQuery(input_url=result.url)) if result.url else ():
                if child.status not in TERMINAL and child.jobId not in ids:
                    found[child.jobId] = child
    return list(found.values())
