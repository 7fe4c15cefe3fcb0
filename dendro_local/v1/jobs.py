"""What is asked and answered about jobs."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from dendro_local.model import Job, JobDefinition, JobId, RequiredResources, Secret
from dendro_local.v1.record import Answer, Question
from dendro_local.v1.refusals import ErrorBody

__all__ = [
    "Details",
    "JobActions",
    "JobFile",
    "JobList",
    "JobOrigin",
    "JobOutcome",
    "JobOutcomes",
    "JobRequest",
    "NewJobs",
    "NewTags",
    "SubmittedJobs",
    "Why",
]

MAX_JOBS = 1000
"""So many jobs are submitted at once."""

Tag = Annotated[str, Meta(min_length=1, max_length=1000)]


class JobRequest(Question, frozen=True, kw_only=True):
    """A job to be done. The fields are those of the Dendro contract's `createJob`."""

    service_name: str
    job_definition: JobDefinition
    required_resources: RequiredResources
    target_compute_client_ids: Annotated[
        list[str] | None,
        Meta(description="The compute clients that may run it; null, or `*` in it, for any."),
    ] = None
    tags: Annotated[Sequence[Tag], Meta(max_length=1000)] = ()
    batch_id: str = ""
    job_dependencies: Annotated[
        Sequence[JobId],
        Meta(
            description="Jobs that must be completed before, beside those whose outputs it takes."
        ),
    ] = ()
    secrets: Annotated[
        Sequence[Secret],
        Meta(description="Only the job's own run may see them. They are in no reply."),
    ] = ()
    skip_cache: Annotated[bool, Meta(description="Run it, whatever the cache has.")] = False
    rerun_failing: Annotated[
        bool, Meta(description="Run it again if the job of the same definition has failed.")
    ] = False
    delete_failing: Annotated[
        bool, Meta(description="With `rerunFailing`: delete the job that has failed.")
    ] = False


class NewJobs(Question, frozen=True, kw_only=True):
    """Jobs to be done: all of them are recorded or found, or none is."""

    jobs: Annotated[list[JobRequest], Meta(min_length=1, max_length=MAX_JOBS)]


class SubmittedJobs(Answer, frozen=True, kw_only=True):
    """For each job that was asked for, in the same order, the one that was recorded or found."""

    jobs: list[Job]


class JobList(Answer, frozen=True, kw_only=True):
    """A page of jobs, latest update first."""

    jobs: list[Job]
    next: Annotated[
        str | None,
        Meta(description="Give it as `after` to get the next page; null if this is the last."),
    ]
    looked_back_to: Annotated[
        float | None,
        Meta(
            description="If the page ended before it was full, since very many jobs were looked "
            "at: the update time of the last of these. `next` goes on from there."
        ),
    ] = None


class JobFile(Answer, frozen=True, kw_only=True):
    """A file that a job left, or will leave."""

    kind: Literal["output", "other", "console", "usage"]
    name: str
    url: str
    digest: Annotated[
        str | None, Meta(description="SHA-256 of its bytes, once they are known.")
    ] = None
    size: Annotated[int | None, Meta(description="In bytes, once it is known.")] = None
    is_there: Annotated[bool, Meta(description="Whether the hub has its bytes now.")] = False


class JobOrigin(Answer, frozen=True, kw_only=True):
    """Where a job came from that did not run on this hub's machines."""

    origin: Annotated[
        str, Meta(description="The name of a remote, or `user:` and the id of who pushed it.")
    ]
    arrived_at: Annotated[float, Meta(description="When it came here.")]
    is_verified: Annotated[bool, Meta(description="Whether a key that is trusted here signed it.")]
    key_id: Annotated[str | None, Meta(description="The id of that key.")]


class Details(Answer, frozen=True, kw_only=True):
    """A job, and what its record has no field for."""

    job: Job
    app_version: Annotated[
        str | None,
        Meta(
            description="The version of the app that it is for, or came from: as the app declares "
            "it, or the digest of its code; null if that is not known."
        ),
    ]
    attempts: Annotated[int, Meta(description="How often it was started.")]
    note: Annotated[
        str | None,
        Meta(
            description="Why it is there although there was an earlier one, or from which job it "
            "took over its outputs."
        ),
    ]
    is_pinned: Annotated[bool, Meta(description="Whether it is kept from being pruned.")]
    files: Sequence[JobFile]
    origin: Annotated[
        JobOrigin | None,
        Meta(description="Where it came from; null if it was submitted to this hub."),
    ]
    why: Annotated[str, Meta(description="Why it is in the state that it is in, in words.")]


class Why(Answer, frozen=True, kw_only=True):
    """Why a job is in the state that it is in."""

    why: Annotated[str, Meta(description="Some lines of text.")]


class NewTags(Question, frozen=True, kw_only=True):
    """Tags to add to a job."""

    tags: Annotated[list[Tag], Meta(min_length=1, max_length=1000)]


class JobActions(Question, frozen=True, kw_only=True):
    """What to do with many jobs."""

    action: Literal["cancel", "rerun", "delete", "addTags", "removeTags"]
    job_ids: Annotated[list[JobId], Meta(min_length=1, max_length=MAX_JOBS)]
    tags: Annotated[
        Sequence[Tag],
        Meta(max_length=1000, description="To add or to remove; of no matter otherwise."),
    ] = ()


class JobOutcome(Answer, frozen=True, kw_only=True):
    """What became of one of them."""

    job_id: JobId
    job: Annotated[
        Job | None,
        Meta(
            description="The job as it is then, or the new one that runs again; null if it is "
            "gone, or nothing was done."
        ),
    ]
    error: Annotated[ErrorBody | None, Meta(description="Why nothing was done, if so.")]


class JobOutcomes(Answer, frozen=True, kw_only=True):
    """For each job that was named, in the same order but once each, what became of it."""

    jobs: list[JobOutcome]
