"""``/v1/storage``: what takes how much room, and what can go."""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from dendro_local.local_hub.pruning import PrunedJob, PrunePlan, PruneRules
from dendro_local.server import prune_actions
from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.v1 import Pruned, PrunedJobEntry, PruneJobs, RoomOfProcessor, Storage

__all__ = ["StorageRoutes"]


class StorageRoutes(Controller):
    """The room that the store takes."""

    path = "/storage"
    tags = ("hub",)

    @get("/", operation_id="getStorage")
    async def storage(self, asked: Asked, figures: NamedDependency[StoreFigures]) -> Storage:
        """What takes how much room.

        The finished jobs of each processor, and their files by age. Numbers may be seconds old.
        """
        rooms = await asked.in_thread(figures.rooms)
        return Storage(
            database_bytes=asked.hub.store.folder.database_bytes(),
            blob_bytes=await asked.in_thread(figures.blob_bytes),
            processors=[RoomOfProcessor(**room._asdict()) for room in rooms],
        )

    @post(
        "/prune",
        status_code=200,
        operation_id="pruneJobs",
        security=KEY_NEEDED,
        responses=refusals(400, 401, 403, 413),
    )
    async def prune(self, asked: Asked, data: JSONBody[PruneJobs]) -> Pruned:
        """Prune finished jobs.

        For the user whose hub it is. With `dryRun`, as long as it is not said otherwise, it only
        tells what would go.
        """
        user_id = asked.user_id()
        act = prune_actions.planned if data.dry_run else prune_actions.prune
        as_of = asked.hub.now()
        plan = await asked.in_thread(act, asked.hub, user_id, _rules(data), data.ended_by)
        return _pruned(plan, as_of=as_of, is_dry_run=data.dry_run)


def _rules(data: PruneJobs) -> PruneRules:
    return PruneRules(
        older_than_sec=data.older_than_sec,
        larger_than_bytes=data.larger_than_bytes,
        tags=data.tags,
        status=data.status,
        recomputable=data.recomputable,
        to_size_bytes=data.to_size_bytes,
    )


def _pruned(plan: PrunePlan, *, as_of: float, is_dry_run: bool) -> Pruned:
    return Pruned(
        as_of=as_of,
        is_dry_run=is_dry_run,
        jobs=[_entry(job) for job in plan.jobs],
        freed_bytes=plan.freed_bytes,
        kept=plan.kept,
        not_recomputable=plan.not_recomputable,
        children=plan.children,
    )


def _entry(job: PrunedJob) -> PrunedJobEntry:
    return PrunedJobEntry(
        job_id=job.job_id,
        app_name=job.app,
        processor_name=job.processor,
        status=job.status,
        ended_at=job.finished_at,
        size_bytes=job.size_bytes,
        freed_bytes=job.freed_bytes,
    )
