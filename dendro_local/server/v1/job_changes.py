"""What changes jobs: each needs a key whose user may do it."""

from typing import Annotated

from litestar import Controller, delete, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from dendro_local.model import Job, JobId
from dendro_local.server import job_actions
from dendro_local.server.v1.asking import Asked, IdempotencyKey
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.v1 import ErrorBody, JobActions, JobOutcome, JobOutcomes, NewTags

__all__ = ["JobChanges", "change_jobs"]


class JobChanges(Controller):
    """Changes of a job."""

    path = "/jobs/{job_id:str}"
    tags = ("jobs",)
    security = KEY_NEEDED

    @post(
        "/cancel",
        status_code=200,
        operation_id="cancelJob",
        responses=refusals(401, 403, 404, 409),
    )
    async def cancel(self, asked: Asked, job_id: FromPath[str]) -> Job:
        """Cancel a job.

        Fails a job that is not finished; its app is stopped, and what waits for it fails.
        """
        return await asked.in_thread(_cancel, asked, asked.user_id(), JobId(job_id))

    @post(
        "/rerun",
        status_code=200,
        operation_id="rerunJob",
        responses=refusals(400, 401, 403, 404, 429, 507),
    )
    async def rerun(
        self, asked: Asked, job_id: FromPath[str], idempotency_key: IdempotencyKey = None
    ) -> Job:
        """Run a job again.

        Records a new job of the same definition, whatever the cache has.
        """
        return await asked.in_thread(_rerun, asked, asked.user_id(), JobId(job_id), idempotency_key)

    @delete("/", operation_id="deleteJob", responses=refusals(401, 403, 404))
    async def remove(self, asked: Asked, job_id: FromPath[str]) -> None:
        """Delete a job.

        Removes a job and the files that only it has. If it runs it is stopped; what waits for it
        fails.
        """
        await asked.in_thread(job_actions.delete, asked.hub, asked.user_id(), JobId(job_id))

    @put("/pin", status_code=204, operation_id="pinJob", responses=refusals(401, 403, 404))
    async def pin(self, asked: Asked, job_id: FromPath[str]) -> None:
        """Pin a job.

        Keeps a job, and all that it depends on, from being pruned.
        """
        await asked.in_thread(job_actions.pin, asked.hub, asked.user_id(), JobId(job_id))

    @delete("/pin", operation_id="unpinJob", responses=refusals(401, 403, 404))
    async def unpin(self, asked: Asked, job_id: FromPath[str]) -> None:
        """Pin a job no more."""
        await asked.in_thread(job_actions.unpin, asked.hub, asked.user_id(), JobId(job_id))

    @post(
        "/tags",
        status_code=200,
        operation_id="tagJob",
        responses=refusals(400, 401, 403, 404, 413),
    )
    async def tag(self, asked: Asked, job_id: FromPath[str], data: JSONBody[NewTags]) -> Job:
        """Tag a job.

        Adds tags to a job; those that it has stay.
        """
        return await asked.in_thread(_tag, asked, asked.user_id(), JobId(job_id), data.tags)

    @delete(
        "/tags",
        status_code=200,
        operation_id="untagJob",
        responses=refusals(400, 401, 403, 404),
    )
    async def untag(
        self,
        asked: Asked,
        job_id: FromPath[str],
        tag: Annotated[
            list[str],
            QueryParameter(description="A tag to take from it; several: all.", max_items=50),
        ],
    ) -> Job:
        """Take tags from a job.

        The others stay, and tags that it does not have are passed over.
        """
        return await asked.in_thread(_untag, asked, asked.user_id(), JobId(job_id), tag)


@post(
    "/jobs/actions",
    status_code=200,
    tags=["jobs"],
    operation_id="changeJobs",
    security=KEY_NEEDED,
    responses=refusals(400, 401, 413),
)
async def change_jobs(asked: Asked, data: JSONBody[JobActions]) -> JobOutcomes:
    """Do the same with many jobs.

    Cancels, runs again, deletes or tags each of them. What cannot be done with one does not keep
    the others from it: for each, in their order, the answer tells what became of it.
    """
    return await asked.in_thread(_do_with_all, asked, asked.user_id(), data)


def _cancel(asked: Asked, user_id: str, job_id: JobId) -> Job:
    return asked.public(job_actions.cancel(asked.hub, user_id, job_id))


def _rerun(asked: Asked, user_id: str, job_id: JobId, request_id: str | None) -> Job:
    return asked.public(job_actions.rerun(asked.hub, user_id, job_id, request_id))


def _tag(asked: Asked, user_id: str, job_id: JobId, tags: list[str]) -> Job:
    return asked.public(job_actions.add_tags(asked.hub, user_id, job_id, tags))


def _untag(asked: Asked, user_id: str, job_id: JobId, tags: list[str]) -> Job:
    return asked.public(job_actions.remove_tags(asked.hub, user_id, job_id, tags))


def _do_with_all(asked: Asked, user_id: str, wanted: JobActions) -> JobOutcomes:
    found = job_actions.do_with_all(asked.hub, user_id, wanted.action, wanted.job_ids, wanted.tags)
    return JobOutcomes(jobs=[_outcome(asked, each) for each in found])


def _outcome(asked: Asked, outcome: job_actions.Outcome) -> JobOutcome:
    refusal = outcome.refusal
    return JobOutcome(
        job_id=outcome.job_id,
        job=None if outcome.job is None else asked.public(outcome.job),
        error=None if refusal is None else ErrorBody(code=refusal.code, message=outcome.words),
    )
