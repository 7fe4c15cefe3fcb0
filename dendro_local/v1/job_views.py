"""What is answered to whoever looks closely at one job: its kin, console, usage and origin."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from dendro_local.model import JobId, JobStatus
from dendro_local.v1.record import Answer

__all__ = [
    "ConsoleLine",
    "ConsoleMatch",
    "ConsoleWindow",
    "Lineage",
    "LineageJob",
    "LineageLink",
    "Origin",
    "UsageSeries",
]


class LineageJob(Answer, frozen=True, kw_only=True):
    """A job of a lineage."""

    job_id: JobId
    relation: Literal["ancestor", "self", "descendant"]
    app_name: Annotated[str | None, Meta(description="Null if the job was deleted.")]
    processor_name: str | None
    status: Annotated[JobStatus | None, Meta(description="Null if the job was deleted.")]
    canceled: bool


class LineageLink(Answer, frozen=True, kw_only=True):
    """A job and one that depends on it."""

    parent: JobId
    child: JobId


class Lineage(Answer, frozen=True, kw_only=True):
    """What a job was computed from, and what was computed from it."""

    jobs: Annotated[
        Sequence[LineageJob],
        Meta(description="Ancestors and descendants, next of kin first, and the job itself."),
    ]
    links: Sequence[LineageLink]
    has_all_ancestors: Annotated[
        bool, Meta(description="False if there are more ancestors than are listed.")
    ]
    has_all_descendants: Annotated[
        bool, Meta(description="False if there are more descendants than are listed.")
    ]
    num_children: Annotated[
        int,
        Meta(
            description="How many jobs depend on it directly. They are counted up to 10,000, which "
            "stands for as many or more."
        ),
    ]


class Origin(Answer, frozen=True, kw_only=True):
    """Where a job came from that did not run here."""

    origin: Annotated[
        str | None,
        Meta(
            description="The name of a remote, or `user:` and the id of who pushed it; null for a "
            "job of this hub."
        ),
    ]
    arrived_at: Annotated[float | None, Meta(description="In seconds since the Unix epoch.")] = None
    is_verified: Annotated[
        bool, Meta(description="Whether a signature by a trusted key was verified.")
    ] = False
    key_id: Annotated[str | None, Meta(description="Of the key that signed it.")] = None
    key_name: Annotated[
        str | None, Meta(description="As the key is called here; null if it is not trusted now.")
    ] = None


class ConsoleLine(Answer, frozen=True, kw_only=True):
    """A line of a console, or a part of a very long one."""

    at: Annotated[int, Meta(description="The byte at which it begins.")]
    text: Annotated[
        str,
        Meta(
            description="Without the line feed at its end. Escape sequences and carriage returns "
            "are in it as the app printed them; bytes that are no UTF-8 are replaced."
        ),
    ]


class ConsoleWindow(Answer, frozen=True, kw_only=True):
    """Some lines of a console."""

    start: Annotated[int, Meta(description="The byte at which they begin.")]
    end: Annotated[int, Meta(description="The byte after the last of them.")]
    size: Annotated[int, Meta(description="Of the whole console, in bytes, at this moment.")]
    attempt: Annotated[int, Meta(description="Of the run that printed it; 0 before the first.")]
    status: Annotated[JobStatus, Meta(description="Of the job. Once it is final, nothing follows.")]
    is_line_open: Annotated[
        bool, Meta(description="Whether the last line has no line feed, so that it may go on.")
    ]
    lines: Sequence[ConsoleLine]


class ConsoleMatch(Answer, frozen=True, kw_only=True):
    """How far a console was searched, and what was found."""

    at: Annotated[int | None, Meta(description="The byte at which the text is found.")]
    searched_to: Annotated[
        int, Meta(description="How far the search has come; go on from there if it has not ended.")
    ]
    has_ended: Annotated[
        bool, Meta(description="Whether there is nothing more to search in this direction.")
    ]
    size: int


class UsageSeries(Answer, frozen=True, kw_only=True):
    """What a job has used, as time went on: lists of the same length, null where not known."""

    at: Annotated[Sequence[float], Meta(description="In seconds since the Unix epoch.")]
    cpu_percent: Annotated[Sequence[float], Meta(description="100 is one CPU.")]
    memory_bytes: Sequence[int]
    read_bytes_per_sec: Annotated[Sequence[float | None], Meta(description="From disks.")]
    written_bytes_per_sec: Annotated[Sequence[float | None], Meta(description="To disks.")]
    received_bytes_per_sec: Annotated[
        Sequence[float | None], Meta(description="By the whole machine.")
    ]
    sent_bytes_per_sec: Annotated[Sequence[float | None], Meta(description="By the whole machine.")]
    gpu_percent: Annotated[
        Sequence[float | None], Meta(description="The sum of its GPUs: 100 is one.")
    ]
    gpu_memory_bytes: Sequence[int | None]
    is_of_machine: Annotated[
        bool,
        Meta(description="Whether CPU, memory and disk are those of the whole machine."),
    ]
