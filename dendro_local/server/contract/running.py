"""What compute clients ask about jobs, and apps about the job that they run."""

import contextlib
from collections.abc import Generator, Sequence

import msgspec

from dendro_local.contract import (
    GetDandiApiKeyRequest,
    GetJobRequest,
    GetRunnableJobRequest,
    GetRunnableJobsForComputeClientRequest,
    GetSignedDownloadUrlRequest,
    SetJobStatusRequest,
    SetOutputFileUrlRequest,
)
from dendro_local.dandi import is_dandi_url, readable_url
from dendro_local.errors import (
    ComputeClientNotFound,
    Conflict,
    HubUnreachable,
    JobNotFound,
    NotAllowed,
)
from dendro_local.local_hub import KeyedJob
from dendro_local.model import Job, JobId
from dendro_local.server.contract.call import Asked, Call, Refusal, Reply
from dendro_local.server.contract.compute_clients import checked_compute_client

__all__ = ["CALLS", "checked_job_key", "in_contract_words"]


def get_job(asked: Asked, request: GetJobRequest) -> Reply | None:
    """The job of an id, if there is one; None if its key is asked for too."""
    if request.includePrivateKey:
        return None
    try:
        return {"job": asked.urls.public_job(asked.hub.get_job(JobId(request.jobId)))}
    except JobNotFound:
        return {}


def get_job_with_key(asked: Asked, request: GetJobRequest) -> Reply:
    """The job of an id, if there is one, with its key for the compute client that runs it."""
    try:
        found = asked.hub.keyed_job(JobId(request.jobId))
    except JobNotFound:
        return {}
    client_id = request.computeClientId
    if isinstance(client_id, msgspec.UnsetType) or not client_id:
        raise Refusal(400, "computeClientId must be provided if includePrivateKey is true")
    if found.job.computeClientId != client_id:
        raise Refusal(401, "Mismatch between computeClientId in request and job")
    if not asked.hub.check_compute_client_key(client_id, asked.key):
        raise Refusal(401, "Unauthorized")
    return {"job": asked.urls.public_job(found.job, found.key)}


def get_runnable_jobs(asked: Asked, request: GetRunnableJobsForComputeClientRequest) -> Reply:
    """What a compute client may start now, and what it runs."""
    client = checked_compute_client(asked, request.computeClientId)
    is_single = request.singleJob is True
    job_id = JobId(request.jobId) if request.jobId else None
    runnable = asked.hub.runnable_for(client, job_id=job_id, at_most_one=is_single)
    # Whoever asks for a job by its id does not want to know what else it runs.
    is_for_all = job_id is None or is_single
    running = asked.hub.running_on(client.computeClientId) if is_for_all else []
    return {"runnableJobs": _shown(asked, runnable), "runningJobs": _shown(asked, running)}


def get_runnable_job(asked: Asked, request: GetRunnableJobRequest) -> Reply:
    """A job that a user wants to run."""
    if asked.key is None:
        raise Refusal(400, "User API token must be provided")
    user_id = asked.hub.user_of_key(asked.key)
    if user_id is None:
        raise Refusal(401, "Unauthorized - no user for token")
    with in_contract_words():
        found = asked.hub.runnable_job(JobId(request.jobId), user_id)
    return {"job": asked.urls.public_job(found.job, found.key)}


def set_job_status(asked: Asked, request: SetJobStatusRequest) -> Reply:
    """Take a job a step further."""
    key = _given_key(asked)
    error = None if request.error is msgspec.UNSET else request.error
    with in_contract_words():
        asked.hub.set_status_by_key(
            JobId(request.jobId), key, request.computeClientId, request.status, error
        )
    return {}


def set_output_file_url(asked: Asked, request: SetOutputFileUrlRequest) -> Reply:
    """Record where an app has put an output."""
    key = _given_key(asked)
    job_id = JobId(request.jobId)
    _check_key_shortly(asked, job_id, key)
    with in_contract_words():
        url = asked.urls.stable(request.url)
        asked.hub.set_output_url(job_id, key, request.outputName, url)
    return {}


def get_dandi_api_key(asked: Asked, request: GetDandiApiKeyRequest) -> Reply:
    """The secret with which an output is published."""
    key = _given_key(asked)
    job_id = JobId(request.jobId)
    _check_key_shortly(asked, job_id, key)
    with in_contract_words():
        return {"dandiApiKey": asked.hub.dandi_api_key(job_id, key, request.outputName)}


def get_signed_download_url(asked: Asked, request: GetSignedDownloadUrlRequest) -> Reply:
    """Where an input can be read now."""
    job_id = JobId(request.jobId)
    key = checked_job_key(asked, job_id)
    url = asked.urls.stable(request.url)
    with in_contract_words():
        secret = asked.hub.input_secret(job_id, key, url)
    if not is_dandi_url(url):
        return {"signedUrl": request.url}
    try:
        return {"signedUrl": readable_url(url, secret)}
    except HubUnreachable as error:
        raise Refusal(502, str(error)) from error


@contextlib.contextmanager
def in_contract_words() -> Generator[None]:
    """A block whose errors of the hub are answered with the statuses of the contract."""
    try:
        yield
    except JobNotFound as error:
        raise Refusal(404, "Job not found") from error
    except ComputeClientNotFound as error:
        raise Refusal(404, "Compute client not found") from error
    except NotAllowed as error:
        raise Refusal(401, str(error)) from error
    except Conflict as error:
        raise Refusal(400, str(error)) from error


def checked_job_key(asked: Asked, job_id: JobId) -> str:
    """The key of a request, which is that of its job."""
    with in_contract_words():
        asked.hub.get_job(job_id)
        if asked.key is None:
            raise Refusal(400, "Job private key must be provided")
        asked.hub.check_job_key(job_id, asked.key)
    return asked.key


def _given_key(asked: Asked) -> str:
    if asked.key is None:
        raise Refusal(400, "Job private key must be provided")
    return asked.key


def _check_key_shortly(asked: Asked, job_id: JobId, key: str) -> Job:
    """Refuse a wrong key, as the calls for outputs with a URL of their own do."""
    try:
        with in_contract_words():
            return asked.hub.check_job_key(job_id, key)
    except Refusal as refusal:
        raise (Refusal(403, "Unauthorized") if refusal.status == 401 else refusal) from refusal


def _shown(asked: Asked, found: Sequence[KeyedJob]) -> list[Job]:
    return [asked.urls.public_job(each.job, each.key) for each in found]


CALLS = (
    Call(GetJobRequest, get_job_with_key, answer_at_once=get_job),
    Call(GetRunnableJobsForComputeClientRequest, get_runnable_jobs),
    Call(GetRunnableJobRequest, get_runnable_job),
    Call(SetJobStatusRequest, set_job_status),
    Call(SetOutputFileUrlRequest, set_output_file_url),
    Call(GetDandiApiKeyRequest, get_dandi_api_key),
    Call(GetSignedDownloadUrlRequest, get_signed_download_url),
)
