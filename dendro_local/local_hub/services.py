"""Services as their owners change them, and apps that come to them by their specs.

The spec of such an app is what its owner sends; nothing is fetched from its URI.
"""

from collections.abc import Collection, Sequence

import msgspec

from dendro_local.errors import Conflict, InvalidApp, InvalidRequest
from dendro_local.local_hub.app_registration import check_service_name, registered_app
from dendro_local.local_hub.apps import Apps
from dendro_local.local_hub.permissions import check_service_users
from dendro_local.model import AppSpecification, Service, ServiceApp, ServiceUser
from dendro_local.store import RegisteredApp

__all__ = ["AppChanges", "Services"]

MAX_TEXT = 2000


class AppChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed of a service's app; what is unset stays."""

    uri: str | msgspec.UnsetType = msgspec.UNSET
    commit: str | msgspec.UnsetType = msgspec.UNSET
    specification: AppSpecification | msgspec.UnsetType = msgspec.UNSET


class Services(Apps):
    """What owners of services ask."""

    def add_service(self, name: str, user_id: str) -> Service:
        """Add a service that a user owns.

        Raises:
            InvalidRequest: no service can be called so.
            Conflict: there is one.
        """
        check_service_name(name)
        service = Service(serviceName=name, userId=user_id, users=[])
        with self.store.transaction(quietly=True):
            if self.store.services.get(name) is not None:
                raise Conflict("Service with this name already exists.")
            self.store.services.put(service)
        return service

    def set_service_users(self, name: str, users: Sequence[ServiceUser]) -> Service:
        """Say who may do what on a service, in place of what was said before.

        Raises:
            ServiceNotFound: there is none of the name.
            InvalidRequest: they cannot have these rights, see `check_service_users`.
        """
        check_service_users(users)
        with self.store.transaction(quietly=True):
            service = msgspec.structs.replace(self.service(name), users=list(users))
            self.store.services.put(service)
        return service

    def change_service_users(
        self, name: str, changed: Sequence[ServiceUser], dropped: Collection[str] = ()
    ) -> Service:
        """Change what some users may do on a service; the others stay.

        Args:
            name: the service's name.
            changed: what each of these may do, whether or not they could anything before.
            dropped: ids of users who may do nothing on it any more.

        Raises:
            ServiceNotFound: there is none of the name.
            InvalidRequest: they cannot have these rights, see `check_service_users`.
        """
        with self.store.transaction(quietly=True):
            users = {user.userId: user for user in self.service(name).users}
            users.update({user.userId: user for user in changed})
            return self.set_service_users(
                name, [user for user in users.values() if user.userId not in dropped]
            )

    def remove_service(self, name: str) -> None:
        """Remove a service with its apps. Its jobs stay; compute clients go on without it.

        Raises:
            ServiceNotFound: there is none of the name.
        """
        with self.store.transaction(quietly=True):
            self.service(name)
            self.store.registered_clients.drop_service(name)
            self.store.services.remove(name)

    def add_service_app(self, app: ServiceApp) -> RegisteredApp:
        """Register an app by its spec alone on a service that is there.

        Raises:
            ServiceNotFound: there is no such service.
            InvalidApp: its spec cannot be used, or is another app's.
            Conflict: the service has an app of the name.
        """
        _check_text(app.appSpecificationUri, app.appSpecificationCommit)
        _check_is_of(app.appName, app.appSpecification)
        registered = registered_app(
            app.appSpecification,
            app.serviceName,
            uri=app.appSpecificationUri,
            commit=app.appSpecificationCommit,
        )
        with self.store.transaction():  # what is pending may have its app now
            self.service(app.serviceName)
            if self.store.services.app(app.serviceName, app.appName) is not None:
                raise Conflict("App with this name already exists on the service.")
            self.store.services.put_app(registered)
        return registered

    def change_service_app(self, service: str, name: str, changes: AppChanges) -> RegisteredApp:
        """Change the spec of a service's app, or what is told of where it is from.

        Raises:
            NotFound: there is no such service or app.
            InvalidApp: the spec cannot be used, or is another app's.
            InvalidRequest: the app's code is on this machine, and says what its spec is.
        """
        with self.store.transaction():
            found = self.store.services.app(service, name)
            if found is None:
                raise self.missing_app(service, name)
            if found.source is not None:
                raise InvalidRequest(
                    f"App {name} is registered from its code on the hub's machine, which gives its "
                    "specification. Change it there."
                )
            record = found.record
            changed = msgspec.structs.replace(
                record,
                appSpecificationUri=_or(changes.uri, record.appSpecificationUri),
                appSpecificationCommit=_or(changes.commit, record.appSpecificationCommit),
                appSpecification=record.appSpecification
                if isinstance(changes.specification, msgspec.UnsetType)
                else changes.specification,
            )
            _check_text(changed.appSpecificationUri, changed.appSpecificationCommit)
            _check_is_of(name, changed.appSpecification)
            registered = registered_app(
                changed.appSpecification,
                service,
                uri=changed.appSpecificationUri,
                commit=changed.appSpecificationCommit,
            )
            self.store.services.put_app(registered)
        return registered


def _or(value: str | msgspec.UnsetType, otherwise: str) -> str:
    return otherwise if isinstance(value, msgspec.UnsetType) else value


def _check_is_of(name: str, specification: AppSpecification) -> None:
    if specification.name != name:
        raise InvalidApp(
            f"The app is named {name!r}, but its specification says {specification.name!r}. Give "
            "the specification of this app."
        )


def _check_text(*texts: str) -> None:
    if any(len(text) > MAX_TEXT for text in texts):
        raise InvalidRequest(
            f"The URI and the commit of a specification have at most {MAX_TEXT} characters."
        )
