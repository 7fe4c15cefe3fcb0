"""``/apps``: services, their apps and processors, and who may do what on them."""

from urllib.parse import quote

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from dendro_local.errors import InvalidRequest
from dendro_local.local_hub import LocalHub
from dendro_local.model import ServiceUser
from dendro_local.server import service_actions
from dendro_local.server.app_states import (
    AppState,
    app_state,
    environments_by_key,
    for_others,
    source_in_words,
)
from dendro_local.server.pages.finished_jobs import finished_jobs
from dendro_local.server.pages.removal import ask_first
from dendro_local.server.pages.rendering import page, redirect
from dendro_local.server.sessions import session_user
from dendro_local.server.store_figures import StoreFigures
from dendro_local.server.v1.asking import Asked, HubRequest
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
        rooms = await figures.rooms.soon(asked.in_thread)
        return page(
            asked.request,
            "apps.html",
            base_url=asked.base,
            is_hub_owner=_user(asked) == asked.hub.user_id,
            is_counting=rooms is None,
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
        rooms = await figures.rooms.soon(asked.in_thread)
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
        user_id = asked.user_id()
        form = await asked.request.form()
        of_user = str(form.get("user", "")).strip()
        if not of_user:
            raise InvalidRequest("Give the id of a user, such as github|ada.")
        is_dropped = "drop" in form
        rights = ServiceUser(
            userId=of_user,
            admin="admin" in form and not is_dropped,
            createJobs="createJobs" in form and not is_dropped,
            processJobs="processJobs" in form and not is_dropped,
        )
        await asked.in_thread(service_actions.set_user, asked.hub, user_id, service, rights)
        return redirect(_address(service))

    @post("/{service:str}/remove", status_code=200)
    async def remove_service(self, asked: Asked, service: FromPath[str]) -> Response[bytes]:
        """Remove a service, once that is confirmed."""
        user_id = asked.user_id()
        await asked.in_thread(service_actions.check_owns, asked.hub, user_id, service)
        question = await ask_first(
            asked,
            _address(service),
            what=f"service {service}",
            consequence="Its apps are taken off with it. Its jobs stay.",
        )
        if question is not None:
            return question
        await asked.in_thread(service_actions.remove_service, asked.hub, user_id, service)
        return redirect("/apps")

    @post("/{service:str}/add")
    async def add_app(self, asked: Asked, service: FromPath[str]) -> Response[bytes]:
        """Register an app from a folder of the hub's machine, a spec's file or its URL."""
        user_id = asked.user_id()
        source = await _field(asked, "source")
        app = await asked.in_thread(service_actions.add_app, asked.hub, user_id, service, source)
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
        found = await asked.in_thread(service_actions.registered, asked.hub, service, app)
        state = await asked.in_thread(_state_of, asked.hub, found)
        rooms = await figures.rooms.soon(asked.in_thread)
        user = _user(asked)
        is_hub_owner = user == asked.hub.user_id
        return page(
            asked.request,
            "app.html",
            app=found,
            state=state if is_hub_owner else for_others(state, asked.hub),
            source=source_in_words(found, shows_paths=is_hub_owner),
            finished=finished_jobs(rooms, service, app),
            processors=[
                (each, finished_jobs(rooms, service, app, each.name))
                for each in found.record.appSpecification.processors
            ],
            is_owner=user is not None and asked.hub.is_owner(user, of_service),
            may_update=is_hub_owner and service_actions.can_be_updated(found),
        )

    @post("/{service:str}/{app:str}/update")
    async def update(
        self, asked: Asked, service: FromPath[str], app: FromPath[str]
    ) -> Response[bytes]:
        """Register an app again from where it is from."""
        await asked.in_thread(service_actions.update_app, asked.hub, asked.user_id(), service, app)
        return redirect(_address(service, app))

    @post("/{service:str}/{app:str}/remove", status_code=200)
    async def remove(
        self, asked: Asked, service: FromPath[str], app: FromPath[str]
    ) -> Response[bytes]:
        """Take an app off a service, once that is confirmed."""
        user_id = asked.user_id()
        await asked.in_thread(service_actions.check_owns, asked.hub, user_id, service)
        await asked.in_thread(service_actions.registered, asked.hub, service, app)
        question = await ask_first(
            asked,
            _address(service, app),
            what=f"app {app} from service {service}",
            consequence="Its jobs stay. What waits for it cannot run until it is added again.",
        )
        if question is not None:
            return question
        await asked.in_thread(service_actions.remove_app, asked.hub, user_id, service, app)
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
        found = await asked.in_thread(service_actions.registered, asked.hub, service, app)
        of_app = service_actions.processor_of(found, processor)
        rooms = await figures.rooms.soon(asked.in_thread)
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


def _address(*parts: str) -> str:
    return "/".join(["/apps", *(quote(part, safe="") for part in parts)])


def _apps_of(hub: LocalHub, service: str) -> list[tuple[RegisteredApp, AppState]]:
    environments = environments_by_key(hub)
    return [(app, app_state(hub, app, environments)) for app in hub.apps(service=service)]


def _state_of(hub: LocalHub, app: RegisteredApp) -> AppState:
    return app_state(hub, app, environments_by_key(hub))


def _json(value: object) -> str | None:
    """A value of a spec as JSON; None for one that is not set."""
    return None if value is msgspec.UNSET else msgspec.json.encode(value).decode()
