"""All routes of ``/v1``, and what they share."""

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

from dendro_local.server.fresh_router import FreshRouter
from dendro_local.server.v1.asking import refuse_unknown_parameters
from dendro_local.server.v1.blobs import Blobs
from dendro_local.server.v1.claims import Claims
from dendro_local.server.v1.compare import compared
from dendro_local.server.v1.compute_clients import ComputeClients
from dendro_local.server.v1.events import Events
from dendro_local.server.v1.forecasts import forecast_job
from dendro_local.server.v1.hub import stats, throughput
from dendro_local.server.v1.job_changes import JobChanges, change_jobs
from dendro_local.server.v1.job_views import JobLooks
from dendro_local.server.v1.jobs import Jobs
from dendro_local.server.v1.logs import Logs
from dendro_local.server.v1.many_blobs import ManyBlobs
from dendro_local.server.v1.openapi import docs_script, openapi_json
from dendro_local.server.v1.previews import previewed
from dendro_local.server.v1.remotes import Keys, Remotes
from dendro_local.server.v1.runs import Runs
from dendro_local.server.v1.service_changes import ServiceChanges
from dendro_local.server.v1.services import Services
from dendro_local.server.v1.storage import StorageRoutes
from dendro_local.server.v1.sync import Sync
from dendro_local.server.v1.users import Users

__all__ = ["v1_routes"]

MAX_BODY_BYTES = 1 << 20


def v1_routes() -> Sequence[ControllerRouterHandler]:
    """The routes."""
    router = FreshRouter(
        "/v1",
        route_handlers=[
            Jobs,
            JobChanges,
            JobLooks,
            change_jobs,
            forecast_job,
            compared,
            Logs,
            previewed,
            Events,
            Services,
            ServiceChanges,
            stats,
            StorageRoutes,
            throughput,
            ComputeClients,
            Users,
            Blobs,
            Runs,
            Claims,
            Sync,
            ManyBlobs,
            Remotes,
            Keys,
        ],
        guards=[refuse_unknown_parameters],
        request_max_body_size=MAX_BODY_BYTES,
    )
    return [router, openapi_json, docs_script]
