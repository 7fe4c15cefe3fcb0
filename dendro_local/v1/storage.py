"""What is answered about the room that the store takes."""

from typing import Annotated, Literal

from msgspec import Meta

from dendro_local.model import JobId, JobStatus
from dendro_local.v1.record import Answer, Question

__all__ = ["PruneJobs", "Pruned", "PrunedJobEntry", "RoomOfProcessor", "Storage"]


class RoomOfProcessor(Answer, frozen=True, kw_only=True):
    """The finished jobs of a processor, and the bytes of their files.

    A file that several jobs have counts for each.
    """

    service_name: str
    app_name: str
    processor_name: str
    completed: int
    failed: int
    run_sec: Annotated[float, Meta(description="How long they ran in all, in seconds.")]
    all_bytes: int
    day_bytes: Annotated[int, Meta(description="Of jobs that ended within a day.")]
    week_bytes: Annotated[int, Meta(description="Of jobs that ended within a week.")]
    month_bytes: Annotated[int, Meta(description="Of jobs that ended within 30 days.")]


class Storage(Answer, frozen=True, kw_only=True):
    """The room that the store takes."""

    database_bytes: int
    blob_bytes: Annotated[int, Meta(description="Of all files, each counted once.")]
    processors: list[RoomOfProcessor]


class PruneJobs(Question, frozen=True, kw_only=True):
    """What to prune: the finished jobs to which everything that is given applies.

    Pinned jobs stay, and so does what other jobs need.
    """

    older_than_sec: Annotated[
        Annotated[float, Meta(ge=0)] | None, Meta(description="They ended longer ago than this.")
    ] = None
    larger_than_bytes: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="The files that they keep are together larger than this."),
    ] = None
    tags: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=1000)], ...],
        Meta(max_length=50, description="They have all of them."),
    ] = ()
    status: Literal["completed", "failed"] | None = None
    to_size_bytes: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="Of those, only as many, first ended first, until all files fit in this."),
    ] = None
    recomputable: Annotated[
        bool,
        Meta(description="Drop only outputs, of jobs that can run again; their records stay."),
    ] = False
    ended_by: Annotated[
        float | None,
        Meta(
            description="They ended at this time or before, in seconds since the Unix epoch: the "
            "`asOf` of a dry run leaves those that ended since."
        ),
    ] = None
    dry_run: Annotated[bool, Meta(description="Whether only to tell what would go.")] = True


class PrunedJobEntry(Answer, frozen=True, kw_only=True):
    """A job that goes."""

    job_id: JobId
    app_name: str
    processor_name: str
    status: JobStatus
    ended_at: Annotated[float, Meta(description="In seconds since the Unix epoch.")]
    size_bytes: int
    freed_bytes: Annotated[
        int, Meta(description="A file that several jobs have counts with the last of them.")
    ]


class Pruned(Answer, frozen=True, kw_only=True):
    """What has gone, or after a dry run would go."""

    as_of: Annotated[float, Meta(description="When that was so, in seconds since the Unix epoch.")]
    is_dry_run: bool
    jobs: list[PrunedJobEntry]
    freed_bytes: int
    kept: Annotated[
        int, Meta(description="How many stay because they are pinned or other jobs need them.")
    ]
    not_recomputable: Annotated[
        int, Meta(description="How many stay because they could not run again.")
    ]
    children: Annotated[int, Meta(description="How many stay that took an output of these.")]
