"""What an exchange did, as a person reads it, and how far it has come."""

import sys
import time

import click

from dendro_local.cli.output import say, show_count, show_duration, show_size
from dendro_local.errors import SyncIncomplete
from dendro_sync.progress import Meter, Progress
from dendro_sync.report import Report

__all__ = ["ProgressLine", "check_is_complete", "say_report"]

SHOW_EVERY_SEC = 0.2
MOST_SAID = 20


class ProgressLine:
    """How far an exchange has come, in a line of stderr that is written again and again.

    Args:
        is_wanted: whether it is shown; None for if stderr is a terminal.
    """

    def __init__(self, *, is_wanted: bool | None) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._is_wanted = self._is_terminal if is_wanted is None else is_wanted
        self._next = time.monotonic() + SHOW_EVERY_SEC
        self._is_shown = False
        self._bytes = Meter()
        self._jobs = Meter()
        self.latest: Progress | None = None

    def show(self, progress: Progress) -> None:
        """Show it, if some time has passed."""
        self.latest = progress
        now = time.monotonic()
        if not self._is_wanted or now < self._next:
            return
        self._next = now + SHOW_EVERY_SEC
        self._is_shown = True
        text = self._text(progress)
        if self._is_terminal:
            click.echo(f"\r\x1b[K{text}", err=True, nl=False)
        else:
            say(text)

    def clear(self) -> None:
        """Take it away."""
        if self._is_shown and self._is_terminal:
            click.echo("\r\x1b[K", err=True, nl=False)

    def _text(self, progress: Progress) -> str:
        doing = "Pulling" if progress.report.direction == "pull" else "Pushing"
        jobs = f"{progress.jobs_done}"
        if progress.jobs_total is not None:
            jobs += f" of {max(progress.jobs_total, progress.jobs_done)}"
        parts = [f"{doing}: {jobs} jobs"]
        rate = self._bytes.rate(progress.bytes_done)
        if progress.bytes_total:
            parts.append(f"{show_size(progress.bytes_done)} of {show_size(progress.bytes_total)}")
        if rate:
            parts.append(f"{show_size(round(rate))}/s")
        left = self._left_sec(progress)
        if left is not None:
            parts.append(f"{show_duration(left)} left")
        return ", ".join(parts)

    def _left_sec(self, progress: Progress) -> float | None:
        """The longer of what bytes and jobs say."""
        left = [self._bytes.left_sec(progress.bytes_done, progress.bytes_total)]
        if progress.jobs_total is not None:
            left.append(self._jobs.left_sec(progress.jobs_done, progress.jobs_total))
        return max((each for each in left if each is not None), default=None)


def say_report(report: Report, *, is_answer: bool = True) -> None:
    """Tell what was done, and what was not and why. What is no answer goes to stderr as a whole."""
    click.echo(_headline(report), err=not is_answer)
    for each in report.refused[:MOST_SAID]:
        say(f"Refused {each.job_id or 'an entry'} ({each.code}): {each.reason}")
        if each.digests is not None and each.digests[0] not in each.reason:
            say(f"  SHA-256 of the records: {each.digests[0]} there, {each.digests[1]} came.")
    if report.refused_count > MOST_SAID:
        say(f"... and {report.refused_count - MOST_SAID} more; --json lists them.")
    for left in report.left_out[:MOST_SAID]:
        say(f"Left out {left.job_id}: {left.reason}")
    if report.left_out_count > MOST_SAID:
        say(f"... and {report.left_out_count - MOST_SAID} more; --json lists them.")


def check_is_complete(*reports: Report) -> None:
    """End the command with an error if something was refused.

    Raises:
        SyncIncomplete: it was.
    """
    refused = sum(report.refused_count for report in reports)
    if refused:
        raise SyncIncomplete(
            f"{show_count(refused, 'entry') if refused == 1 else f'{refused} entries'} refused, as "
            "listed; all else was done. They are looked at again the next time; what a stranger "
            "signed, once the trust list has changed."
        )


def _headline(report: Report) -> str:
    is_pull = report.direction == "pull"
    done = (
        ("Would pull" if is_pull else "Would push")
        if report.is_dry_run
        else ("Pulled" if is_pull else "Pushed")
    )
    where = f"{'from' if is_pull else 'to'} {report.remote}"
    parts = [show_count(report.new, "job")]
    if report.files:
        parts.append(f"{show_count(report.files, 'file')} ({show_size(report.bytes)})")
    text = f"{done} {' and '.join(parts)} {where}"
    more = [
        (report.tagged, "with more tags"),
        (report.deleted, "deleted"),
        (report.known, "there already"),
        (report.kept_deleted, "not brought again, deleted here"),
    ]
    text += "".join(f", {count} {what}" for count, what in more if count)
    if report.apps:
        text += f", {show_count(report.apps, 'app')}"
    if report.awaited_files:
        text += (
            f"; {show_count(report.awaited_files, 'file')} ({show_size(report.awaited_bytes)}) "
            "when first read"
        )
    return f"{text}."
