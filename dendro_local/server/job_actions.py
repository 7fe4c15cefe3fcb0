"""What users do with jobs that there are: who may do it, and the doing."""

from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from dendro_local.errors import DendroError, InvalidRequest, NotAllowed
from dendro_local.local_hub import LocalHub
from dendro_local.model import Job, JobId
from dendro_local.random_ids import random_token
from dendro_local.server.words import words_for_others

__all__ = [
    "JOB_ACTIONS",
    "JobAction",
    "Outcome",
    "add_tags",
    "cancel",
    "check_may_create",
    "delete",
    "do_with_all",
    "pin",
    "remove_tags",
    "rerun",
    "unpin",
]

JobAction = Literal["cancel", "rerun", "delete", "addTags", "removeTags"]

JOB_ACTIONS: tuple[JobAction, ...] = get_args(JobAction)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an action with one job.

    ``job`` is the job as it is then, or the new one that runs again; None if it is gone, or
    nothing was done. ``refusal`` is why nothing was done, if so.
    """

    job_id: JobId
    job: Job | None = None
    refusal: DendroError | None = None
    words: str = ""
    """The refusal in words for whoever asked."""


def check_may_create(hub: LocalHub, user_id: str, service: str) -> None:
    """Refuse a user who may not create jobs on a service.

    Raises:
        ServiceNotFound: there is none of the name.
        NotAllowed: the right is lacking.
    """
    if not hub.may_create_jobs(user_id, hub.service(service)):
        raise NotAllowed(
            f"{user_id} may not create jobs on service {service}. Its owner can let them."
        )


def cancel(hub: LocalHub, user_id: str, job_id: JobId) -> Job:
    """Cancel a job, if the user may."""
    hub.check_may_change(user_id, hub.get_job(job_id))
    return hub.cancel(job_id)


def rerun(hub: LocalHub, user_id: str, job_id: JobId, request_id: str | None = None) -> Job:
    """Run a job again, if the user may; the new one."""
    check_may_create(hub, user_id, hub.get_job(job_id).serviceName)
    return hub.rerun(job_id, user_id=user_id, request_id=request_id)


def delete(hub: LocalHub, user_id: str, job_id: JobId) -> None:
    """Delete a job, if the user may."""
    hub.get_job(job_id)
    hub.delete_for(user_id, [job_id])


def pin(hub: LocalHub, user_id: str, job_id: JobId) -> None:
    """Keep a job, and all that it depends on, from being pruned, if the user may."""
    hub.check_may_change(user_id, hub.get_job(job_id))
    hub.pin([job_id])


def unpin(hub: LocalHub, user_id: str, job_id: JobId) -> None:
    """Let a job be pruned, if the user may."""
    hub.check_may_change(user_id, hub.get_job(job_id))
    hub.unpin([job_id])


def add_tags(hub: LocalHub, user_id: str, job_id: JobId, tags: Sequence[str]) -> Job:
    """Tag a job with these too, if the user may."""
    _check_may_tag(hub, user_id, job_id)
    return hub.add_tags(job_id, tags)


def remove_tags(hub: LocalHub, user_id: str, job_id: JobId, tags: Sequence[str]) -> Job:
    """Take these tags from a job, if the user may."""
    _check_may_tag(hub, user_id, job_id)
    return hub.remove_tags(job_id, tags)


def do_with_all(
    hub: LocalHub,
    user_id: str,
    action: JobAction,
    job_ids: Sequence[JobId],
    tags: Sequence[str] = (),
) -> list[Outcome]:
    """Do the same with each of these jobs; what cannot be done with one does not keep the others.

    Raises:
        InvalidRequest: tags are to be added or removed, and none is given.
    """
    if action in ("addTags", "removeTags") and not tags:
        raise InvalidRequest("Say which tag.")
    return [_outcome(hub, user_id, action, job_id, tags) for job_id in dict.fromkeys(job_ids)]


def _outcome(
    hub: LocalHub, user_id: str, action: JobAction, job_id: JobId, tags: Sequence[str]
) -> Outcome:
    job: Job | None = None
    try:
        match action:
            case "cancel":
                job = cancel(hub, user_id, job_id)
            case "rerun":
                job = rerun(hub, user_id, job_id, random_token(16))
            case "delete":
                delete(hub, user_id, job_id)
            case "addTags":
                job = add_tags(hub, user_id, job_id, tags)
            case "removeTags":
                job = remove_tags(hub, user_id, job_id, tags)
    except DendroError as error:
        return Outcome(job_id=job_id, refusal=error, words=words_for_others(error, hub))
    return Outcome(job_id=job_id, job=job)


def _check_may_tag(hub: LocalHub, user_id: str, job_id: JobId) -> None:
    # As the tags of a submission that finds a job: whoever may submit it may tag it.
    job = hub.get_job(job_id)
    if not hub.may_change(user_id, job):
        check_may_create(hub, user_id, job.serviceName)
