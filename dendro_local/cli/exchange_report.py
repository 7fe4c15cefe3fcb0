"""What an exchange did, as a person reads it, and how far it has come."""

import contextlib
import sys
import time
from collections import defaultdict
from collections.abc import Generator, Sequence

import click

from dendro_local.cli.output import say, show_count, show_duration, show_size
from dendro_local.errors import SyncIncomplete
from dendro_sync.progress import Meter, Progress
from dendro_sync.remotes.remote import Refusal, WaitsForTrust
from dendro_sync.report import Report

__all__ = ["ProgressLine", "check_is_complete", "say_awaiting_trust", "say_report"]

SHOW_EVERY_SEC = 0.2
MOST_SAID = 20
MOST_NAMED = 3

UNWHOLE = frozenset({"signature", "digest", "size", "structure", "missing"})
"""What is refused for this is damaged, or not all there."""


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

    @contextlib.contextmanager
    def during(
        self, stopped: str, *, done: str | None = None, keeps: bool = True
    ) -> Generator[None]:
        """A block in which an exchange goes on, after which the line is gone.

        Args:
            stopped: what is said of an exchange that is stopped by Ctrl-C.
            done: as for `say_report`.
            keeps: whether what was done stays if it is broken off, and is told then.
        """
        try:
            yield
        except BaseException as error:
            self.clear()
            if keeps and self.latest is not None and self.latest.report.moved_anything():
                say("So far, and kept:")
                say_report(self.latest.report, is_answer=False, done=done)
            if isinstance(error, KeyboardInterrupt):
                say(stopped)
            raise
        finally:
            self.clear()

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


def say_report(report: Report, *, is_answer: bool = True, done: str | None = None) -> None:
    """Tell what was done, and what was not and why.

    Args:
        report: what was done.
        is_answer: False if all of it goes to stderr.
        done: what was done in a word, such as "export"; by default "pull" or "push".
    """
    click.echo(_headline(report, done or report.direction), err=not is_answer)
    for app in report.unknown_apps:
        say(
            f"There are jobs of app {app} now, which is not registered here: submitting the same "
            "finds them once it is. `dendro-local apps add FOLDER` registers it."
        )
    _say_refused(report)
    say_awaiting_trust(report.awaiting_trust)
    for left in report.left_out[:MOST_SAID]:
        say(f"Left out {left.job_id}: {left.reason}")
    if report.left_out_count > MOST_SAID:
        say(f"... and {report.left_out_count - MOST_SAID} more; --json lists them.")


def say_awaiting_trust(waiting: Sequence[WaitsForTrust]) -> None:
    """Tell of jobs that earlier pulls refused, and that still wait for their key to be trusted."""
    for each in waiting:
        are = "job is" if each.jobs == 1 else "jobs are"
        key = each.public_key
        say(
            f"{each.jobs} {are} signed by a key that is not trusted: {key or each.key_id}. If you "
            f"know whose it is: `dendro-local key trust NAME {key or 'PUBLICKEY'}`. "
            "`dendro-local key show` shows its owner the key."
        )


def check_is_complete(*reports: Report, is_import: bool = False) -> None:
    """End the command with an error if something was refused.

    Args:
        reports: what was done.
        is_import: whether that was to take in an archive, which nobody asks again.

    Raises:
        SyncIncomplete: it was.
    """
    refused = sum(report.refused_count for report in reports)
    if refused:
        raise SyncIncomplete(
            f"{show_count(refused, 'entry') if refused == 1 else f'{refused} entries'} refused, as "
            f"listed; all else was done. {_what_next(reports, is_import=is_import)}"
        )


def _what_next(reports: Sequence[Report], *, is_import: bool) -> str:
    """What becomes of that which was refused, or what to do about it."""
    codes = {each.code for report in reports for each in report.refused}
    words: list[str] = []
    if codes & UNWHOLE:
        words.append(
            "Get the file again, and import that."
            if is_import
            else "What was damaged or incomplete is looked at again the next time."
        )
    if "untrusted" in codes:
        words.append(
            "If you know whose the keys are, trust them and import the file again."
            if is_import
            else "What is signed by keys that are not trusted is looked at again once they are."
        )
    if not words and not is_import:
        words.append("It is looked at again the next time.")
    return " ".join(words)


def _say_refused(report: Report) -> None:
    """Tell what was refused; what was for the same reason, such as the same key, together."""
    groups: dict[tuple[str, str], list[Refusal]] = defaultdict(list)
    for each in report.refused:
        groups[each.code, each.reason].append(each)
    for (code, reason), refused in list(groups.items())[:MOST_SAID]:
        say(f"Refused {_what(code, refused)} ({code}): {reason}")
        if len(refused) > 1:
            names = [each.job_id or each.app for each in refused]
            named = [name for name in names if name is not None]
            more = ", ..." if len(named) > MOST_NAMED else ""
            if named:
                say(f"  {', '.join(named[:MOST_NAMED])}{more}")
        for each in refused[:MOST_NAMED]:
            if each.digests is not None and each.digests[0] not in reason:
                say(f"  SHA-256 of the records: {each.digests[0]} there, {each.digests[1]} came.")
    told = sum(len(refused) for refused in list(groups.values())[:MOST_SAID])
    if report.refused_count > told:
        say(f"... and {report.refused_count - told} more; --json lists them.")


def _what(code: str, refused: Sequence[Refusal]) -> str:
    """What was refused, for the same reason."""
    if code == "structure" and all(each.job_id is each.app is None for each in refused):
        return "a part of the list of jobs"
    if len(refused) == 1:
        [only] = refused
        return only.job_id or ("an entry" if only.app is None else f"app {only.app}")
    apps = sum(each.app is not None for each in refused)
    jobs = sum(each.job_id is not None for each in refused)
    others = len(refused) - apps - jobs
    counts = [
        show_count(jobs, "job") if jobs else "",
        show_count(apps, "app") if apps else "",
        f"{others} {'entry' if others == 1 else 'entries'}" if others else "",
    ]
    return " and ".join(count for count in counts if count)


def _headline(report: Report, doing: str) -> str:
    done = f"Would {doing}" if report.is_dry_run else f"{doing.capitalize()}ed"
    where = f"{'from' if report.direction == 'pull' else 'to'} {report.remote}"
    parts = [show_count(report.new, "job")]
    if report.files:
        parts.append(f"{show_count(report.files, 'file')} ({show_size(report.bytes)})")
    if report.apps:
        parts.append(show_count(report.apps, "app"))
    *first, last = parts
    what = f"{', '.join(first)} and {last}" if first else last
    text = f"{done} {what} {where}"
    more = [
        (report.tagged, "with more tags"),
        (report.deleted, "deleted"),
        (report.known, "there already"),
        (report.kept_deleted, "not brought again, deleted here"),
    ]
    text += "".join(f", {count} {what}" for count, what in more if count)
    if report.awaited_files:
        text += (
            f"; {show_count(report.awaited_files, 'file')} ({show_size(report.awaited_bytes)}) "
            "when first read"
        )
    return f"{text}."
