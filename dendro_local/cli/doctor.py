"""``doctor``: check the store, and repair it."""

import sys
import time
from pathlib import Path

import click

from dendro_local.cli.options import json_option
from dendro_local.cli.output import print_json, say, show_count, show_size
from dendro_local.cli.store_hub import store_hub
from dendro_local.compute.adopted_process import can_be_adopted
from dendro_local.compute.app_process import end_leftover
from dendro_local.compute.job_folder import JobFolder
from dendro_local.errors import StoreDamaged
from dendro_local.local_hub.findings import Examination, Finding

__all__ = ["doctor"]

SHOW_EVERY_SEC = 0.5


@click.command(
    epilog="Ends with exit code 42 if an error was found and not repaired. --json prints "
    "{findings[{check, severity, subject, message, remedy, is_repairable, is_repaired}], jobs, "
    "blobs, blob_bytes}; severity is error, warning or info, and subject is a job or file."
)
@click.option(
    "--repair",
    is_flag=True,
    help="Repair what can be, losing nothing that is whole: a damaged file is moved away, and its "
    "job runs again when it is submitted.",
)
@click.option("--quick", is_flag=True, help="Do not read the files to compare their digests.")
@json_option
def doctor(repair: bool, quick: bool, as_json: bool) -> None:
    """Check the store, and repair it with --repair.

    Checks the database, every record against its files, every file against its digest, files
    that no record names, what processes left behind, jobs that wait for nothing, permissions and
    the room on the disk. The store may be in use.
    """
    progress = _Progress()
    found = store_hub().examine(
        _RunFolders(), repair=repair, quick=quick, on_progress=progress.show
    )
    progress.clear()
    if as_json:
        print_json(found)
    else:
        for finding in found.findings:
            _show(finding)
    _end(found)


class _RunFolders:
    """The working folders of jobs, as compute clients make them."""

    def can_go_on(self, folder: Path, /) -> bool:
        """Whether a compute client can take over what is in it."""
        return can_be_adopted(JobFolder(folder))

    def end(self, folder: Path, /) -> None:
        """End the processes that still work in it."""
        end_leftover(folder, JobFolder(folder).process())

    def remove(self, folder: Path, /) -> None:
        """Remove it."""
        JobFolder(folder).remove()


class _Progress:
    """How far the reading has come, on a terminal."""

    def __init__(self) -> None:
        self._next = time.monotonic() + SHOW_EVERY_SEC
        self._is_shown = False

    def show(self, done: int, total: int) -> None:
        """Show it, if some time has passed."""
        if not sys.stderr.isatty() or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SHOW_EVERY_SEC
        self._is_shown = True
        click.echo(f"\r\x1b[KRead {show_size(done)} of {show_size(total)}", err=True, nl=False)

    def clear(self) -> None:
        """Take it away."""
        if self._is_shown:
            click.echo("\r\x1b[K", err=True, nl=False)


def _show(finding: Finding) -> None:
    click.echo(f"{finding.severity.upper()}: {finding.message}")
    if finding.is_repaired:
        click.echo(f"  Repaired: {finding.remedy}.")
    elif finding.is_repairable:
        click.echo(f"  With --repair, {finding.remedy}.")
    else:
        click.echo(f"  {finding.remedy}")


def _end(found: Examination) -> None:
    looked_at = (
        f"{show_count(found.jobs, 'job')} and {show_count(found.blobs, 'file')} "
        f"({show_size(found.blob_bytes)})"
    )
    left = [finding for finding in found.findings if not finding.is_repaired]
    errors = [finding for finding in left if finding.severity == "error"]
    if errors:
        hint = " --repair puts right what it says." if any(e.is_repairable for e in errors) else ""
        raise StoreDamaged(
            f"The store has {show_count(len(errors), 'error')}, among {looked_at}.{hint}"
        )
    repaired = len(found.findings) - len(left)
    if repaired:
        say(f"Repaired {show_count(repaired, 'thing')}, among {looked_at}.")
    if left:
        say(f"No errors among {looked_at}.")
    elif not repaired:
        say(f"Nothing is wrong with {looked_at}.")
