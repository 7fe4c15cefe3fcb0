"""Jobs as rows of a table."""

import time
from collections.abc import Sequence

from dendro_local.cli.output import print_table, show_duration, show_time
from dendro_local.model import Job

__all__ = ["duration_sec", "print_jobs"]

SHOWN_ID = 8
"""How much of an id is shown: enough to name one job among millions."""


def print_jobs(jobs: Sequence[Job]) -> None:
    """Print a table of jobs, one in a line."""
    print_table(
        ("ID", "STATUS", "PROCESSOR", "CREATED", "TOOK", "TAGS"),
        [_row(job) for job in jobs],
        may_cut=("PROCESSOR", "TAGS"),
    )


def duration_sec(job: Job) -> float | None:
    """How long the job ran, or has been running; None if it has not begun."""
    if job.timestampStartingSec is None:
        return None
    return (job.timestampFinishedSec or time.time()) - job.timestampStartingSec


def _row(job: Job) -> Sequence[str]:
    definition = job.jobDefinition
    took_sec = duration_sec(job)
    return (
        job.jobId[:SHOWN_ID],
        job.status,
        f"{definition.appName}/{definition.processorName}",
        show_time(job.timestampCreatedSec),
        "" if took_sec is None else show_duration(took_sec),
        ", ".join(job.tags),
    )
