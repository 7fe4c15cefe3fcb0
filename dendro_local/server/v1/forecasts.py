"""``/v1/jobs/forecast``: what would come of a submission, without submitting."""

from litestar import post
from litestar.params import JSONBody

from dendro_local.errors import InputUnavailable
from dendro_local.file_urls import parse_blob_url
from dendro_local.hub import NewJob
from dendro_local.local_hub import Forecast
from dendro_local.server.v1.asking import Asked, HubRequest
from dendro_local.server.v1.jobs import MAX_SUBMIT_BYTES, new_job
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.v1 import JobForecast, JobRequest, LackingInput
from dendro_local.v1.forecasts import Outcome

__all__ = ["forecast_job"]


@post(
    "/jobs/forecast",
    status_code=200,
    tags=["jobs"],
    operation_id="forecastJob",
    security=KEY_NEEDED,
    responses=refusals(400, 401, 404, 409, 413),
    request_max_body_size=MAX_SUBMIT_BYTES,
)
async def forecast_job(asked: Asked, data: JSONBody[JobRequest]) -> JobForecast:
    """What would come of submitting a job.

    Nothing is recorded, and no remote is asked. What would be refused is refused here with the
    same words, but for rights and limits of the user, and inputs that were not sent yet.
    """
    return await asked.in_thread(_forecast, asked, asked.user_id(), data)


def _forecast(asked: HubRequest, user_id: str, data: JobRequest) -> JobForecast:
    hub = asked.hub
    service = hub.service(data.service_name)
    request = new_job(asked, data)
    lacking: list[LackingInput] = []
    try:
        found = hub.foresee(request)
    except InputUnavailable:
        lacking = _lacking(asked, request)
        found = Forecast()
    apps = hub.apps(service=data.service_name, name=data.job_definition.appName)
    return JobForecast(
        outcome=_outcome(found) if not lacking else "lacksInputs",
        job=None if found.job is None else asked.public(found.job),
        takes_over=None if found.takes_over is None else asked.public(found.takes_over),
        waits_for=found.waits_for,
        failed_parent=found.failed_parent,
        lacking_inputs=lacking,
        note=found.note,
        app_version=apps[0].version if apps else None,
        required_resources=data.required_resources,
        may_create=hub.may_create_jobs(user_id, service),
    )


def _outcome(found: Forecast) -> Outcome:
    if found.job is not None:
        return "found"
    if found.takes_over is not None:
        return "takesOver"
    if found.failed_parent is not None:
        return "fails"
    return "waits" if found.waits_for else "runs"


def _lacking(asked: HubRequest, request: NewJob) -> list[LackingInput]:
    """The inputs that are files of another machine and were not sent here."""
    store = asked.hub.store
    with store.reading():
        return [
            LackingInput(name=file.name, url=file.url)
            for file in request.jobDefinition.inputFiles
            if (digest := parse_blob_url(file.url)) is not None
            and not store.blobs.has(digest)
            and not store.local_files.paths(digest)
        ]
