"""``/jobs/actions``: what users do with the jobs that they have selected in a list."""

from collections.abc import Sequence

from litestar import Response, post

from dendro_local.errors import InvalidRequest
from dendro_local.model import JobId
from dendro_local.server.job_actions import JOB_ACTIONS, JobAction, do_with_all
from dendro_local.server.pages.jobs_filter import LIMITS
from dendro_local.server.pages.rendering import page, redirect
from dendro_local.server.v1.asking import Asked

__all__ = ["jobs_actions"]

TO_BE_CONFIRMED: frozenset[JobAction] = frozenset({"cancel", "delete"})
"""What cannot be taken back."""


@post("/jobs/actions", status_code=200)
async def jobs_actions(asked: Asked) -> Response[bytes]:
    """Do something with each of the jobs; what ends or removes them is asked about first."""
    user_id = asked.user_id()
    form = await asked.request.form()
    action = _action(str(form.get("action", "")))
    job_ids = _job_ids([str(each) for each in form.getall("job", [])])
    tag = str(form.get("tag", "")).strip()
    back = _own_path(str(form.get("back", "")))
    if action in TO_BE_CONFIRMED and "confirmed" not in form:
        return page(asked.request, "confirm.html", action=action, job_ids=job_ids, back=back)
    outcomes = await asked.in_thread(
        do_with_all, asked.hub, user_id, action, job_ids, [tag] if tag else []
    )
    refused = [each for each in outcomes if each.refusal is not None]
    if not refused:
        return redirect(back)
    return page(
        asked.request,
        "outcomes.html",
        action=action,
        num_done=len(outcomes) - len(refused),
        refused=refused,
        back=back,
    )


def _action(text: str) -> JobAction:
    for each in JOB_ACTIONS:
        if each == text:
            return each
    raise InvalidRequest(f"action is {text[:100]!r}. Give one of {', '.join(JOB_ACTIONS)}.")


def _job_ids(given: Sequence[str]) -> list[JobId]:
    job_ids = [JobId(each) for each in dict.fromkeys(given)]
    if not job_ids:
        raise InvalidRequest("No job was selected. Go back and select some.")
    if len(job_ids) > LIMITS[-1]:
        raise InvalidRequest(f"Select at most {LIMITS[-1]} jobs at once; not {len(job_ids)}.")
    return job_ids


def _own_path(text: str) -> str:
    """Where to go then, if it is a list of jobs of this hub; or to the first page."""
    return text if text.startswith("/?") and text.isprintable() else "/"
