"""``/storage``: what takes how much room, and what can go."""

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency

from dendro_local.errors import InvalidRequest
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.pruning import PrunePlan, PruneRules
from dendro_local.server import prune_actions
from dendro_local.server.pages.finished_jobs import rooms_of_apps
from dendro_local.server.pages.form_fields import Form, number
from dendro_local.server.pages.rendering import page
from dendro_local.server.sessions import session_user
from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.v1.asking import Asked

__all__ = ["StoragePages"]

MOST_SHOWN = 200
"""So many of the jobs that would go are listed."""

DAY_SEC = 86_400.0
MB = 1_000_000


class StoragePages(Controller):
    """The room that the store takes."""

    path = "/storage"

    @get("/")
    async def storage(
        self, asked: Asked, figures: NamedDependency[StoreFigures]
    ) -> Response[bytes]:
        """Bytes by app and age, and a form for what can go; with its fields, what would."""
        user = session_user(asked.site, asked.request.scope)
        is_owner = user == asked.hub.user_id
        form = {name: str(value) for name, value in asked.request.query_params.items()}
        rules = _rules(form)
        plan: PrunePlan | None = None
        as_of = asked.hub.now()
        if is_owner and rules != PruneRules():
            plan = await asked.in_thread(asked.hub.plan_prune, rules)
        return page(
            asked.request,
            "storage.html",
            is_owner=is_owner,
            facts=await asked.in_thread(_facts, asked.hub, figures),
            rooms=rooms_of_apps(await figures.rooms.soon(asked.in_thread)),
            form=form,
            plan=plan,
            as_of=as_of,
            shown=[] if plan is None else plan.jobs[:MOST_SHOWN],
        )

    @post("/prune", status_code=200)
    async def prune(self, asked: Asked) -> Response[bytes]:
        """Remove what was shown."""
        user_id = asked.user_id()
        sent = await asked.request.form()
        rules = _rules({name: str(value) for name, value in sent.items()})
        shown_at = number({"shown_at": str(sent.get("shown_at", ""))}, "shown_at")
        if shown_at is None:
            raise InvalidRequest("What would go was not shown first. Go back and look at it.")
        done = await asked.in_thread(prune_actions.prune, asked.hub, user_id, rules, shown_at)
        return page(asked.request, "pruned.html", plan=done)


class StoreRoom(msgspec.Struct, frozen=True, kw_only=True):
    """What the store is, and the room that its parts take in bytes."""

    folder: str
    database_bytes: int
    blob_bytes: int


def _facts(hub: LocalHub, figures: StoreFigures) -> StoreRoom:
    folder = hub.store.folder
    return StoreRoom(
        folder=str(folder.root),
        database_bytes=folder.database_bytes(),
        blob_bytes=figures.blob_bytes(),
    )


def _rules(form: Form) -> PruneRules:
    """The rules that a form gives; its fields are days, megabytes, a tag and a status.

    Raises:
        InvalidRequest: a field is no number, or no status.
    """
    status = form.get("status") or None
    if status not in (None, "completed", "failed"):
        raise InvalidRequest(f"status is {status[:50]!r}. Give completed or failed.")
    days = number(form, "older_than_days")
    larger = number(form, "larger_than_mb")
    total = number(form, "to_size_mb")
    tag = form.get("tag", "").strip()
    return PruneRules(
        older_than_sec=None if days is None else days * DAY_SEC,
        larger_than_bytes=None if larger is None else round(larger * MB),
        tags=(tag,) if tag else (),
        status="completed" if status == "completed" else "failed" if status else None,
        recomputable="recomputable" in form,
        to_size_bytes=None if total is None else round(total * MB),
    )
