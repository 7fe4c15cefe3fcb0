"""Which jobs are to be exchanged, as options say it."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

from dendro_local.cli.options import any_service_option
from dendro_local.cli.places import url_of_place
from dendro_local.cli.quantities import age_sec, size_bytes
from dendro_local.client.default_hub import default_hub
from dendro_sync.selection import Selection

__all__ = ["SelectionOptions", "exchange_options", "selection_options"]

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


class SelectionOptions:
    """What the options of `selection_options` were given. They are taken out of what is given."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._service: str | None = given.pop("service")
        self._app: str | None = given.pop("app")
        self._processor: str | None = given.pop("processor")
        self._tags: Sequence[str] = given.pop("tags")
        self._since: float | None = given.pop("since")
        self._input: str | None = given.pop("input_place")
        self._jobs: Sequence[str] = given.pop("jobs")

    def selection(self, *, are_here: bool) -> Selection:
        """The selection.

        Args:
            are_here: whether the jobs are in this store, so that the beginning of an id is enough.
        """
        hub = default_hub()
        ids = [hub.job_id(each) if are_here else each for each in self._jobs]
        return Selection(
            service=self._service,
            app=self._app,
            processor=self._processor,
            tags=tuple(self._tags),
            since=self._since,
            input_url=None if self._input is None else url_of_place(self._input, "--input-url"),
            job_ids=tuple(ids),  # type: ignore[arg-type]  # ids
        )


def selection_options(command: _Decorated) -> _Decorated:
    """Options by which jobs are chosen."""
    for option in reversed(
        (
            any_service_option,
            click.option("--app", metavar="NAME", help="Only of this app."),
            click.option("--processor", metavar="NAME", help="Only of this processor."),
            click.option(
                "--tag",
                "tags",
                metavar="WORD",
                multiple=True,
                help="Only with this tag; with all, if several.",
            ),
            click.option(
                "--since",
                metavar="WHEN",
                type=_moment,
                help="Only what ended since then: 7d, 12h, 2025-11-22, 2025-11-22T16:41.",
            ),
            click.option(
                "--input-url",
                "input_place",
                metavar="PLACE",
                help="Only with this input: a file of this machine, a URL, or dendro:JOBID/OUTPUT.",
            ),
            click.option(
                "--job",
                "jobs",
                metavar="ID",
                multiple=True,
                help="Only this job; these, if several.",
            ),
        )
    ):
        command = option(command)
    return command


def exchange_options(command: _Decorated) -> _Decorated:
    """Options of every exchange, beside what is exchanged."""
    for option in reversed(
        (
            click.option(
                "--max-size",
                metavar="SIZE",
                type=size_bytes,
                help="Larger files stay where they are: 500MB, 1GB. What is pulled without them "
                "gets them when they are first read; what would be pushed is left out.",
            ),
            click.option(
                "--no-ancestors",
                "ancestors",
                is_flag=True,
                default=True,
                flag_value=False,
                help="Do not bring along the jobs that these depend on.",
            ),
        )
    ):
        command = option(command)
    return command


def _moment(text: str) -> float:
    """A time in seconds since the Unix epoch."""
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        pass
    try:
        return time.time() - age_sec(text)
    except click.BadParameter:
        raise click.BadParameter(
            f"{text!r} is neither an age, such as 7d, nor a time, such as 2025-11-22T16:41."
        ) from None
