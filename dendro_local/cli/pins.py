"""``pin``, ``unpin`` and ``pins``: jobs that are never pruned."""

from collections.abc import Sequence

import click

from dendro_local.cli.job_table import print_jobs
from dendro_local.cli.options import json_option
from dendro_local.cli.output import print_json, say
from dendro_local.cli.store_hub import store_hub

__all__ = ["pin", "pins", "unpin"]


@click.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
def pin(job_ids: Sequence[str]) -> None:
    """Keep jobs, and what they depend on, from being pruned.

    `dendro-local delete` still deletes them.
    """
    hub = store_hub()
    found = [hub.job_id(text) for text in job_ids]
    hub.pin(found)
    for job_id in dict.fromkeys(found):
        click.echo(f"Pinned job {job_id}.")


@click.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
def unpin(job_ids: Sequence[str]) -> None:
    """Let pinned jobs be pruned again."""
    hub = store_hub()
    found = [hub.job_id(text) for text in job_ids]
    unpinned = hub.unpin(found)
    for job_id in dict.fromkeys(found):
        if job_id in unpinned:
            click.echo(f"Unpinned job {job_id}.")
        else:
            say(f"Job {job_id} was not pinned.")


@click.command(epilog="--json prints an array of job records, as `jobs --json` has them.")
@json_option
def pins(as_json: bool) -> None:
    """List pinned jobs.

    What they depend on is kept too, and not listed.
    """
    found = store_hub().pinned_jobs()
    if as_json:
        print_json(found)
    elif found:
        print_jobs(found)
    else:
        say("No job is pinned. `dendro-local pin ID` pins one.")
