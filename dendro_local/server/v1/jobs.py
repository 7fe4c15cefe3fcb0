"""``/v1/jobs``: lists, submitting, and one job with all that is known of it."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from dendro_local.hub import JobQuery, NewJob
from dendro_local.model import Job, JobId, JobStatus
from dendro_local.random_ids import random_token
from dendro_local.server.job_actions import check_may_create
from dendro_local.server.v1.asking import Asked, HubRequest, IdempotencyKey
from dendro_local.server.v1.lists import moment, place_of, text_of_place
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.server.words import text_for_others
from dendro_local.store import origins
from dendro_local.v1 import (
    Details,
    JobFile,
    JobList,
    JobOrigin,
    JobRequest,
    NewJobs,
    SubmittedJobs,
    Why,
)

__all__ = ["Jobs", "MAX_SUBMIT_BYTES", "new_job"]

MAX_SUBMIT_BYTES = 64 << 20
"""The longest request is a thousand definitions with very many inputs."""

_MOMENT = "Seconds since the Unix epoch, or a time such as `2025-11-22T10:00:00Z`."


class Jobs(Controller):
    """Jobs."""

    path = "/jobs"
    tags = ("jobs",)

    @get("/", operation_id="findJobs", responses=refusals(400))
    async def find(
        self,
        asked: Asked,
        status: Annotated[
            JobStatus | None, QueryParameter(description="Only of this status.")
        ] = None,
        service: Annotated[str | None, QueryParameter(description="Only of this service.")] = None,
        app: Annotated[str | None, QueryParameter(description="Only of this app.")] = None,
        processor: Annotated[
            str | None, QueryParameter(description="Only of this processor.")
        ] = None,
        tag: Annotated[
            list[str] | None,
            QueryParameter(description="Only with this tag; several: with all.", max_items=50),
        ] = None,
        user: Annotated[
            str | None, QueryParameter(description="Only of the user of this id.")
        ] = None,
        batch: Annotated[str | None, QueryParameter(description="Only of this batch.")] = None,
        compute_client: Annotated[
            str | None, QueryParameter(description="Only run by the compute client of this id.")
        ] = None,
        text: Annotated[
            str | None,
            QueryParameter(
                description="The beginning of a job's id or definition hash, or words: each must "
                "be somewhere in the job's id, tags or error, in the names of its service, app, "
                "processor, user and batch, or in a parameter or URL of its definition.",
                max_length=1000,
            ),
        ] = None,
        since: Annotated[
            str | None,
            QueryParameter(description=f"Only updated at this moment or later. {_MOMENT}"),
        ] = None,
        until: Annotated[
            str | None, QueryParameter(description="Only updated before this moment.")
        ] = None,
        created_since: Annotated[
            str | None, QueryParameter(description="Only submitted at this moment or later.")
        ] = None,
        created_until: Annotated[
            str | None, QueryParameter(description="Only submitted before this moment.")
        ] = None,
        input_url: Annotated[
            str | None, QueryParameter(description="Only with an input of this URL.")
        ] = None,
        output_url: Annotated[
            str | None, QueryParameter(description="Only with an output of this URL.")
        ] = None,
        id_prefix: Annotated[
            str | None, QueryParameter(description="Only with an id that begins so.")
        ] = None,
        limit: Annotated[
            int, QueryParameter(description="At most so many jobs.", ge=1, le=1000)
        ] = 100,
        after: Annotated[
            str | None, QueryParameter(description="The `next` of the page before.")
        ] = None,
    ) -> JobList:
        """Find jobs.

        Jobs to which everything that is given applies, latest update first. While jobs change, a
        job that was not listed yet and is updated moves to the front, so that the pages that
        follow do not have it; the stream of events tells of it.

        A page looks at no more than some thousand jobs for those that fit. If it ends before it is
        full, `lookedBackTo` says how far it came, and `next` goes on from there.
        """
        query = JobQuery(
            status=status,
            service=service,
            app=app,
            processor=processor,
            tags=tuple(tag or ()),
            user=user,
            batch=batch,
            compute_client=compute_client,
            text=text,
            since=moment("since", since),
            until=moment("until", until),
            created_since=moment("created_since", created_since),
            created_until=moment("created_until", created_until),
            input_url=None if input_url is None else asked.urls.stable(input_url),
            output_url=None if output_url is None else asked.urls.stable(output_url),
            id_prefix=id_prefix,
            limit=limit,
            after=place_of(after),
        )
        page = await asked.in_thread(asked.hub.find_page, query)
        return JobList(
            jobs=[asked.public(stored.record) for stored in page.jobs],
            next=None if page.next is None else text_of_place(page.next),
            looked_back_to=page.looked_back_to,
        )

    @post(
        "/",
        status_code=200,
        operation_id="submitJobs",
        security=KEY_NEEDED,
        responses=refusals(400, 401, 403, 404, 409, 413, 429, 507),
        request_max_body_size=MAX_SUBMIT_BYTES,
    )
    async def submit(
        self, asked: Asked, data: JSONBody[NewJobs], idempotency_key: IdempotencyKey = None
    ) -> SubmittedJobs:
        """Submit jobs.

        Records jobs, or finds those that make them unneeded: all of them, or none. Of any number
        of equal submissions at once, one job results. URLs of the hub's own files may be given as
        it gives them. An input that is a file of another machine is to be sent before.
        """
        user_id = asked.user_id()
        jobs = await asked.in_thread(_submit, asked, user_id, data.jobs, idempotency_key)
        return SubmittedJobs(jobs=[asked.public(job) for job in jobs])

    @get("/{job_id:str}", operation_id="getJob", responses=refusals(404))
    async def one(self, asked: Asked, job_id: FromPath[str]) -> Details:
        """One job.

        The job's record and what it has no field for: the digests and sizes of its files, why it
        is as it is, how often it was started.
        """
        return await asked.in_thread(_details, asked, JobId(job_id))

    @get("/{job_id:str}/why", operation_id="getWhy", responses=refusals(404))
    async def why(self, asked: Asked, job_id: FromPath[str]) -> Why:
        """Why a job is as it is.

        What a job waits for, why it failed, or why it ran although a hit was expected, in words.
        """
        return Why(why=await asked.in_thread(_why, asked, JobId(job_id)))


def _submit(
    asked: Asked, user_id: str, requests: list[JobRequest], request_id: str | None
) -> list[Job]:
    for name in {request.service_name for request in requests}:
        check_may_create(asked.hub, user_id, name)
    return asked.hub.submit(
        [new_job(asked, each) for each in requests],
        user_id=user_id,
        request_id=request_id or random_token(16),
    )


def new_job(asked: HubRequest, request: JobRequest) -> NewJob:
    """A request as the hub takes it, with URLs that hold wherever the hub is reached."""
    return NewJob(
        serviceName=request.service_name,
        jobDefinition=asked.urls.stable_definition(request.job_definition),
        requiredResources=request.required_resources,
        targetComputeClientIds=request.target_compute_client_ids,
        tags=request.tags,
        batchId=request.batch_id,
        jobDependencies=request.job_dependencies,
        secrets=request.secrets,
        skipCache=request.skip_cache,
        rerunFailing=request.rerun_failing,
        deleteFailing=request.delete_failing,
    )


def _details(asked: Asked, job_id: JobId) -> Details:
    facts = asked.hub.job_facts(job_id)
    return Details(
        job=asked.public(facts.record),
        app_version=facts.app_version,
        attempts=facts.attempts,
        note=facts.note,
        is_pinned=facts.is_pinned,
        files=[
            JobFile(
                kind=file.kind,
                name=file.name,
                url=asked.urls.public(file.url),
                digest=file.digest,
                size=file.size,
                is_there=file.is_there,
            )
            for file in facts.files
        ],
        origin=_origin(facts.origin),
        why=_why(asked, job_id),
    )


def _origin(origin: origins.JobOrigin | None) -> JobOrigin | None:
    if origin is None:
        return None
    return JobOrigin(
        origin=origin.origin,
        arrived_at=origin.arrived_at,
        is_verified=origin.is_verified,
        key_id=origin.key_id,
    )


def _why(asked: Asked, job_id: JobId) -> str:
    return text_for_others(asked.hub.why(job_id), asked.hub)
