"""``/v1/services``: services, their apps, and the code of an app."""

import msgspec
from litestar import Controller, get
from litestar.params import FromPath
from litestar.response import Stream

from dendro_local.app_source import AppFolder
from dendro_local.model import Service
from dendro_local.server.app_states import app_state, environments_by_key, for_others
from dendro_local.server.service_actions import registered
from dendro_local.server.v1.app_archive import AppArchive
from dendro_local.server.v1.asking import Asked, HubRequest, caller
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.store import RegisteredApp
from dendro_local.v1 import AppEntry, AppList, AppStatus, ServiceEntry, ServiceList

__all__ = ["Services", "app_entry", "service_entry"]


class Services(Controller):
    """Services and their apps."""

    path = "/services"
    tags = ("services",)

    @get("/", operation_id="getServices", responses=refusals(401))
    async def all(self, asked: Asked) -> ServiceList:
        """List services.

        Every service, by name. Who may do what on them is told to whoever has a key.
        """
        has_key = caller(asked.request) is not None
        found = await asked.in_thread(asked.hub.services)
        return ServiceList(services=[service_entry(each, has_key=has_key) for each in found])

    @get("/{service:str}", operation_id="getService", responses=refusals(401, 404))
    async def one(self, asked: Asked, service: FromPath[str]) -> ServiceEntry:
        """One service."""
        has_key = caller(asked.request) is not None
        return service_entry(await asked.in_thread(asked.hub.service, service), has_key=has_key)

    @get("/{service:str}/apps", operation_id="getApps", responses=refusals(404))
    async def apps(self, asked: Asked, service: FromPath[str]) -> AppList:
        """List apps.

        The apps of a service as they were registered, by name.
        """
        return AppList(apps=await asked.in_thread(_apps, asked, service))

    @get("/{service:str}/apps/{app:str}", operation_id="getApp", responses=refusals(400, 404, 409))
    async def app(self, asked: Asked, service: FromPath[str], app: FromPath[str]) -> AppEntry:
        """One app.

        An app of a service; one from a folder as the folder gives it now.
        """
        return app_entry(await asked.in_thread(asked.hub.app, service, app))

    @get(
        "/{service:str}/apps/{app:str}/status",
        operation_id="getAppStatus",
        responses=refusals(401, 404),
    )
    async def status(self, asked: Asked, service: FromPath[str], app: FromPath[str]) -> AppStatus:
        """In which state an app is.

        Whether its environment is built, its folder has changed, and it can be used; nothing of
        it is run for this.
        """
        return await asked.in_thread(_status, asked, caller(asked.request), service, app)

    @get(
        "/{service:str}/apps/{app:str}/code",
        operation_id="getAppCode",
        security=KEY_NEEDED,
        responses=refusals(400, 401, 403, 404, 409),
        media_type="application/x-tar",
    )
    async def code(self, asked: Asked, service: FromPath[str], app: FromPath[str]) -> Stream:
        """The code of an app.

        A tar file with the app's folder, for whoever may process jobs of the service: users, and
        compute clients with their own key and their id in `Dendro-Compute-Client`. Exactly the
        files over which the digest is that the `ETag` gives, and the app's `codeDigest`.
        """
        archive, digest = await asked.in_thread(_archive, asked, service, app)
        return Stream(
            archive.pieces(asked.site),
            media_type="application/x-tar",
            headers={
                "content-length": str(archive.size),
                "etag": f'"{digest}"',
                "cache-control": "no-cache",
            },
        )


def service_entry(service: Service, *, has_key: bool) -> ServiceEntry:
    """A service as a reply has it; who may do what is told to whoever has a key."""
    return ServiceEntry(
        service_name=service.serviceName,
        user_id=service.userId,
        users=service.users if has_key else msgspec.UNSET,
    )


def _apps(asked: Asked, service: str) -> list[AppEntry]:
    asked.hub.service(service)
    return [app_entry(each) for each in asked.hub.apps(service=service)]


def app_entry(app: RegisteredApp) -> AppEntry:
    """An app as a reply has it, without paths of the hub's machine."""
    record = app.record
    source = "spec" if app.source is None else app.source.partition(":")[0]
    uri = record.appSpecificationUri
    return AppEntry(
        service_name=record.serviceName,
        app_name=record.appName,
        app_specification_uri="" if uri.startswith("file:") else uri,  # of the hub's machine
        app_specification_commit=record.appSpecificationCommit,
        app_specification=record.appSpecification,
        version=app.version,
        source="folder" if source == "folder" else "bundled" if source == "bundled" else "spec",
        sdk=app.sdk,
        code_digest=app.folder_digest,
    )


def _status(asked: HubRequest, user_id: str | None, service: str, app: str) -> AppStatus:
    hub = asked.hub
    state = app_state(hub, registered(hub, service, app), environments_by_key(hub))
    if user_id != hub.user_id:
        state = for_others(state, hub)
    info = state.info
    if info is None:
        return AppStatus(
            environment=state.environment, has_changed=state.has_changed, fault=state.fault
        )
    return AppStatus(
        environment=state.environment,
        python_version=info.python_version,
        packages=info.packages,
        size_bytes=info.size_bytes,
        environment_error=info.error,
        has_changed=state.has_changed,
        fault=state.fault,
    )


def _archive(asked: Asked, service: str, app: str) -> tuple[AppArchive, str]:
    asked.check_may_process(asked.hub.service(service))
    folder: AppFolder = asked.hub.app_code(service, app)
    return AppArchive(folder), folder.digest
