"""``/clients``: who runs the jobs, what runs in their slots, and why jobs wait."""

import contextlib
from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromPath

from dendro_local.errors import InvalidRequest, JobNotFound
from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.compute_clients import ComputeClientChanges
from dendro_local.model import ComputeSlot, Job
from dendro_local.server import client_actions
from dendro_local.server.pages.removal import ask_first
from dendro_local.server.pages.rendering import page, redirect
from dendro_local.server.sessions import session_user
from dendro_local.server.v1.asking import Asked
from dendro_local.server.words import text_for_others

__all__ = ["ClientPages"]

MOST_WAITING = 50
"""So many waiting jobs are shown with the reason for each."""

SLOT_FIELDS: Mapping[str, tuple[str, type[int] | type[float]]] = {
    "multiplicity": ("Jobs at once", int),
    "numCpus": ("CPUs", int),
    "numGpus": ("GPUs", int),
    "memoryGb": ("Memory (GB)", float),
    "timeSec": ("Time (s)", float),
    "minNumCpus": ("Least CPUs", int),
    "minNumGpus": ("Least GPUs", int),
    "minMemoryGb": ("Least memory (GB)", float),
    "minTimeSec": ("Least time (s)", float),
}


class WaitingJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that could run, and why it does not."""

    job: Job
    why: str


class ClientPages(Controller):
    """Compute clients."""

    path = "/clients"

    @get("/")
    async def all(self, asked: Asked) -> Response[bytes]:
        """Who is alive, who is registered, and what waits."""
        user = session_user(asked.site, asked.request.scope)
        work = await asked.in_thread(asked.hub.live_work)
        waiting, has_more = await asked.in_thread(_waiting, asked)
        services = await asked.in_thread(asked.hub.services)
        return page(
            asked.request,
            "clients.html",
            work=work,
            alive={each.run.compute_client_id for each in work},
            clients=await asked.in_thread(asked.hub.compute_clients),
            waiting=waiting,
            has_more=has_more,
            unset=msgspec.UNSET,
            may_process=[
                each.serviceName
                for each in services
                if user is not None and asked.hub.may_process_jobs(user, each)
            ],
        )

    @post("/", status_code=200)
    async def register(self, asked: Asked) -> Response[bytes]:
        """Register a compute client; its key is shown this once."""
        user_id = asked.user_id()
        form = await asked.request.form()
        name = str(form.get("name", "")).strip()
        services = [str(each) for each in form.getall("service", [])]
        if not services:
            raise InvalidRequest("Choose a service whose jobs it is to run.")
        client, key = await asked.in_thread(
            asked.hub.register_compute_client, user_id, name, services
        )
        return page(
            asked.request, "client_registered.html", client=client, key=key, base_url=asked.base
        )

    @get("/{client_id:str}")
    async def client(self, asked: Asked, client_id: FromPath[str]) -> Response[bytes]:
        """One compute client, and a form for its slots."""
        found = await asked.in_thread(asked.hub.compute_client, client_id)
        user = session_user(asked.site, asked.request.scope)
        work = await asked.in_thread(asked.hub.live_work)
        has_key = await asked.in_thread(_has_key, asked.hub, client_id)
        return page(
            asked.request,
            "client.html",
            client=found,
            work=[each for each in work if each.run.compute_client_id == client_id],
            may_change=has_key and user in (found.userId, asked.hub.user_id),
            has_key=has_key,
            fields=SLOT_FIELDS,
            unset=msgspec.UNSET,
        )

    @post("/{client_id:str}")
    async def change(self, asked: Asked, client_id: FromPath[str]) -> Response[bytes]:
        """Change what a compute client is called, offers, and for whom it works."""
        user_id = asked.user_id()
        form = await asked.request.form()
        users = str(form.get("users", "")).replace(",", " ").split()
        changes = ComputeClientChanges(
            name=str(form.get("name", "")).strip(),
            description=str(form.get("description", "")).strip(),
            process_for=users or None,
            slots=_slots(
                {name: [str(each) for each in form.getall(name, [])] for name in SLOT_FIELDS}
            ),
        )
        await asked.in_thread(client_actions.change, asked.hub, user_id, client_id, changes)
        return redirect(f"/clients/{quote(client_id, safe='')}")

    @post("/{client_id:str}/remove", status_code=200)
    async def remove(self, asked: Asked, client_id: FromPath[str]) -> Response[bytes]:
        """Forget a compute client, once that is confirmed."""
        user_id = asked.user_id()
        found = await asked.in_thread(client_actions.check_owns, asked.hub, user_id, client_id)
        question = await ask_first(
            asked,
            f"/clients/{quote(client_id, safe='')}",
            what=f"compute client {found.computeClientName}",
            consequence="Its key is void. What it runs goes to another; its jobs stay.",
        )
        if question is not None:
            return question
        await asked.in_thread(client_actions.remove, asked.hub, user_id, client_id)
        return redirect("/clients")


def _has_key(hub: LocalHub, client_id: str) -> bool:
    """Whether a compute client comes from another machine, with a key."""
    found = hub.store.registered_clients.get(client_id)
    return found is not None and found.key_hash is not None


def _waiting(asked: Asked) -> tuple[list[WaitingJob], bool]:
    """Jobs that are pending, with the reason for each, and whether there are more of them."""
    jobs = asked.hub.find_jobs(JobQuery(status="pending", limit=MOST_WAITING + 1))
    shown: list[WaitingJob] = []
    for job in jobs[:MOST_WAITING]:
        with contextlib.suppress(JobNotFound):  # deleted this very moment
            why = text_for_others(asked.site.shown_whys.get(asked.hub, job), asked.hub)
            shown.append(WaitingJob(job=job, why=why))
    return shown, len(jobs) > MOST_WAITING


def _slots(columns: Mapping[str, list[str]]) -> list[ComputeSlot]:
    """The slots of a form, which has each of their fields once for each slot.

    A row without jobs at once is no slot.
    """
    slots: list[ComputeSlot] = []
    for index, multiplicity in enumerate(columns["multiplicity"]):
        if multiplicity.strip() in ("", "0"):
            continue
        values: dict[str, float] = {}
        for name, (label, kind) in SLOT_FIELDS.items():
            try:
                values[name] = kind(columns[name][index])
            except (ValueError, IndexError) as error:
                raise InvalidRequest(f"Slot {index + 1} has no number as {label}.") from error
        slots.append(msgspec.convert(values, ComputeSlot))
    return slots
