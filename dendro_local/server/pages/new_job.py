"""``/new``: a form for a new job, made from the spec of its processor.

What is filled in is in the address, so that it can be shared, and gone back to.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromQuery

from dendro_local.errors import DendroError, InvalidRequest, NotAllowed
from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest, Job
from dendro_local.random_ids import random_token
from dendro_local.server.job_actions import check_may_create
from dendro_local.server.pages.form_check import FIELD, check_script
from dendro_local.server.pages.new_job_form import PLACE, form_of
from dendro_local.server.pages.new_job_seen import SeenForm, jobs_with_outputs, see_form
from dendro_local.server.pages.rendering import page, redirect
from dendro_local.server.sessions import session_user
from dendro_local.server.v1.asking import Asked, HubRequest
from dendro_local.server.v1.incoming import incoming_of
from dendro_local.server.words import words_for_others

__all__ = ["NewJobPages"]

MAX_FORM_BYTES = 4 << 20

REQUEST = "request"
"""The field that is another each time a form is shown, so that one sent twice counts once."""


class NewJobPages(Controller):
    """Submitting jobs by hand."""

    path = "/new"

    @get("/")
    async def new(self, asked: Asked) -> Response[bytes]:
        """What can be run; or, of a processor that is chosen, the form."""
        values = _values(asked.request.query_params.multi_items())
        if not values.get("from") and not all(values.get(name) for name in PLACE):
            return await _choose(asked, values)
        user_id = session_user(asked.site, asked.request.scope)
        seen = await asked.in_thread(see_form, asked, values, user_id)
        return _form(asked, seen, told=values)

    @post("/", status_code=200, request_max_body_size=MAX_FORM_BYTES)
    async def submit(self, asked: Asked) -> Response[bytes]:
        """Submit the job, or show what is wrong with it."""
        values, token = await _sent(asked)
        user_id = asked.user_id()
        seen = await asked.in_thread(see_form, asked, values, user_id)
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
        seen = await asked.in_thread(see_form, asked, values, user_id)
        if "hx-request" in asked.request.headers:
            return _form(asked, seen, told=values, template="_new_verdict.html")
        if seen.read.faults or seen.address is None:
            return _form(asked, seen, told=values, status=400 if seen.read.faults else 200)
        return redirect(seen.address)

    @get("/outputs")
    async def outputs(self, asked: Asked, text: FromQuery[str] = "") -> Response[bytes]:
        """Outputs of jobs that may be an input: a fragment for the form."""
        jobs = await asked.in_thread(jobs_with_outputs, asked.hub, text.strip() or None)
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
            # One file may be sent for several inputs at once.
            async with incoming.closed(hub.incoming_blob(digest)):
                await asked.in_thread(_keep, hub, file, digest)
        finally:
            incoming.forget(file)
            file.unlink(missing_ok=True)
        body = msgspec.json.encode({"url": f"dendro:sha256/{digest}", "size": size})
        return Response(body, media_type="application/json")


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
    seen: SeenForm,
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


def _submit(hub: LocalHub, user_id: str, request: NewJob, token: str) -> Job:
    check_may_create(hub, user_id, request.serviceName)
    # The form that was sent by a second click is the same request; one that was edited is not.
    content = hashlib.sha256(msgspec.json.encode(request)).hexdigest()
    request_id = f"{token or random_token(16)} {content}"
    return hub.submit([request], user_id=user_id, request_id=request_id)[0]


def _keep(hub: LocalHub, file: Path, digest: Digest) -> None:
    file.replace(hub.incoming_blob(digest))
    hub.keep_incoming_blob(digest, digest)
