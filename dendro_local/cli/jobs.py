"""``jobs``: lists."""

from collections.abc import Sequence
from typing import get_args

import click

from dendro_local.cli.job_table import print_jobs
from dendro_local.cli.number_types import WholeNumberRange
from dendro_local.cli.options import any_service_option, json_option
from dendro_local.cli.output import print_json, say
from dendro_local.cli.places import url_of_place
from dendro_local.client.default_hub import default_hub
from dendro_local.hub import JobQuery
from dendro_local.model import JobStatus

__all__ = ["jobs"]

_PLACE = "a file of this machine, a URL, or dendro:JOBID/OUTPUT."


@click.command(
    epilog="--json prints an array of job records with the fields of the Dendro contract, as "
    "`job --json` has them."
)
@click.option("--status", type=click.Choice(get_args(JobStatus)), help="Only of this status.")
@any_service_option
@click.option("--app", metavar="NAME", help="Only of this app.")
@click.option("--processor", metavar="NAME", help="Only of this processor.")
@click.option(
    "--tag", "tags", metavar="WORD", multiple=True, help="Only with this tag; with all, if several."
)
@click.option("--user", metavar="USER_ID", help="Only submitted by this user.")
@click.option("--input-url", "input_place", metavar="PLACE", help=f"Only with this input: {_PLACE}")
@click.option(
    "--output-url", "output_place", metavar="PLACE", help=f"Only that gave this: {_PLACE}"
)
@click.option(
    "--limit",
    metavar="N",
    type=WholeNumberRange(min=1),
    default=100,
    show_default=True,
    help="At most this many jobs.",
)
@json_option
def jobs(
    status: JobStatus | None,
    service: str | None,
    app: str | None,
    processor: str | None,
    tags: Sequence[str],
    user: str | None,
    input_place: str | None,
    output_place: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List jobs, latest update first."""
    query = JobQuery(
        status=status,
        service=service,
        app=app,
        processor=processor,
        tags=tuple(tags),
        user=user,
        input_url=None if input_place is None else url_of_place(input_place, "--input-url"),
        output_url=None if output_place is None else url_of_place(output_place, "--output-url"),
        limit=limit + 1,  # one more tells whether there are more
    )
    hub = default_hub()
    found = hub.find_jobs(query)
    if as_json:
        print_json(found[:limit])
    elif found:
        print_jobs(found[:limit])
    elif query == JobQuery(limit=query.limit):
        say(
            f"No jobs yet in {hub.place}. "
            "`dendro-local submit hello_world hello_world_1` makes one."
        )
    else:
        say("No such jobs. `dendro-local jobs` lists all that there are.")
    if len(found) > limit:
        say(f"There are more; --limit shows more than {limit}.")
