"""``/apps``: services, their apps and processors, and who may do what on them."""

from urllib.parse import quote

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from dendro_local.errors import InvalidRequest, NotAllowed, NotFound
from dendro_local.local_hub import LocalHub
from dendro_local.model import ProcessorSpecification, Service, ServiceUser
from dendro_local.server.pages.app_states import (
    AppState,
    app_state,
    environments_by_key,
    source_in_words,
)
from dendro_local.server.pages.finished_jobs import finished_jobs
from dendro_local.server.pages.rendering import page, redirect
from dendro_local.server.sessions import session_user
from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.v1.asking import Asked, HubRequest
from dendro_local.server.words import text_for_others
from dendro_local.store import RegisteredApp

__all__ = ["AppPages"]


class AppPages(Controller):
    """What is installed, from where, in which state, and who may use it."""

    path = "/apps"

    @get("/")
    async def all(self, asked: Asked, figures: NamedDependency[StoreFigures]) -> Response[bytes]:
        """Every service with its apps."""
        services = await asked.in_thread(asked.hub.services)
        apps = await asked.in_thread(asked.hub.apps)
        rooms = await asked.in_thread(figures.rooms)
        return page(
            asked.request,
            "apps.html",
            base_url=asked.base,
            is_hub_owner=_user(asked) == asked.hub.user_id,
            services=[
                (
                    each,
                    [
                        (app, finished_jobs(rooms, each.serviceName, app.record.appName))
                        for app in apps
                        if app.record.serviceName == each.serviceName
                    ],
                )
                for each in services
            ],
        )

    @post("/")
    async def add_service(self, asked: Asked) -> Response[bytes]:
        """Add a service that the user owns."""
        user_id = asked.user_id()
        name = await _field(asked, "service")
        await asked.in_thread(asked.hub.add_service, name, user_id)
        return redirect(_address(name))

    @get("/{service:str}")
    async def service(
        self, asked: Asked, figures: NamedDependency[StoreFigures], service: FromPath[str]
    ) -> Response[bytes]:
        """One service."""
        found = await asked.in_thread(asked.hub.service, service)
        apps = await asked.in_thread(_apps_of, asked.hub, service)
        clients = await asked.in_thread(asked.hub.compute_clients, service)
        rooms = await asked.in_thread(figures.rooms)
        user = _user(asked)
        return page(
            asked.request,
            "service.html",
            service=found,
            apps=[
                (app, state, finished_jobs(rooms, service, app.record.appName))
                for app, state in apps
            ],
            finished=finished_jobs(rooms, service),
            clients=clients,
            has_key=user is not None,
            may_administer=user is not None and asked.hub.may_administer(user, found),
            is_owner=user is not None and asked.hub.is_owner(user, found),
            is_hub_owner=user == asked.hub.user_id,
        )

    @post("/{service:str}/users")
    async def set_user(self, asked: Asked, service: FromPath[str]) -> Response[bytes]:
        """Say what one user may do, or that they may do nothing."""
        found = await asked.in_thread(asked.hub.service, service)
        if not asked.hub.may_administer(asked.user_id(), found):
            raise NotAllowed(f"Only admins of service {service} may say who may do what on it.")
        form = await asked.request.form()
        user_id = str(form.get("user", "")).strip()
        if not user_id:
            raise InvalidRequest("Give the id of a user, such as github|ada.")
        rights = ServiceUser(
            userId=user_id,
            admin="admin" in form,
            createJobs="createJobs" in form,
            processJobs="processJobs" in form,
        )
        has_any = rights.admin or rights.createJobs or rights.processJobs
        is_dropped = "drop" in form or not has_any
        await asked.in_thread(
            asked.hub.change_service_users,
            service,
            [] if is_dropped else [rights],
            [user_id] if is_dropped else [],
        )
        return redirect(_address(service))

    @post("/{service:str}/remove", status_code=200)
    async def remove_service(self, asked: Asked, service: FromPath[str]) -> Response[bytes]:
        """Remove a service, once that is confirmed."""
        found = await asked.in_thread(asked.hub.service, service)
        _check_owns(asked, found)
        form = await asked.request.form()
        if "confirmed" not in form:
            return page(
                asked.request,
                "confirm_removal.html",
                what=f"service {service}",
                consequence="Its apps are taken off with it. Its jobs stay.",
                address=f"{_address(service)}/remove",
                back=_address(service),
            )
        await asked.in_thread(asked.hub.remove_service, service)
        return redirect("/apps")

    @post("/{service:str}/add")
    async def add_app(self, asked: Asked, service: FromPath[str]) -> Response[bytes]:
        """Register an app from a folder of the hub's machine, a spec's file or its URL."""
        if asked.user_id() != asked.hub.user_id:
            raise NotAllowed(
                "Only the user whose hub this is may register apps from its machine here. Owners "
                "of services may do so by a spec, with the Dendro contract."
            )
        source = await _field(asked, "source")
        app = await asked.in_thread(asked.hub.add_app, source, service)
        return redirect(_address(service, app.record.appName))

    @get("/{service:str}/{app:str}")
    async def app(
        self,
        asked: Asked,
        figures: NamedDependency[StoreFigures],
        service: FromPath[str],
        app: FromPath[str],
    ) -> Response[bytes]:
        """One app, as it was registered."""
        of_service = await asked.in_thread(asked.hub.service, service)
        found = await asked.in_thread(_registered, asked.hub, service, app)
        state = await asked.in_thread(_state_of, asked.hub, found)
        rooms = await asked.in_thread(figures.rooms)
        user = _user(asked)
        is_hub_owner = user == asked.hub.user_id
        return page(
            asked.request,
            "app.html",
            app=found,
            state=state if is_hub_owner else _for_others(state, asked.hub),
            source=source_in_words(found, shows_paths=is_hub_owner),
            finished=finished_jobs(rooms, service, app),
            processors=[
                (each, finished_jobs(rooms, service, app, each.name))
                for each in found.record.appSpecification.processors
            ],
            is_owner=user is not None and asked.hub.is_owner(user, of_service),
            may_update=is_hub_owner and _can_update(found),
        )

    @post("/{service:str}/{app:str}/update")
    async def update(
        self, asked: Asked, service: FromPath[str], app: FromPath[str]
    ) -> Response[bytes]:
        """Register an app again from where it is from."""
        found = await asked.in_thread(_registered, asked.hub, service, app)
        if asked.user_id() != asked.hub.user_id:
            raise NotAllowed("Only the user whose hub this is may register its apps again.")
        if not _can_update(found):
            raise InvalidRequest(f"App {app} comes with dendro-local, or by its spec alone.")
        if found.source is None:
            await asked.in_thread(asked.hub.add_app, found.record.appSpecificationUri, service)
        else:
            await asked.in_thread(asked.hub.register_again, service, app, found.source)
        return redirect(_address(service, app))

    @post("/{service:str}/{app:str}/remove", status_code=200)
    async def remove(
        self, asked: Asked, service: FromPath[str], app: FromPath[str]
    ) -> Response[bytes]:
        """Take an app off a service, once that is confirmed."""
        _check_owns(asked, await asked.in_thread(asked.hub.service, service))
        await asked.in_thread(_registered, asked.hub, service, app)
        form = await asked.request.form()
        if "confirmed" not in form:
            return page(
                asked.request,
                "confirm_removal.html",
                what=f"app {app} from service {service}",
                consequence="Its jobs stay. What waits for it cannot run until it is added again.",
                address=f"{_address(service, app)}/remove",
                back=_address(service, app),
            )
        await asked.in_thread(asked.hub.remove_app, service, app)
        return redirect(_address(service))

    @get("/{service:str}/{app:str}/{processor:str}")
    async def processor(
        self,
        asked: Asked,
        figures: NamedDependency[StoreFigures],
        service: FromPath[str],
        app: FromPath[str],
        processor: FromPath[str],
    ) -> Response[bytes]:
        """One processor: what it takes and gives."""
        found = await asked.in_thread(_registered, asked.hub, service, app)
        of_app = _processor(found, processor)
        rooms = await asked.in_thread(figures.rooms)
        return page(
            asked.request,
            "processor.html",
            app=found,
            processor=of_app,
            parameters=[
                (each, _json(each.defaultValue), [_json(option) for option in each.options or ()])
                for each in of_app.parameters
            ],
            finished=finished_jobs(rooms, service, app, processor),
        )


