"""``pull``, ``push`` and ``sync``."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

from dendro_local.cli.exchange_report import ProgressLine, check_is_complete, say_report
from dendro_local.cli.options import json_option
from dendro_local.cli.output import print_json, say, show_duration
from dendro_local.cli.selection_options import (
    SelectionOptions,
    exchange_options,
    selection_options,
)
from dendro_local.cli.signals import on_first_signal
from dendro_local.cli.store_hub import store_hub
from dendro_sync.exchange import Exchange, sync_by
from dendro_sync.options import Outputs, PullOptions, PushOptions
from dendro_sync.report import Report, SyncReport
from dendro_sync.watching import WatchEvent, watch

__all__ = ["pull", "push", "sync"]

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

_REPORT = (
    "{direction, remote, is_dry_run, new, known, tagged, deleted, kept_deleted, apps, "
    "unknown_apps[], files, bytes, awaited_files, awaited_bytes, refused[{job_id, app, code, "
    "reason, key_id, public_key, digests}], refused_count, left_out[{job_id, reason}], "
    "left_out_count, awaiting_trust[{key_id, public_key, jobs}], requests, seconds}"
)
_ENDS = "Ends with exit code 33 if something was refused; all else was done then."
_STOPPED = "Stopped. The same command goes on from here."


def _common_options(command: _Decorated) -> _Decorated:
    for option in reversed(
        (
            click.argument("name", required=False),
            selection_options,
            exchange_options,
            click.option("--full", is_flag=True, help="Look at everything again."),
            click.option("--dry-run", is_flag=True, help="Only tell what would be moved."),
            click.option(
                "--progress/--no-progress",
                default=None,
                show_default="on a terminal",
                help="Tell how far it has come.",
            ),
            json_option,
        )
    ):
        command = option(command)
    return command


_require_option = click.option(
    "--require",
    metavar="N",
    type=click.IntRange(min=1),
    help="Only take jobs on whose outputs so many trusted producers agree.",
)


def _inputs_option(text: str) -> Callable[..., Any]:
    return click.option("--inputs", is_flag=True, help=text)


def _outputs_option(default: str, none: str, lazy: str, eager: str) -> Callable[..., Any]:
    return click.option(
        "--outputs",
        type=click.Choice(get_args(Outputs)),
        show_default=default,
        help=f"none: {none} lazy: {lazy} eager: {eager}",
    )


@click.command(epilog=f"{_ENDS} --json prints {_REPORT}")
@_common_options
@_outputs_option(
    "as the remote was added",
    "records alone.",
    "files come when they are first read.",
    "files come now.",
)
@_inputs_option(
    "Fetch files of other machines that jobs took as inputs, if they were pushed. Without, each "
    "comes when a job here is to read it."
)
@_require_option
def pull(
    name: str | None,
    outputs: Outputs | None,
    max_size: int | None,
    ancestors: bool,
    full: bool,
    dry_run: bool,
    inputs: bool,
    require: int | None,
    progress: bool | None,
    as_json: bool,
    **selected: Any,
) -> None:
    """Take in the jobs of a remote.

    Each job is verified, and taken if a key that is trusted signed it. NAME may be left out if
    there is but one remote. --full also brings again what came from there and was deleted here.
    """
    selection = SelectionOptions(selected).selection(are_here=False)
    line = ProgressLine(is_wanted=progress)
    with Exchange(store_hub(), name) as exchange:
        options = PullOptions(
            selection=selection,
            outputs=outputs or exchange.saved.settings.outputs,
            max_size=max_size,
            full=full,
            ancestors=ancestors,
            inputs=inputs,
            is_dry_run=dry_run,
        )
        with line.during(_STOPPED):
            report = exchange.pull(options, line.show, require=require)
    _end(report, as_json=as_json)


@click.command(epilog=f"{_ENDS} --json prints {_REPORT}")
@_common_options
@_outputs_option(
    "eager",
    "records alone.",
    "jobs are left out whose files were not fetched yet.",
    "such files are fetched first.",
)
@_inputs_option("Send files of this machine along that jobs took as inputs.")
def push(
    name: str | None,
    outputs: Outputs | None,
    max_size: int | None,
    ancestors: bool,
    full: bool,
    dry_run: bool,
    inputs: bool,
    progress: bool | None,
    as_json: bool,
    **selected: Any,
) -> None:
    """Have a remote take the jobs of the store.

    Finished jobs go, with their files. NAME may be left out if there is but one remote.
    """
    options = PushOptions(
        selection=SelectionOptions(selected).selection(are_here=True),
        outputs=outputs or "eager",
        max_size=max_size,
        full=full,
        ancestors=ancestors,
        inputs=inputs,
        is_dry_run=dry_run,
    )
    line = ProgressLine(is_wanted=progress)
    with Exchange(store_hub(), name) as exchange:
        exchange.check_may_push()
        with line.during(_STOPPED):
            report = exchange.push(options, line.show)
    _end(report, as_json=as_json)


@click.command(
    epilog=f"{_ENDS} --json prints {{push, pull}}, each {_REPORT}; with --watch a line for each "
    "exchange, {report, error, retry_sec}."
)
@_common_options
@_outputs_option(
    "as the remote was added",
    "records alone.",
    "files come when they are first read, and jobs are not pushed before that.",
    "files are moved now.",
)
@_inputs_option("Move files that jobs took as inputs, too.")
@_require_option
@click.option("--watch", "watches", is_flag=True, help="Go on until stopped.")
def sync(
    name: str | None,
    outputs: Outputs | None,
    max_size: int | None,
    ancestors: bool,
    full: bool,
    dry_run: bool,
    inputs: bool,
    require: int | None,
    watches: bool,
    progress: bool | None,
    as_json: bool,
    **selected: Any,
) -> None:
    """Push and pull, so that both ends are the same.

    A remote that can only be read is pulled from. NAME may be left out if there is but one.
    """
    if watches and (dry_run or full):
        raise click.UsageError("--watch goes neither with --dry-run nor with --full.")
    hub = store_hub()
    selection = SelectionOptions(selected).selection(are_here=False)
    line = ProgressLine(is_wanted=progress)
    with Exchange(hub, name) as exchange:
        push_options = PushOptions(
            selection=selection,
            outputs=outputs or "eager",
            max_size=max_size,
            full=full,
            ancestors=ancestors,
            inputs=inputs,
            is_dry_run=dry_run,
        )
        pull_options = PullOptions(
            selection=selection,
            outputs=outputs or exchange.saved.settings.outputs,
            max_size=max_size,
            full=full,
            ancestors=ancestors,
            inputs=inputs,
            is_dry_run=dry_run,
        )
        if not watches:
            with line.during(_STOPPED):
                report = sync_by(exchange, push_options, pull_options, line.show, require=require)
            _end_sync(report, as_json=as_json)
            return
    is_over = threading.Event()
    if not as_json:
        say("Keeping both ends together. Ctrl-C ends it.")
    with on_first_signal(lambda _: is_over.set()):
        watch(
            hub,
            name,
            push_options,
            pull_options,
            on_event=lambda event: _show_event(line, event, as_json=as_json),
            is_over=is_over,
            on_progress=line.show,
            require=require,
        )


def _end(report: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
    else:
        say_report(report)
    check_is_complete(report)


def _end_sync(report: SyncReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
    else:
        say_report(report.push)
        say_report(report.pull)
    check_is_complete(report.push, report.pull)


def _show_event(line: ProgressLine, event: WatchEvent, *, as_json: bool) -> None:
    line.clear()
    if as_json:
        print_json(event, on_one_line=True)
    elif event.report is not None:
        for report in (event.report.push, event.report.pull):
            if report.moved_anything() or not report.is_complete():
                say_report(report)
    elif event.error is not None:
        say(f"{event.error} Trying again in {show_duration(event.retry_sec or 0)}.")
