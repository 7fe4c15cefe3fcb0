"""``prune``: remove what is not needed any more."""

from collections.abc import Sequence

import click
import msgspec

from dendro_local.cli.job_table import SHOWN_ID
from dendro_local.cli.options import json_option, yes_option
from dendro_local.cli.output import (
    Refused,
    print_json,
    print_table,
    say,
    show_count,
    show_size,
    show_time,
)
from dendro_local.cli.quantities import age_sec, size_bytes
from dendro_local.cli.store_hub import store_hub
from dendro_local.local_hub.pruning import PrunedJob, PrunePlan, PruneRules
from dendro_local.model import JobStatus

__all__ = ["prune"]


class PruneAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What ``prune --json`` prints."""

    is_done: bool
    jobs: list[PrunedJob]
    freed_bytes: int
    kept: int
    not_recomputable: int
    children: int


@click.command(
    epilog="--json prints {is_done, jobs[{job_id, app, processor, status, finished_at, size_bytes, "
    "freed_bytes}], freed_bytes, kept, not_recomputable, children}; is_done is false without "
    "--yes, and children are jobs that stay and took an output of one that goes."
)
@click.option(
    "--older-than", metavar="AGE", type=age_sec, help="Finished longer ago: 12h, 30d, 8w."
)
@click.option(
    "--larger-than",
    metavar="SIZE",
    type=size_bytes,
    help="With files of more than this: 500MB, 1GB.",
)
@click.option(
    "--tag", "tags", metavar="WORD", multiple=True, help="With this tag; with all, if several."
)
@click.option("--status", type=click.Choice(["completed", "failed"]), help="Of this status.")
@click.option(
    "--recomputable",
    is_flag=True,
    help="Drop only the outputs, and only of jobs that can run again; keep the records.",
)
@click.option(
    "--to-size",
    metavar="SIZE",
    type=size_bytes,
    help="First finished first, and only until all files fit into this: 50GB.",
)
@yes_option
@json_option
def prune(
    older_than: float | None,
    larger_than: int | None,
    tags: Sequence[str],
    status: JobStatus | None,
    recomputable: bool,
    to_size: int | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove finished jobs, or their outputs, by rules.

    Takes the jobs to which all that is given applies, shows them, and removes them with --yes:
    records, and the files that nobody else has. Pinned jobs and what they depend on stay, as
    does what a job that is not finished needs.
    """
    rules = PruneRules(
        older_than_sec=older_than,
        larger_than_bytes=larger_than,
        tags=tuple(tags),
        status=status,
        recomputable=recomputable,
        to_size_bytes=to_size,
    )
    if rules == PruneRules():
        raise click.UsageError("Say what to prune, for example --older-than 30d.")
    hub = store_hub()
    plan = hub.plan_prune(rules)
    if yes:
        plan = hub.prune(plan)
    _show(plan, is_done=yes, as_json=as_json)


def _show(plan: PrunePlan, *, is_done: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            PruneAnswer(
                is_done=is_done,
                jobs=plan.jobs,
                freed_bytes=plan.freed_bytes,
                kept=plan.kept,
                not_recomputable=plan.not_recomputable,
                children=plan.children,
            )
        )
    elif plan.jobs:
        print_table(
            ("ID", "STATUS", "PROCESSOR", "FINISHED", "SIZE", "FREES"),
            [_row(job) for job in plan.jobs],
            may_cut=("PROCESSOR",),
        )
    for line in _beside(plan):
        say(line)
    if not plan.jobs:
        say("Nothing to prune.")
        return
    jobs = show_count(len(plan.jobs), "job")
    what = f"the outputs of {jobs}" if plan.rules.recomputable else jobs
    freed = show_size(plan.freed_bytes)
    if not is_done:
        raise Refused(f"Nothing was removed. Add --yes to remove {what}, which frees {freed}.")
    say(f"Removed {what}, which freed {freed}.")


def _beside(plan: PrunePlan) -> Sequence[str]:
    """What is told about jobs that stay."""
    lines: list[str] = []
    if plan.kept:
        lines.append(f"Kept, because pinned or needed: {show_count(plan.kept, 'job')}.")
    if plan.not_recomputable:
        lines.append(
            f"Kept, because not to be run again: {show_count(plan.not_recomputable, 'job')}."
        )
    if plan.children:
        lines.append(
            f"Took outputs of these and stay with their own: {show_count(plan.children, 'job')}."
        )
    return lines


def _row(job: PrunedJob) -> Sequence[str]:
    return (
        job.job_id[:SHOWN_ID],
        job.status,
        f"{job.app}/{job.processor}",
        show_time(job.finished_at),
        show_size(job.size_bytes),
        show_size(job.freed_bytes),
    )
