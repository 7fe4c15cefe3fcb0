"""What is told as it happens: events of a stream, each with its name and what is in its data.

The streams are those of the browser's EventSource (Server-Sent Events). Who comes back with the
id of the last event in ``Last-Event-ID`` is told what it missed.
"""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from dendro_local.model import Job, JobId, JobStatus
from dendro_local.v1.record import Answer

__all__ = [
    "CONSOLE_EVENTS",
    "ConsoleBegan",
    "ConsoleEnded",
    "ConsoleText",
    "FeedBegan",
    "FeedReset",
    "JOB_EVENTS",
    "JobChanged",
    "JobDeleted",
]


class FeedBegan(Answer, frozen=True, kw_only=True):
    """The stream has begun; all that happens from here on is told."""

    cursor: Annotated[str, Meta(description="The same as the id of the event.")]


class JobChanged(Answer, frozen=True, kw_only=True):
    """A job was made or has changed. Of several changes in a row the last may be told alone."""

    job: Job


class JobDeleted(Answer, frozen=True, kw_only=True):
    """A job was deleted."""

    job_id: JobId
    deleted_at: Annotated[float, Meta(description="In seconds since the Unix epoch.")]


class FeedReset(Answer, frozen=True, kw_only=True):
    """What was missed cannot be told; what is shown of jobs should be loaded anew."""

    reason: str


class ConsoleText(Answer, frozen=True, kw_only=True):
    """What a job has printed since. The id of the event is the number of bytes up to its end."""

    text: Annotated[
        str, Meta(description="Bytes that are no UTF-8 are replaced; the console itself has them.")
    ]


class ConsoleBegan(Answer, frozen=True, kw_only=True):
    """The job is run anew, or for the first time, and its console begins at 0 again."""

    attempt: int


class ConsoleEnded(Answer, frozen=True, kw_only=True):
    """The job has ended, and all that it printed has been told. The stream ends here."""

    status: Annotated[JobStatus | None, Meta(description="Null if it was deleted.")]


JOB_EVENTS: Mapping[str, type[Answer]] = {
    "began": FeedBegan,
    "job": JobChanged,
    "deleted": JobDeleted,
    "reset": FeedReset,
}
"""The events of the stream of jobs, by name."""

CONSOLE_EVENTS: Mapping[str, type[Answer]] = {
    "began": ConsoleBegan,
    "text": ConsoleText,
    "end": ConsoleEnded,
}
"""The events of a stream of a job's console, by name."""
