"""What owners and admins do with services and their apps: who may do it, and the doing."""

from dendro_local.errors import InvalidRequest, NotAllowed, NotFound
from dendro_local.local_hub import LocalHub
from dendro_local.model import ProcessorSpecification, Service, ServiceUser
from dendro_local.store import RegisteredApp

__all__ = [
    "add_app",
    "can_be_updated",
    "check_owns",
    "drop_user",
    "processor_of",
    "registered",
    "remove_app",
    "remove_service",
    "set_user",
    "update_app",
]


def registered(hub: LocalHub, service: str, name: str) -> RegisteredApp:
    """The app as it was registered.

    Raises:
        NotFound: there is no such service or app.
    """
    hub.service(service)
    for app in hub.apps(service=service, name=name):
        return app
    raise hub.missing_app(service, name)


def processor_of(app: RegisteredApp, name: str) -> ProcessorSpecification:
    """A processor of an app.

    Raises:
        NotFound: it has none of the name.
    """
    processors = app.record.appSpecification.processors
    for each in processors:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in processors)
    raise NotFound(f"App {app.record.appName} has no processor {name!r}. It has: {names}.")


def can_be_updated(app: RegisteredApp) -> bool:
    """Whether there is something to register it from again."""
    if app.source is not None:
        return app.source.startswith("folder:")
    return app.record.appSpecificationUri.startswith(("https://", "http://"))


def set_user(hub: LocalHub, user_id: str, service: str, rights: ServiceUser) -> Service:
    """Say what one user may do on a service, if who asks may; without any right, that is dropped.

    Raises:
        NotAllowed: they are no admin of it.
        InvalidRequest: the user cannot have these rights.
    """
    if not (rights.admin or rights.createJobs or rights.processJobs):
        return drop_user(hub, user_id, service, rights.userId)
    _check_administers(hub, user_id, service)
    return hub.change_service_users(service, [rights])


def drop_user(hub: LocalHub, user_id: str, service: str, dropped: str) -> Service:
    """Let a user do nothing on a service any more, if who asks may say so.

    Raises:
        NotAllowed: they are no admin of it.
    """
    _check_administers(hub, user_id, service)
    return hub.change_service_users(service, [], [dropped])


def remove_service(hub: LocalHub, user_id: str, service: str) -> None:
    """Remove a service with its apps, if the user owns it; its jobs stay."""
    check_owns(hub, user_id, service)
    hub.remove_service(service)


def add_app(hub: LocalHub, user_id: str, service: str, source: str) -> RegisteredApp:
    """Register an app from a folder of the hub's machine, a spec's file or its URL.

    Raises:
        NotAllowed: it is not the hub's own user who asks.
    """
    if user_id != hub.user_id:
        raise NotAllowed(
            "Only the user whose hub this is may register apps from its machine here. Owners "
            "of services may do so by a spec, with the Dendro contract."
        )
    return hub.add_app(source, service)


def update_app(hub: LocalHub, user_id: str, service: str, name: str) -> RegisteredApp:
    """Register an app again from where it is from.

    Raises:
        NotAllowed: it is not the hub's own user who asks.
        InvalidRequest: it is from nowhere that could tell something new.
    """
    found = registered(hub, service, name)
    if user_id != hub.user_id:
        raise NotAllowed("Only the user whose hub this is may register its apps again.")
    if not can_be_updated(found):
        raise InvalidRequest(f"App {name} comes with dendro-local, or by its spec alone.")
    if found.source is None:
        return hub.add_app(found.record.appSpecificationUri, service)
    return hub.register_again(service, name, found.source)


def remove_app(hub: LocalHub, user_id: str, service: str, name: str) -> None:
    """Take an app off a service, if the user owns it; its jobs stay."""
    check_owns(hub, user_id, service)
    hub.remove_app(service, name)


def check_owns(hub: LocalHub, user_id: str, service: str) -> None:
    """Refuse a user who does not own a service.

    Raises:
        ServiceNotFound: there is none of the name.
        NotAllowed: it is another's.
    """
    if not hub.is_owner(user_id, hub.service(service)):
        raise NotAllowed(f"Only the owner of service {service} may do this.")


def _check_administers(hub: LocalHub, user_id: str, service: str) -> None:
    if not hub.may_administer(user_id, hub.service(service)):
        raise NotAllowed(f"Only admins of service {service} may say who may do what on it.")