def _user(asked: HubRequest) -> str | None:
    return session_user(asked.site, asked.request.scope)


async def _field(asked: HubRequest, name: str) -> str:
    value = str((await asked.request.form()).get(name, "")).strip()
    if not value:
        raise InvalidRequest(f"The form has no {name}. Go back and fill it in.")
    return value


def _check_owns(asked: HubRequest, service: Service) -> None:
    if not asked.hub.is_owner(asked.user_id(), service):
        raise NotAllowed(f"Only the owner of service {service.serviceName} may do this.")


def _address(*parts: str) -> str:
    return "/".join(["/apps", *(quote(part, safe="") for part in parts)])


def _registered(hub: LocalHub, service: str, name: str) -> RegisteredApp:
    """The app as it was registered.

    Raises:
        NotFound: there is no such service or app.
    """
    hub.service(service)
    for app in hub.apps(service=service, name=name):
        return app
    raise hub.missing_app(service, name)


def _apps_of(hub: LocalHub, service: str) -> list[tuple[RegisteredApp, AppState]]:
    environments = environments_by_key(hub)
    return [(app, app_state(hub, app, environments)) for app in hub.apps(service=service)]


def _state_of(hub: LocalHub, app: RegisteredApp) -> AppState:
    return app_state(hub, app, environments_by_key(hub))


def _for_others(state: AppState, hub: LocalHub) -> AppState:
    """The state without paths of the hub's machine, and without what its tools printed."""
    fault = None if state.fault is None else text_for_others(state.fault, hub)
    info = None if state.info is None else msgspec.structs.replace(state.info, error=None)
    return msgspec.structs.replace(state, fault=fault, info=info)


def _can_update(app: RegisteredApp) -> bool:
    """Whether there is something to register it from again."""
    if app.source is not None:
        return app.source.startswith("folder:")
    return app.record.appSpecificationUri.startswith(("https://", "http://"))


def _processor(app: RegisteredApp, name: str) -> ProcessorSpecification:
    for each in app.record.appSpecification.processors:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in app.record.appSpecification.processors)
    raise NotFound(f"App {app.record.appName} has no processor {name!r}. It has: {names}.")


def _json(value: object) -> str | None:
    """A value of a spec as JSON; None for one that is not set."""
    return None if value is msgspec.UNSET else msgspec.json.encode(value).decode()
