"""What is seen of the form for a new job: its processor, what is filled in, what would come of it.

All of this waits for the disk, and is to be called where one may.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from dendro_local.errors import DendroError, InvalidRequest, JobNotFound
from dendro_local.file_urls import file_url, parse_blob_url, parse_file_url
from dendro_local.hub import JobQuery
from dendro_local.local_hub import Forecast, LocalHub
from dendro_local.model import Job, JobStatus, ProcessorSpecification
from dendro_local.server.pages.new_job_form import PLACE, address_of
from dendro_local.server.pages.new_job_reading import FormRead, Found, read_form
from dendro_local.server.pages.new_job_start import FormStart, start_from, start_of
from dendro_local.server.service_actions import processor_of, registered
from dendro_local.server.v1.asking import HubRequest
from dendro_local.server.words import words_for_others
from dendro_local.store import RegisteredApp

__all__ = ["SeenForm", "jobs_with_outputs", "see_form"]

MOST_FOUND: Mapping[JobStatus, int] = {"running": 5, "pending": 5, "completed": 20}
"""So many jobs are offered whose outputs may be an input."""


class SeenForm(msgspec.Struct, kw_only=True):
    """What is shown of a form."""

    user_id: str | None
    app: RegisteredApp
    processor: ProcessorSpecification
    start: FormStart
    values: Mapping[str, str]
    read: FormRead
    forecast: Forecast | None
    address: str | None
    may_create: bool


def see_form(asked: HubRequest, given: Mapping[str, str], user_id: str | None) -> SeenForm:
    """What is to be shown of a form in which something is filled in, and what would come of it.

    Args:
        asked: for the form.
        given: what is filled in, by the names of the fields; or ``from``, a job that is to run
            again with edits.
        user_id: who looks at it; None for a guest.

    Raises:
        NotFound: there is no such service, app, processor, or job.
    """
    hub = asked.hub
    job = _earlier(hub, given)
    values = dict(given)
    if job is not None:
        definition = job.jobDefinition
        names = (job.serviceName, definition.appName, definition.processorName)
        values = {**dict(zip(PLACE, names, strict=True)), **values}
    app = registered(hub, values["service"], values["app"])
    processor = processor_of(app, values["processor"])
    start = start_of(processor)
    if job is not None:
        start = start_from(processor, job, hub.input_paths(job.jobId))
    is_owner = user_id == hub.user_id
    read = read_form(processor, start, values, lambda place: _find(asked, place, is_owner=is_owner))
    forecast: Forecast | None = None
    if read.request is not None:
        try:
            forecast = hub.foresee(read.request)
            if forecast.job is None and read.shorter is not None:
                # Programs often leave defaults out; this form does not.
                other = hub.foresee(read.shorter)
                if other.job is not None or (other.takes_over and not forecast.takes_over):
                    read.request, forecast = read.shorter, other
        except DendroError as error:
            read.faults[""] = words_for_others(error, hub)
    return SeenForm(
        user_id=user_id,
        app=app,
        processor=processor,
        start=start,
        values=values,
        read=read,
        forecast=forecast,
        address=address_of(start, values),
        may_create=user_id is not None
        and hub.may_create_jobs(user_id, hub.service(values["service"])),
    )


def _earlier(hub: LocalHub, values: Mapping[str, str]) -> Job | None:
    """The job that is to run again with edits.

    Raises:
        JobNotFound: it is not there, and nothing else says what the form is of.
    """
    if not values.get("from"):
        return None
    try:
        return hub.get_job(hub.job_id(values["from"]))
    except JobNotFound:
        # Deleted in the meantime: a form that is sent has all that it had.
        if all(values.get(name) for name in PLACE):
            return None
        raise


def _find(asked: HubRequest, place: str, *, is_owner: bool) -> Found:
    """The input file at a place that was typed.

    Raises:
        DendroError: there is none.
    """
    hub = asked.hub
    url = asked.urls.stable(place)
    try:
        if parse_blob_url(url) is not None or parse_file_url(url) is not None:
            return Found(url=url)
        if url.startswith("dendro:"):
            return Found(url=_output_url(hub, url))
        if url.startswith(("http://", "https://")):
            return Found(url=url)
        path = Path(place)
        if not is_owner or not path.is_absolute():
            local = ", or the whole path of a file of the hub's machine" if is_owner else ""
            raise InvalidRequest(
                f"{place[:100]!r} is no input. Give an http(s) URL, dendro:JOB/OUTPUT{local}."
            )
        return Found(url=hub.file_url(path), path=place)
    except DendroError as error:
        if is_owner:
            raise
        raise InvalidRequest(words_for_others(error, hub)) from error


def _output_url(hub: LocalHub, text: str) -> str:
    """The URL of an output that is given as ``dendro:JOB/OUTPUT``, or of the only one."""
    prefix, _, name = text.removeprefix("dendro:").partition("/")
    job = hub.get_job(hub.job_id(prefix))
    definition = job.jobDefinition
    outputs = definition.outputFiles
    if not name and len(outputs) == 1:
        name = outputs[0].name
    for result in job.outputFileResults:
        if result.name == name:
            return result.url
    for output in outputs:
        if output.name != name:
            continue
        if output.urlDeterminedAtRuntime is True:
            raise InvalidRequest(
                f"Where output {name!r} of job {job.jobId} is, is known when that job has "
                "completed. Wait for it."
            )
        return file_url(
            job.serviceName,
            definition.appName,
            definition.processorName,
            job.jobId,
            name,
            output.fileBaseName,
        )
    names = ", ".join(each.name for each in outputs) or "none"
    raise InvalidRequest(f"Job {job.jobId} has no output {name[:100]!r}. It has: {names}.")


def jobs_with_outputs(hub: LocalHub, text: str | None) -> Sequence[Job]:
    """Jobs in which all words of a text are, and whose outputs are there or to come."""
    found: list[Job] = []
    for status, most in MOST_FOUND.items():
        jobs = hub.find_page(JobQuery(status=status, text=text, limit=most)).jobs
        found += [each.record for each in jobs if each.record.jobDefinition.outputFiles]
    return found
