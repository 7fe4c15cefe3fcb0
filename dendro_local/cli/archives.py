"""``export`` and ``import``: jobs in one file."""

from pathlib import Path
from typing import Any

import click

from dendro_local.cli.exchange_report import ProgressLine, check_is_complete, say_report
from dendro_local.cli.options import json_option
from dendro_local.cli.output import print_json
from dendro_local.cli.selection_options import (
    SelectionOptions,
    exchange_options,
    selection_options,
)
from dendro_local.cli.store_hub import store_hub
from dendro_sync.archives import export_jobs, import_jobs
from dendro_sync.report import Report

__all__ = ["export", "import_"]

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command(epilog="--json prints what `push --json` does.")
@_file
@selection_options
@exchange_options
@click.option(
    "--inputs", is_flag=True, help="Send files of this machine along that jobs took as inputs."
)
@json_option
def export(
    file: Path,
    max_size: int | None,
    ancestors: bool,
    inputs: bool,
    as_json: bool,
    **selected: Any,
) -> None:
    """Write jobs with their outputs to one file.

    FILE is a zip archive, which `dendro-local import` takes anywhere. Jobs bring those that they
    depend on.
    """
    selection = SelectionOptions(selected).selection(are_here=True)
    line = ProgressLine(is_wanted=None)
    with line.during("Stopped. No archive was written.", keeps=False):
        report = export_jobs(
            store_hub(),
            file,
            selection=selection,
            ancestors=ancestors,
            inputs=inputs,
            max_size=max_size,
            on_progress=line.show,
        )
    _end(report, "export", as_json=as_json)


@click.command(
    "import",
    epilog="Ends with exit code 33 if something was refused. --json prints what `pull --json` "
    "does.",
)
@_file
@selection_options
@exchange_options
@click.option(
    "--allow-unsigned", is_flag=True, help="Take what nobody signed whose key is trusted."
)
@click.option(
    "--require",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="Only take jobs on whose outputs so many trusted producers agree.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would come.")
@json_option
def import_(
    file: Path,
    max_size: int | None,
    ancestors: bool,
    allow_unsigned: bool,
    require: int,
    dry_run: bool,
    as_json: bool,
    **selected: Any,
) -> None:
    """Take in the jobs of such a file.

    Each job is verified, as when it is pulled, and hits afterwards.
    """
    if not file.exists():
        raise click.BadParameter(f"there is no file {file}.", param_hint="FILE")
    selection = SelectionOptions(selected).selection(are_here=False)
    line = ProgressLine(is_wanted=None)
    stopped = "Stopped. What has come is kept; the same command goes on from here."
    with line.during(stopped, done="import"):
        report = import_jobs(
            store_hub(),
            file,
            selection=selection,
            max_size=max_size,
            ancestors=ancestors,
            allow_unsigned=allow_unsigned,
            require=require,
            dry_run=dry_run,
            on_progress=line.show,
        )
    _end(report, "import", as_json=as_json)


def _end(report: Report, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
    else:
        say_report(report, done=done)
    check_is_complete(report, is_import=done == "import")
