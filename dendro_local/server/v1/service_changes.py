"""What changes services: their apps, and who may do what on them."""

from litestar import Controller, delete, post, put
from litestar.params import FromPath, JSONBody

from dendro_local.model import ServiceUser
from dendro_local.server import service_actions
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.refusals import KEY_NEEDED, refusals
from dendro_local.server.v1.services import app_entry, service_entry
from dendro_local.v1 import AppEntry, NewApp, NewService, ServiceEntry, UserRights

__all__ = ["ServiceChanges"]


class ServiceChanges(Controller):
    """Changes of services."""

    path = "/services"
    tags = ("services",)
    security = KEY_NEEDED

    @post("/", status_code=200, operation_id="addService", responses=refusals(400, 401, 409, 413))
    async def add(self, asked: Asked, data: JSONBody[NewService]) -> ServiceEntry:
        """Add a service.

        Whoever asks owns it.
        """
        user_id = asked.user_id()
        added = await asked.in_thread(asked.hub.add_service, data.service_name, user_id)
        return service_entry(added, has_key=True)

    @delete("/{service:str}", operation_id="removeService", responses=refusals(401, 403, 404))
    async def remove(self, asked: Asked, service: FromPath[str]) -> None:
        """Remove a service.

        With its apps, for its owner. Its jobs stay.
        """
        user_id = asked.user_id()
        await asked.in_thread(service_actions.remove_service, asked.hub, user_id, service)

    @put(
        "/{service:str}/users/{user:str}",
        operation_id="setServiceUser",
        responses=refusals(400, 401, 403, 404, 413),
    )
    async def set_user(
        self, asked: Asked, service: FromPath[str], user: FromPath[str], data: JSONBody[UserRights]
    ) -> ServiceEntry:
        """Say what a user may do on a service.

        For its admins. In place of what the user could do before; other users keep their rights.
        The user `*` is everybody who has a key, and can be let create jobs alone.
        """
        rights = ServiceUser(
            userId=user,
            admin=data.admin,
            createJobs=data.create_jobs,
            processJobs=data.process_jobs,
        )
        user_id = asked.user_id()
        found = await asked.in_thread(service_actions.set_user, asked.hub, user_id, service, rights)
        return service_entry(found, has_key=True)

    @delete(
        "/{service:str}/users/{user:str}",
        status_code=200,
        operation_id="dropServiceUser",
        responses=refusals(401, 403, 404),
    )
    async def drop_user(
        self, asked: Asked, service: FromPath[str], user: FromPath[str]
    ) -> ServiceEntry:
        """Take all rights on a service from a user.

        For its admins. One who has none stays so.
        """
        user_id = asked.user_id()
        found = await asked.in_thread(service_actions.drop_user, asked.hub, user_id, service, user)
        return service_entry(found, has_key=True)

    @post(
        "/{service:str}/apps",
        status_code=200,
        operation_id="addApp",
        responses=refusals(400, 401, 403, 404, 409, 413),
    )
    async def add_app(
        self, asked: Asked, service: FromPath[str], data: JSONBody[NewApp]
    ) -> AppEntry:
        """Add an app.

        For the user whose hub it is, since the code of a folder runs on its machine. Owners of
        services register apps by their specs with the Dendro contract's `addServiceApp`. A
        service that is not there is made.
        """
        user_id = asked.user_id()
        added = await asked.in_thread(
            service_actions.add_app, asked.hub, user_id, service, data.source
        )
        return app_entry(added)

    @post(
        "/{service:str}/apps/{app:str}/update",
        status_code=200,
        operation_id="updateApp",
        responses=refusals(400, 401, 403, 404, 409),
    )
    async def update_app(
        self, asked: Asked, service: FromPath[str], app: FromPath[str]
    ) -> AppEntry:
        """Register an app again.

        From the folder or URL where it is from, for the user whose hub it is.
        """
        user_id = asked.user_id()
        found = await asked.in_thread(service_actions.update_app, asked.hub, user_id, service, app)
        return app_entry(found)

    @delete(
        "/{service:str}/apps/{app:str}",
        operation_id="removeApp",
        responses=refusals(401, 403, 404),
    )
    async def remove_app(self, asked: Asked, service: FromPath[str], app: FromPath[str]) -> None:
        """Take an app off a service.

        For the owner of the service. The app's jobs stay; those that wait for it go on waiting.
        """
        user_id = asked.user_id()
        await asked.in_thread(service_actions.remove_app, asked.hub, user_id, service, app)
