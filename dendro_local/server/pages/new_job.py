"""``/new``: a form for a new job, made from the spec of its processor.

What is filled in is in the address, so that it can be shared, and gone back to.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromQuery

from dendro_local.errors import DendroError, InvalidRequest, JobNotFound, NotAllowed, NotFound
from dendro_local.file_urls import file_url, parse_blob_url, parse_file_url
from dendro_local.hub import JobQuery, NewJob
from dendro_local.local_hub import Forecast, LocalHub
from dendro_local.model import Digest, Job, JobStatus, ProcessorSpecification
from dendro_local.random_ids import random_token
from dendro_local.server.pages.form_check import FIELD, check_script
from dendro_local.server.pages.new_job_form import PLACE, address_of, form_of
from dendro_local.server.pages.new_job_reading import FormRead, Found, read_form
from dendro_local.server.pages.new_job_start import FormStart, start_from, start_of
from dendro_local.server.pages.rendering import page, redirect
from dendro_local.server.sessions import session_user
from dendro_local.server.v1.asking import Asked, HubRequest
from dendro_local.server.v1.incoming import incoming_of
from dendro_local.server.words import words_for_others
from dendro_local.store import RegisteredApp

__all__ = ["NewJobPages"]

MAX_FORM_BYTES = 4 << 20

MOST_FOUND: Mapping[JobStatus, int] = {"running": 5, "pending": 5, "completed": 20}
"""So many jobs are offered whose outputs may be an input."""

REQUEST = "request"
"""The field that is another each time a form is shown, so that one sent twice counts once."""


class NewJobPages(Controller):
    """Submitting jobs by hand."""

    path = "/new"

    @get("/")
    async def new(self, asked: Asked) -> Response[bytes]:
        """What can be run; or, of a processor that is chosen, the form."""
        values = _values(asked.request.query_params.multi_items())
        if "from" not in values and not all(values.get(name) for name in PLACE):
            return await _choose(asked, values)
        user_id = session_user(asked.site, asked.request.scope)
        seen = await asked.in_thread(_see, asked, values, user_id)
        return _form(asked, seen, told=values)

    @post("/", status_code=200, request_max_body_size=MAX_FORM_BYTES)
    async def submit(self, asked: Asked) -> Response[bytes]:
        """Submit the job, or show what is wrong with it."""
        values, token = await _sent(asked)
        user_id = asked.user_id()
        seen = await asked.in_thread(_see, asked, values, user_id)
        if seen.read.request is not None and not seen.read.faults:
            try:
                job = await asked.in_thread(_submit, asked.hub, user_id, seen.read.request, token)
            except NotAllowed:
                raise
            except DendroError as error:
                seen.read.faults[""] = words_for_others(error, asked.hub)
            else:
                return redirect(f"/jobs/{job.jobId}")
        return _form(asked, seen, told=values, status=400)

    @post("/check", status_code=200, request_max_body_size=MAX_FORM_BYTES)
    async def check(self, asked: Asked) -> Response[bytes]:
        """Say what would come of it: in the form, or, to a script, in a part of it."""
        values, _ = await _sent(asked)
        user_id = session_user(asked.site, asked.request.scope)
        seen = await asked.in_thread(_see, asked, values, user_id)
        if "hx-request" in asked.request.headers:
            return _form(asked, seen, told=values, template="_new_verdict.html")
        if seen.read.faults or seen.address is None:
            return _form(asked, seen, told=values, status=400 if seen.read.faults else 200)
        return redirect(seen.address)

    @get("/outputs")
    async def outputs(self, asked: Asked, text: FromQuery[str] = "") -> Response[bytes]:
        """Outputs of jobs that may be an input: a fragment for the form."""
        jobs = await asked.in_thread(_with_outputs, asked.hub, text.strip() or None)
        return page(asked.request, "new_outputs.html", jobs=jobs)

    @post("/upload", status_code=200, request_max_body_size=None, before_request=check_script)
    async def upload(self, asked: Asked) -> Response[bytes]:
        """Take a file as an input; its URL as JSON. The body is the file."""
        user_id, hub = asked.user_id(), asked.hub
        if not any(hub.may_create_jobs(user_id, each) for each in hub.services()):
            raise NotAllowed(f"{user_id} may create jobs on no service of this hub.")
        incoming = incoming_of(asked)
        # It is called by its digest when that is known.
        file = hub.incoming_blob(Digest(random_token(32)))
        try:
            await incoming.receive(
                asked.request, file, lambda size, more: hub.check_may_send(user_id, size, more)
            )
            digest = (await incoming.digests([file]))[file]
            size = file.stat().st_size
            await asked.in_thread(_keep, hub, file, digest)
        finally:
            incoming.forget(file)
            file.unlink(missing_ok=True)
        body = msgspec.json.encode({"url": f"dendro:sha256/{digest}", "size": size})
        return Response(body, media_type="application/json")


class _Seen(msgspec.Struct, kw_only=True):
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


def _values(items: Iterable[tuple[str, Any]]) -> dict[str, str]:
    return {name: str(value) for name, value in items if name not in (FIELD, REQUEST)}


async def _sent(asked: HubRequest) -> tuple[dict[str, str], str]:
    """What was filled in, and by what the form is known.

    Raises:
        InvalidRequest: it is a form of no processor.
    """
    form = await asked.request.form()
    values = _values(form.multi_items())
    if not all(values.get(name) for name in PLACE):
        raise InvalidRequest("Choose a processor first, at /new.")
    return values, str(form.get(REQUEST, ""))[:200]


async def _choose(asked: HubRequest, values: Mapping[str, str]) -> Response[bytes]:
    apps = await asked.in_thread(asked.hub.apps)
    chosen = [
        app
        for app in apps
        if values.get("service") in (None, "", app.record.serviceName)
        and values.get("app") in (None, "", app.record.appName)
    ]
    is_all = len(chosen) == len(apps)
    return page(asked.request, "new_choose.html", apps=chosen, is_all=is_all)


def _form(
    asked: HubRequest,
    seen: _Seen,
    *,
    told: Mapping[str, str],
    status: int = 200,
    template: str = "new_job.html",
) -> Response[bytes]:
    """The form, or a part of it. What is wrong is told beside those fields that are in ``told``."""
    form = form_of(seen.processor, seen.start, seen.values)
    return page(
        asked.request,
        template,
        status=status,
        app=seen.app,
        processor=seen.processor,
        start=seen.start,
        values=seen.values,
        form=form,
        fields=form.by_name(),
        faults=seen.read.faults,
        told=told,
        forecast=seen.forecast,
        address=seen.address,
        may_create=seen.may_create,
        is_owner=seen.user_id == asked.hub.user_id,
        request_id=random_token(16),
    )


# In a thread


def _see(asked: HubRequest, given: Mapping[str, str], user_id: str | None) -> _Seen:
    hub = asked.hub
    job = _earlier(hub, given)
    values = dict(given)
    if job is not None:
        definition = job.jobDefinition
        names = (job.serviceName, definition.appName, definition.processorName)
        values = {**dict(zip(PLACE, names, strict=True)), **values}
    app = _app(hub, values)
    processor = _processor(app, values)
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
    return _Seen(
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


def _app(hub: LocalHub, values: Mapping[str, str]) -> RegisteredApp:
    service, name = values["service"], values["app"]
    hub.service(service)
    for app in hub.apps(service=service, name=name):
        return app
    raise hub.missing_app(service, name)


def _processor(app: RegisteredApp, values: Mapping[str, str]) -> ProcessorSpecification:
    specification = app.record.appSpecification
    for each in specification.processors:
        if each.name == values["processor"]:
            return each
    names = ", ".join(each.name for each in specification.processors)
    raise NotFound(
        f"App {specification.name} has no processor {values['processor']!r}. It has: {names}."
    )


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


def _with_outputs(hub: LocalHub, text: str | None) -> Sequence[Job]:
    """Jobs in which all words of a text are, and whose outputs are there or to come."""
    found: list[Job] = []
    for status, most in MOST_FOUND.items():
        jobs = hub.find_page(JobQuery(status=status, text=text, limit=most)).jobs
        found += [each.record for each in jobs if each.record.jobDefinition.outputFiles]
    return found


def _submit(hub: LocalHub, user_id: str, request: NewJob, token: str) -> Job:
    service = hub.service(request.serviceName)
    if not hub.may_create_jobs(user_id, service):
        raise NotAllowed(
            f"{user_id} may not create jobs on service {service.serviceName}. Its owner can let "
            "them."
        )
    # The form that was sent by a second click is the same request; one that was edited is not.
    content = hashlib.sha256(msgspec.json.encode(request)).hexdigest()
    request_id = f"{token or random_token(16)} {content}"
    return hub.submit([request], user_id=user_id, request_id=request_id)[0]


def _keep(hub: LocalHub, file: Path, digest: Digest) -> None:
    file.replace(hub.incoming_blob(digest))
    hub.keep_incoming_blob(digest, digest)
