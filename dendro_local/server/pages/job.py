"""``/jobs/{jobId}``: one job, with all that is known of it, and what one can do with it."""

from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromPath

from dendro_local.lifecycle import TERMINAL
from dendro_local.local_hub.job_views import MOST_CHILDREN, InputFacts, JobView, JobViews
from dendro_local.model import Job, JobId
from dendro_local.random_ids import random_token
from dendro_local.server import job_actions
from dendro_local.server.console_windows import Lines, lines_between
from dendro_local.server.pages.job_code import curl_command, python_script
from dendro_local.server.pages.job_console import plain_text
from dendro_local.server.pages.job_lineage import draw
from dendro_local.server.pages.rendering import page, redirect
from dendro_local.server.sessions import session_user
from dendro_local.server.usage_series import usage_series
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.job_views import lineage_of
from dendro_local.server.words import text_for_others
from dendro_local.v1 import UsageSeries

__all__ = ["JobPages"]

TAIL_BYTES = 64 << 10
"""So much of the end of a console is on the page itself."""

LAST_BYTE = 2**53
TABLE_ROWS = 12

NEUROSIFT = "https://neurosift.app/nwb"


class JobPages(Controller):
    """A job, and what its buttons do."""

    path = "/jobs/{job_id:str}"

    @get("/")
    async def job(self, asked: Asked, job_id: FromPath[str]) -> Response[bytes]:
        """The page."""
        user_id = session_user(asked.site, asked.request.scope)
        seen = await asked.in_thread(_see, asked, JobId(job_id), user_id)
        job = seen.view.facts.record
        lineage = lineage_of(job, seen.view.lineage)
        return page(
            asked.request,
            "job.html",
            job=job,
            shown=asked.public(job),
            facts=seen.view.facts,
            origin=seen.view.origin,
            inputs=[_shown_input(asked, each) for each in seen.view.inputs],
            outputs=_shown_files(asked, seen.view),
            why=seen.why,
            rights=seen.rights,
            lineage=lineage,
            drawing=draw(lineage),
            most_children=MOST_CHILDREN,
            console=plain_text([text for _, text in seen.console.lines]),
            console_size=seen.console.size,
            console_start=seen.console.start,
            usage=seen.usage,
            definition=_indented(asked.public(job).jobDefinition),
            script=python_script(job),
            curl=curl_command(asked.public(job), asked.base),
            is_final=job.status in TERMINAL,
            request_id=random_token(16),
            events="/v1/events?"
            + urlencode([("job", each.job_id) for each in lineage.jobs if each.status is not None]),
        )

    @post("/cancel")
    async def cancel(self, asked: Asked, job_id: FromPath[str]) -> Response[bytes]:
        """Cancel it."""
        user_id = asked.user_id()
        await asked.in_thread(job_actions.cancel, asked.hub, user_id, JobId(job_id))
        return redirect(f"/jobs/{job_id}")

    @post("/rerun")
    async def rerun(self, asked: Asked, job_id: FromPath[str]) -> Response[bytes]:
        """Run it again, and lead to the new one; a form that is sent twice does so once."""
        user_id = asked.user_id()
        request_id = str((await asked.request.form()).get("request", "")) or random_token(16)
        again = await asked.in_thread(
            job_actions.rerun, asked.hub, user_id, JobId(job_id), request_id[:200]
        )
        return redirect(f"/jobs/{again.jobId}")

    @post("/delete")
    async def remove(self, asked: Asked, job_id: FromPath[str]) -> Response[bytes]:
        """Delete it, and lead to the others."""
        user_id = asked.user_id()
        await asked.in_thread(job_actions.delete, asked.hub, user_id, JobId(job_id))
        return redirect("/")

    @post("/pin")
    async def pin(self, asked: Asked, job_id: FromPath[str]) -> Response[bytes]:
        """Keep it from being pruned."""
        await asked.in_thread(job_actions.pin, asked.hub, asked.user_id(), JobId(job_id))
        return redirect(f"/jobs/{job_id}")

    @post("/unpin")
    async def unpin(self, asked: Asked, job_id: FromPath[str]) -> Response[bytes]:
        """Let it be pruned."""
        await asked.in_thread(job_actions.unpin, asked.hub, asked.user_id(), JobId(job_id))
        return redirect(f"/jobs/{job_id}")


