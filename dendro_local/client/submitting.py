"""`submit_job` and `submit_jobs`."""

from collections.abc import Sequence
from typing import Any

from dendro_local.client.default_hub import default_hub
from dendro_local.client.definitions import (
    DendroJobDefinition,
    DendroJobRequiredResources,
    resolve,
)
from dendro_local.client.handle import DendroJob, DendroJobOutput
from dendro_local.client.progress import file_progress
from dendro_local.errors import InputUnavailable, InvalidRequest
from dendro_local.hub import Hub, NewJob
from dendro_local.lifecycle import TERMINAL
from dendro_local.model import RequiredResources

__all__ = ["submit_job", "submit_jobs"]


def submit_job(
    *,
    service_name: str,
    job_definition: DendroJobDefinition,
    required_resources: DendroJobRequiredResources,
    target_compute_client_ids: Sequence[str] | None = None,
    tags: Sequence[str] = (),
    skip_cache: bool = False,
    rerun_failing: bool = False,
    delete_failing: bool = False,
) -> DendroJob:
    """Record a job to be run, or find the one that has done it already.

    Args:
        service_name: the service to submit to.
        job_definition: what is to be computed. Its hash decides whether it has been.
        required_resources: what the job needs of the machine.
        target_compute_client_ids: compute clients that may run it; None or ``['*']``: any.
        tags: words to find the job by. A job that was there already gets them too.
        skip_cache: make a new job whatever is there.
        rerun_failing: make a new job if the one that is there failed, instead of returning it.
        delete_failing: with ``rerun_failing``, remove the failed one.

    Returns:
        The job, new or found.

    Raises:
        InvalidRequest: a value cannot be used; the message names its field.
        NotFound: there is no such service or app.
        InputUnavailable: a local input file is not there.
        StoreError: the store cannot be opened or written.
    """
    request = {
        "service_name": service_name,
        "job_definition": job_definition,
        "required_resources": required_resources,
        "target_compute_client_ids": target_compute_client_ids,
        "tags": tags,
        "skip_cache": skip_cache,
        "rerun_failing": rerun_failing,
        "delete_failing": delete_failing,
    }
    return submit_jobs([request])[0]


def submit_jobs(requests: Sequence[dict[str, Any]]) -> list[DendroJob]:
    """Record many jobs in one transaction: all of them, or none.

    Args:
        requests: for each job the arguments of `submit_job`, as a dict. An input may be the
            output of a job that was submitted before, not of one in the same call.

    Returns:
        The jobs, in the order of the requests.

    Raises:
        DendroError: as `submit_job`, for the first request that cannot be used.
    """
    hub = default_hub()
    try:
        new_jobs = [_new_job(hub, **request) for request in requests]
    except InputUnavailable as error:
        # It says which file, and what is wrong with it: where we looked helps nobody.
        raise error.with_traceback(None) from None
    records = hub.submit(new_jobs, on_progress=file_progress())
    jobs: list[DendroJob] = []
    for request, record in zip(requests, records, strict=True):
        job = DendroJob(record, hub)
        for file in request["job_definition"].outputFiles:
            # So that the object itself can be the input of another job.
            file._output = DendroJobOutput(hub, record, file.name)
        if record.status not in TERMINAL and hub.runs_jobs_itself():
            # Here, because a script that finds its jobs done needs no compute client.
            from dendro_local.compute import embedded_compute_client

            embedded_compute_client(hub).note_submitted(record.jobId)
        jobs.append(job)
    return jobs


def _new_job(
    hub: Hub,
    *,
    service_name: str,
    job_definition: DendroJobDefinition,
    required_resources: DendroJobRequiredResources,
    target_compute_client_ids: Sequence[str] | None = None,
    tags: Sequence[str] = (),
    skip_cache: bool = False,
    rerun_failing: bool = False,
    delete_failing: bool = False,
) -> NewJob:
    resolved = resolve(job_definition, hub)
    return NewJob(
        serviceName=_text("service_name", service_name),
        jobDefinition=resolved.definition,
        requiredResources=_resources(required_resources),
        targetComputeClientIds=_texts("target_compute_client_ids", target_compute_client_ids),
        tags=_texts("tags", tags) or (),
        jobDependencies=resolved.dependencies,
        skipCache=skip_cache,
        rerunFailing=rerun_failing,
        deleteFailing=delete_failing,
        local_paths=resolved.local_paths,
    )


def _resources(given: object) -> RequiredResources:
    if not isinstance(given, DendroJobRequiredResources):
        raise InvalidRequest(
            f"required_resources is a DendroJobRequiredResources, not {type(given).__name__}."
        )
    return RequiredResources(
        numCpus=given.numCpus,
        numGpus=given.numGpus,
        memoryGb=given.memoryGb,
        timeSec=given.timeSec,
    )


def _text(field: str, given: object) -> str:
    if not isinstance(given, str) or not _is_text(given):
        raise InvalidRequest(f"{field} is a non-empty string, not {given!r}.")
    return given


def _texts(field: str, given: Sequence[object] | None) -> list[str] | None:
    if given is None:
        return None
    texts = [each for each in given if isinstance(each, str)] if _is_list(given) else []
    if not _is_list(given) or len(texts) < len(given) or not all(map(_is_text, texts)):
        raise InvalidRequest(f"{field} is a list of non-empty strings, not {given!r}.")
    return texts


def _is_list(given: object) -> bool:
    return isinstance(given, list | tuple)


def _is_text(given: str) -> bool:
    """Whether there is something in it, and nothing that UTF-8 cannot hold."""
    try:
        return bool(given.encode())
    except UnicodeEncodeError:
        return False
