"""The web application: which routes there are, and what stands before them."""

from litestar import Litestar, asgi
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.types import ASGIApp, HTTPScope, Receive, Send

from dendro_local.server.contract import ContractRoutes
from dendro_local.server.files import FileRoutes
from dendro_local.server.health import Readiness, healthz, readyz
from dendro_local.server.metrics import Metered, Metrics, metrics
from dendro_local.server.news import News
from dendro_local.server.pages import page_routes, refusal_of_no_route
from dendro_local.server.previews.readers import Readers
from dendro_local.server.site import Site
from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.upkeep import upkeep
from dendro_local.server.uploads import UploadRoutes
from dendro_local.server.v1 import EXCEPTION_HANDLERS, asked, openapi_config, v1_routes
from dendro_local.server.v1.incoming import Incoming

__all__ = ["make_app"]


def make_app(site: Site) -> ASGIApp:
    """The application that serves a hub."""
    contract = ContractRoutes(site)

    @asgi("/api", is_mount=True, copy_scope=False)
    async def serve_contract(scope: HTTPScope, receive: Receive, send: Send) -> None:
        await contract(scope, receive, send)

    uploads = UploadRoutes(site)

    @asgi("/u", is_mount=True, copy_scope=False)
    async def take_upload(scope: HTTPScope, receive: Receive, send: Send) -> None:
        await uploads(scope, receive, send)

    files = FileRoutes(site)

    @asgi("/f", is_mount=True, copy_scope=False)
    async def serve_file(scope: HTTPScope, receive: Receive, send: Send) -> None:
        await files(scope, receive, send)

    @asgi("/v1/sync/blobs", is_mount=True, copy_scope=False)
    async def serve_blob(scope: HTTPScope, receive: Receive, send: Send) -> None:
        await files(scope, receive, send)

    figures = StoreFigures(site.hub)
    news = News(site)
    server_metrics = Metrics(figures, news, contract.names)
    app = Litestar(
        route_handlers=[
            serve_contract,
            take_upload,
            serve_file,
            serve_blob,
            *v1_routes(),
            *page_routes(),
            healthz,
            readyz,
            metrics,
        ],
        dependencies={
            "asked": Provide(asked, sync_to_thread=False),
            "figures": _given(figures),
            "news": _given(news),
            "readiness": _given(Readiness(site)),
            "server_metrics": _given(server_metrics),
        },
        exception_handlers={
            **EXCEPTION_HANDLERS,
            NotFoundException: refusal_of_no_route,
            MethodNotAllowedException: refusal_of_no_route,
        },
        openapi_config=openapi_config(),
        logging_config=None,
        lifespan=[lambda _: upkeep(site)],
        on_shutdown=[news.close, site.close],
        state=State({"site": site, "incoming": Incoming(site), "readers": Readers()}),
    )
    return Metered(app, server_metrics)


def _given(value: object) -> Provide:
    """A dependency of routes that is always this."""

    def give() -> object:
        return value

    return Provide(give, sync_to_thread=False)
