"""``logs``: what a job has printed."""

from collections.abc import Iterator

import click

from dendro_local.cli.options import job_argument
from dendro_local.cli.output import say
from dendro_local.client.default_hub import default_hub
from dendro_local.hub import Hub
from dendro_local.lifecycle import TERMINAL
from dendro_local.model import JobId

__all__ = ["logs"]

LOOK_SEC = 0.5
"""How often to look for more of what a job prints, of which nothing in the store tells."""


@click.command()
@job_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the job ends.")
def logs(job_id: str, follow: bool) -> None:
    """Print what a job has printed.

    The bytes are those that its app wrote to its stdout and stderr, as far as it has come.
    """
    hub = default_hub()
    found = hub.job_id(job_id)
    has_printed = False
    for part in _followed(hub, found) if follow else [hub.console(found)]:
        has_printed = has_printed or bool(part)
        click.echo(part, nl=False)
    if not has_printed:
        say(f"Job {found} ({hub.get_job(found).status}) has printed nothing.")


def _followed(hub: Hub, job_id: JobId) -> Iterator[bytes]:
    """What the job prints, part by part, until it has ended."""
    offset = 0
    begun_at: float | None = None
    told = ""
    changes = hub.changes([job_id])
    try:
        while True:
            job = hub.get_job(job_id)  # before its console: what it printed last is not missed
            if job.status == "pending" and (reason := hub.why(job_id)) != told:
                told = reason
                say(reason)
            if job.timestampStartingSec != begun_at:
                offset, begun_at = 0, job.timestampStartingSec  # another attempt prints anew
            part = hub.console(job_id, offset)
            offset += len(part)
            yield part
            if job.status in TERMINAL:
                return
            changes.wait(LOOK_SEC)
    finally:
        changes.close()
