"""What changes a job: each needs a key whose user may do it."""

from litestar import Controller, delete, post, put
from litestar.params import FromPath, JSONBody

from dendro_local.errors import NotAllowed
from dendro_local.model import Job, JobId
from dendro_local.server.v1.asking import Asked, IdempotencyKey
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.v1 import NewTags

__all__ = ["JobChanges"]


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
        await asked.in_thread(_delete, asked, asked.user_id(), JobId(job_id))

    @put("/pin", status_code=204, operation_id="pinJob", responses=refusals(401, 403, 404))
    async def pin(self, asked: Asked, job_id: FromPath[str]) -> None:
        """Pin a job.

        Keeps a job, and all that it depends on, from being pruned.
        """
        await asked.in_thread(_pin, asked, asked.user_id(), JobId(job_id))

    @delete("/pin", operation_id="unpinJob", responses=refusals(401, 403, 404))
    async def unpin(self, asked: Asked, job_id: FromPath[str]) -> None:
        """Pin a job no more."""
        await asked.in_thread(_unpin, asked, asked.user_id(), JobId(job_id))

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


def _cancel(asked: Asked, user_id: str, job_id: JobId) -> Job:
    asked.hub.check_may_change(user_id, asked.hub.get_job(job_id))
    return asked.public(asked.hub.cancel(job_id))


def _rerun(asked: Asked, user_id: str, job_id: JobId, request_id: str | None) -> Job:
    _check_may_create(asked, user_id, asked.hub.get_job(job_id))
    return asked.public(asked.hub.rerun(job_id, user_id=user_id, request_id=request_id))


def _delete(asked: Asked, user_id: str, job_id: JobId) -> None:
    asked.hub.get_job(job_id)
    asked.hub.delete_for(user_id, [job_id])


def _pin(asked: Asked, user_id: str, job_id: JobId) -> None:
    asked.hub.check_may_change(user_id, asked.hub.get_job(job_id))
    asked.hub.pin([job_id])


def _unpin(asked: Asked, user_id: str, job_id: JobId) -> None:
    asked.hub.check_may_change(user_id, asked.hub.get_job(job_id))
    asked.hub.unpin([job_id])


def _tag(asked: Asked, user_id: str, job_id: JobId, tags: list[str]) -> Job:
    # As the tags of a submission that finds a job: whoever may submit it may tag it.
    job = asked.hub.get_job(job_id)
    if not asked.hub.may_change(user_id, job):
        _check_may_create(asked, user_id, job)
    return asked.public(asked.hub.add_tags(job_id, tags))


def _check_may_create(asked: Asked, user_id: str, job: Job) -> None:
    if not asked.hub.may_create_jobs(user_id, asked.hub.service(job.serviceName)):
        raise NotAllowed(
            f"{user_id} may not create jobs on service {job.serviceName}. Its owner can let them."
        )
