"""What clients ask about jobs."""

import msgspec

from dendro_local.contract import (
    CancelJobRequest,
    CreateJobRequest,
    DeleteJobsRequest,
    FindJobByDefinitionRequest,
    FindJobsRequest,
)
from dendro_local.definition_check import mixes_kinds
from dendro_local.errors import (
    AppNotFound,
    Conflict,
    IncompatibleDefinition,
    JobNotFound,
    NotAllowed,
    NotFound,
    ServiceNotFound,
)
from dendro_local.hub import JobQuery, NewJob
from dendro_local.local_hub import Uncached
from dendro_local.model import Job, JobDefinition, JobId, Service
from dendro_local.server.contract.call import Asked, Call, Refusal, Reply
from dendro_local.server.contract.users import checked_login
from dendro_local.server.words import words_for_others

__all__ = ["CALLS"]

MAX_LIMIT = 1000
FEW_JOBS = 100


def create_job_if_cached(asked: Asked, request: CreateJobRequest) -> Reply | None:
    """The job that makes a new one unneeded; None if there is something to record or to refuse."""
    _check_shape(request.jobDefinition)
    version = asked.site.version()
    if asked.key is None or version is None:
        return None
    found = asked.hub.find_cached(
        _new_job(asked, request), version, key=asked.key, user_id=request.userId or None
    )
    if isinstance(found, Job):
        return {"job": asked.site.shown_jobs.get(found, asked.urls)}
    asked.uncached = found
    return None


def create_job(asked: Asked, request: CreateJobRequest) -> Reply:
    """Record a job, or find the one that makes it unneeded."""
    uncached = asked.uncached
    is_uncached = uncached is not None
    if uncached is None:
        uncached = Uncached(_check_may_create(asked, request), _new_job(asked, request))
    try:
        (job,) = asked.hub.submit(
            [uncached.request], user_id=uncached.user_id, are_uncached=is_uncached
        )
    except AppNotFound as error:
        raise Refusal(400, f"Service app not found: {request.jobDefinition.appName}") from error
    except IncompatibleDefinition as error:
        raise Refusal(400, f"Job definition is not compatible with app: {error}") from error
    except NotFound as error:
        # A job that it depends on, or whose output it takes.
        raise Refusal(400, words_for_others(error, asked.hub)) from error
    return {"job": asked.urls.public_job(job)}


def find_job_by_definition(asked: Asked, request: FindJobByDefinitionRequest) -> Reply:
    """The newest job of a definition."""
    _check_shape(request.jobDefinition)
    definition = asked.urls.stable_definition(request.jobDefinition)
    job = asked.hub.find_by_definition(request.serviceName, definition)
    return {"found": False} if job is None else {"found": True, "job": asked.urls.public_job(job)}


def find_few_jobs(asked: Asked, request: FindJobsRequest) -> Reply | None:
    """Jobs, latest update first; None if there may be many."""
    query = _query(asked, request)
    return _found(asked, query) if query.limit <= FEW_JOBS else None


def find_jobs(asked: Asked, request: FindJobsRequest) -> Reply:
    """Jobs, latest update first."""
    return _found(asked, _query(asked, request))


def delete_jobs(asked: Asked, request: DeleteJobsRequest) -> Reply:
    """Remove jobs; those that are gone already are as they should be."""
    if not request.userId:
        raise Refusal(400, "userId must be provided")
    checked_login(asked, request.userId)
    try:
        asked.hub.delete_for(request.userId, [JobId(job_id) for job_id in request.jobIds])
    except NotAllowed as error:
        raise Refusal(401, str(error)) from error
    return {}


def cancel_job(asked: Asked, request: CancelJobRequest) -> Reply:
    """Fail a job that is not finished."""
    try:
        job = asked.hub.get_job(JobId(request.jobId))
    except JobNotFound as error:
        raise Refusal(404, "Job not found") from error
    user_id = asked.hub.user_of_key(asked.key or "")
    if user_id is None or not asked.hub.may_change(user_id, job):
        raise Refusal(401, "Unauthorized")
    try:
        asked.hub.cancel(job.jobId)
    except Conflict as error:
        raise Refusal(400, "Job is already completed or failed") from error
    return {}


def _check_shape(definition: JobDefinition) -> None:
    """Refuse what only a look at all values of a list can tell to be of the wrong shape."""
    for parameter in definition.parameters:
        if type(parameter.value) is list and mixes_kinds(parameter.value):
            raise Refusal(400, "Invalid request")


def _check_may_create(asked: Asked, request: CreateJobRequest) -> str:
    """The user for whom a job is to be made, who may do so."""
    if asked.key is None:
        raise Refusal(400, "User API token must be provided")
    user_id = asked.hub.user_of_key(asked.key)
    if user_id is None:
        raise Refusal(401, "Unauthorized" if request.userId else "Unauthorized - no user for token")
    if request.userId and request.userId != user_id:
        raise Refusal(401, "Unauthorized")
    service = _service(asked, request.serviceName)
    if not asked.hub.may_create_jobs(user_id, service):
        raise Refusal(401, "This user is not allowed to create jobs for this service")
    return user_id


def _service(asked: Asked, name: str) -> Service:
    try:
        return asked.hub.service(name)
    except ServiceNotFound as error:
        raise Refusal(400, f"Service not found: {name}") from error


def _new_job(asked: Asked, request: CreateJobRequest) -> NewJob:
    targets = request.targetComputeClientIds
    return NewJob(
        serviceName=request.serviceName,
        jobDefinition=asked.urls.stable_definition(request.jobDefinition),
        requiredResources=request.requiredResources,
        targetComputeClientIds=None if targets is msgspec.UNSET else targets,
        tags=request.tags,
        batchId=request.batchId,
        jobDependencies=[JobId(each) for each in request.jobDependencies],
        secrets=request.secrets,
        skipCache=request.skipCache is True,
        rerunFailing=request.rerunFailing is True,
        deleteFailing=request.deleteFailing is True,
    )


def _found(asked: Asked, query: JobQuery) -> Reply:
    return {"jobs": [asked.urls.public_job(job) for job in asked.hub.find_jobs(query)]}


def _query(asked: Asked, request: FindJobsRequest) -> JobQuery:
    """What a request asks for. What is empty counts as not given."""
    job_id = request.jobId or None
    query = JobQuery(
        job_id=None if job_id is None else JobId(job_id),
        service=request.serviceName or None,
        processor=request.processorName or None,
        user=request.userId or None,
        compute_client=request.computeClientId or None,
        batch=request.batchId or None,
        tags=tuple(request.tags or ()),
        input_url=asked.urls.stable(request.inputFileUrl) if request.inputFileUrl else None,
        output_url=asked.urls.stable(request.outputFileUrl) if request.outputFileUrl else None,
    )
    if query == JobQuery() and request.tags is msgspec.UNSET:
        raise Refusal(400, "Not enough info provided in request for query for jobs")
    # Of themselves these are not enough, though they narrow what is found.
    return msgspec.structs.replace(
        query,
        app=request.appName or None,
        status=request.status or None,
        limit=min(request.limit or MAX_LIMIT, MAX_LIMIT),
    )


CALLS = (
    Call(CreateJobRequest, create_job, answer_at_once=create_job_if_cached),
    Call(FindJobByDefinitionRequest, answer_at_once=find_job_by_definition),
    Call(FindJobsRequest, find_jobs, answer_at_once=find_few_jobs),
    Call(DeleteJobsRequest, delete_jobs),
    Call(CancelJobRequest, cancel_job),
)