class _Rights(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever looks at a job may do with it."""

    may_change: bool = False
    may_rerun: bool = False
    may_delete: bool = False


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a job for its page."""

    view: JobView
    why: str
    rights: _Rights
    console: Lines
    usage: UsageSeries


class _ShownFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as the page shows it."""

    kind: str
    name: str
    file_name: str
    url: str
    digest: str | None
    size: int | None
    is_there: bool
    can_be_read: bool
    """Whether its URL leads to it."""
    parent: str | None = None
    neurosift: str | None = None
    """Where Neurosift shows it; None if it cannot."""


def _see(asked: Asked, job_id: JobId, user_id: str | None) -> _Seen:
    hub = asked.hub
    view = JobViews(hub).view(job_id)
    console = hub.job_log(job_id, "console")
    is_final = console.job.status in TERMINAL
    return _Seen(
        view=view,
        why=_why(asked, view.facts.record),
        rights=_rights(asked, view.facts.record, user_id),
        console=lines_between(console.path, -TAIL_BYTES, LAST_BYTE, is_final=is_final),
        usage=usage_series(hub.job_log(job_id, "usage").path, TABLE_ROWS),
    )


def _why(asked: Asked, job: Job) -> str:
    """Why a job is as it is, without its error, which is shown beside it."""
    words = asked.site.shown_whys.get(asked.hub, job)
    return text_for_others(words.removeprefix(f"Failed: {job.error}").strip("\n"), asked.hub)


def _rights(asked: Asked, job: Job, user_id: str | None) -> _Rights:
    if user_id is None:
        return _Rights()
    hub = asked.hub
    services = {each.serviceName: each for each in hub.services()}
    service = services.get(job.serviceName)
    return _Rights(
        may_change=hub.may_change(user_id, job),
        may_rerun=service is not None and hub.may_create_jobs(user_id, service),
        may_delete=hub.may_delete(user_id, job),
    )


def _shown_input(asked: Asked, each: InputFacts) -> _ShownFile:
    url = asked.urls.public(each.file.url)
    return _ShownFile(
        kind="input",
        name=each.file.name,
        file_name=each.file.fileBaseName,
        url=url,
        digest=each.digest,
        size=each.size,
        is_there=each.is_there,
        can_be_read=each.is_there or not each.file.url.startswith("dendro:"),
        parent=each.parent,
        neurosift=_neurosift(each.file.fileBaseName, url),
    )


def _shown_files(asked: Asked, view: JobView) -> Sequence[_ShownFile]:
    definition = view.facts.record.jobDefinition
    names = {each.name: each.fileBaseName for each in definition.outputFiles}
    found: list[_ShownFile] = []
    for each in view.facts.files:
        file_name = names.get(each.name) if each.kind == "output" else None
        file_name = file_name or each.name.rpartition("/")[2]
        url = asked.urls.public(each.url)
        # Some outputs are not in the store but where the app has put them.
        can_be_read = each.is_there or (each.digest is None and not each.url.startswith("dendro:"))
        found.append(
            _ShownFile(
                kind=each.kind,
                name=each.name,
                file_name=file_name,
                url=url,
                digest=each.digest,
                size=each.size,
                is_there=each.is_there,
                can_be_read=can_be_read,
                neurosift=_neurosift(file_name, url) if can_be_read else None,
            )
        )
    return found


def _neurosift(file_name: str, url: str) -> str | None:
    """The page of Neurosift that shows an NWB file, also in the form of LINDI."""
    is_lindi = file_name.endswith((".lindi.json", ".lindi.tar"))
    if not url.startswith(("http://", "https://")) or not (is_lindi or file_name.endswith(".nwb")):
        return None
    query = {"url": url, "st": "lindi"} if is_lindi else {"url": url}
    return f"{NEUROSIFT}?{urlencode(query)}"


def _indented(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
