"""Waiting for a job, with its progress on stderr."""

import contextlib
import signal
import sys
import time
from collections.abc import Generator
from types import FrameType

import click

from dendro_local.cli.output import say
from dendro_local.client import DendroJob
from dendro_local.client.handle import preparation_of, why_now
from dendro_local.lifecycle import TERMINAL

__all__ = ["wait_for"]

LOOK_SEC = 2.0
TERMINAL_LOOK_SEC = 1.0
"""How often the seconds on a terminal move on."""

TELL_WHY_SEC = 3.0
"""How long a job may be pending, or starting, before its reason is told."""


def wait_for(job: DendroJob) -> None:
    """Wait until the job is completed or failed, running it here if no compute client is alive.

    Raises:
        JobNotFound: it was deleted meanwhile.
    """
    progress = _Progress(job)
    try:
        with _ending_in_order():
            progress.show()  # as it was submitted: it may have started by the first look
            for _ in job.watch(look_sec=TERMINAL_LOOK_SEC if progress.is_live else LOOK_SEC):
                progress.show()
    except (KeyboardInterrupt, SystemExit):
        progress.clear()
        say(
            f"Stopped waiting for job {job.jobId}. It stays in the store: "
            f"`dendro-local why {job.jobId}` says what becomes of it."
        )
        raise


class _Progress:
    """What is told while a job is waited for."""

    def __init__(self, job: DendroJob) -> None:
        self._job = job
        self._begun = time.monotonic()
        self._told_status = ""
        self._reason = ""
        self._has_told_preparation = False
        self.is_live = sys.stderr.isatty()
        """On a terminal one line moves on; elsewhere each change is a line."""

    def show(self) -> None:
        """Tell where the job is now."""
        job, elapsed_sec = self._job, time.monotonic() - self._begun
        if job.status == "pending" and elapsed_sec > TELL_WHY_SEC:
            self._tell_why()
        self.clear()
        if elapsed_sec > TELL_WHY_SEC and not self._has_told_preparation:
            self._tell_preparation()
        if self.is_live and job.status not in TERMINAL:
            text = f"Job {job.jobId}: {job.status}, {elapsed_sec:.0f} s"
            click.echo(text, err=True, nl=False)
        elif job.status != self._told_status:
            self._told_status = job.status
            say(f"Job {job.jobId}: {job.status}")

    def clear(self) -> None:
        """Empty the line that moves on."""
        if self.is_live:
            click.echo("\r\x1b[K", err=True, nl=False)

    def _tell_preparation(self) -> None:
        words = preparation_of(self._job)
        if words is not None:
            self._has_told_preparation = True
            say(words)

    def _tell_why(self) -> None:
        reason = why_now(self._job)
        if reason is not None and reason != self._reason:
            self._reason = reason
            self.clear()
            say(reason)


@contextlib.contextmanager
def _ending_in_order() -> Generator[None]:
    """Let this process end in order when it is told to, so that a job that it runs is stopped."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    before = {number: each for number, each in before.items() if each is not signal.SIG_IGN}
    for number in before:  # not those that are ignored: nohup means it
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
