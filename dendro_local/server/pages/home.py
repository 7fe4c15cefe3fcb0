"""``/``: what is served here."""

from litestar import Response, get
from litestar.di import NamedDependency

from dendro_local.server.pages.rendering import page
from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.v1.asking import Asked

__all__ = ["home"]


@get("/")
async def home(asked: Asked, figures: NamedDependency[StoreFigures]) -> Response[bytes]:
    """The first page."""
    apps = await asked.in_thread(asked.hub.apps)
    services = await asked.in_thread(asked.hub.services)
    counts = await asked.in_thread(figures.jobs_by_status)
    return page(
        asked.request,
        "home.html",
        base_url=asked.base,
        counts=counts,
        services=[
            (
                service.serviceName,
                [app.record for app in apps if app.record.serviceName == service.serviceName],
            )
            for service in services
        ],
    )
