"""What is asked about services and their apps, and changed by the owners of services."""

import msgspec

from dendro_local.contract import (
    AddServiceAppRequest,
    AddServiceRequest,
    DeleteServiceAppRequest,
    DeleteServiceRequest,
    GetServiceAppRequest,
    GetServiceAppsRequest,
    GetServiceRequest,
    GetServicesRequest,
    SetServiceAppInfoRequest,
    SetServiceInfoRequest,
)
from dendro_local.errors import AppNotFound, Conflict, ServiceNotFound
from dendro_local.local_hub.services import AppChanges
from dendro_local.model import Service, ServiceApp
from dendro_local.server.contract.call import Asked, Call, Refusal, Reply
from dendro_local.server.contract.users import checked_login, user_of_login

__all__ = ["CALLS"]

APP_NOT_FOUND = "App not found"


def add_service(asked: Asked, request: AddServiceRequest) -> Reply:
    """Add a service that a user owns."""
    checked_login(asked, request.userId)
    try:
        asked.hub.add_service(request.serviceName, request.userId)
    except Conflict as error:
        raise Refusal(400, str(error)) from error
    return {}


def get_service(asked: Asked, request: GetServiceRequest) -> Reply:
    """One service."""
    return {"service": _service(asked, request.serviceName)}


def get_services(asked: Asked, request: GetServicesRequest) -> Reply:
    """All services, or those of an owner."""
    found = asked.hub.services()
    if request.userId is not msgspec.UNSET and request.userId:
        found = [each for each in found if each.userId == request.userId]
    return {"services": found}


def set_service_info(asked: Asked, request: SetServiceInfoRequest) -> Reply:
    """Say who may do what on a service."""
    service = _service(asked, request.serviceName)
    user_id = user_of_login(asked)
    if user_id is None:
        raise Refusal(401, "Unauthorized")
    if not asked.hub.may_administer(user_id, service):
        raise Refusal(401, f"User {user_id} is not authorized to modify this service.")
    if request.users is not msgspec.UNSET:
        asked.hub.set_service_users(request.serviceName, request.users)
    return {}


def delete_service(asked: Asked, request: DeleteServiceRequest) -> Reply:
    """Remove a service with its apps."""
    _service_of_login(asked, request.serviceName)
    asked.hub.remove_service(request.serviceName)
    return {}


def add_service_app(asked: Asked, request: AddServiceAppRequest) -> Reply:
    """Register an app by its specification. Nothing is fetched from its URI."""
    _service_of_login(asked, request.serviceApp.serviceName)
    try:
        asked.hub.add_service_app(request.serviceApp)
    except Conflict as error:
        raise Refusal(400, str(error)) from error
    return {}


def get_service_app(asked: Asked, request: GetServiceAppRequest) -> Reply:
    """One app of a service, as it is registered."""
    # Not as its folder gives it now: that may run its code, for anybody who asks.
    found = asked.hub.apps(service=request.serviceName, name=request.appName)
    if not found:
        raise Refusal(404, APP_NOT_FOUND)
    return {"serviceApp": _public_app(found[0].record)}


def get_service_apps(asked: Asked, request: GetServiceAppsRequest) -> Reply:
    """The apps of a service, or those of a name on all services."""
    name, service = request.appName or None, request.serviceName or None
    if name is not None and service is not None:
        raise Refusal(400, "Cannot specify both appName and serviceName in request")
    if name is None and service is None:
        raise Refusal(400, "Must specify either appName or serviceName in request")
    found = asked.hub.apps(service=service, name=name)
    return {"serviceApps": [_public_app(each.record) for each in found]}


def set_service_app_info(asked: Asked, request: SetServiceAppInfoRequest) -> Reply:
    """Change the specification of an app, or where it is from."""
    _service_of_login(asked, request.serviceName)
    changes = AppChanges(
        uri=request.appSpecificationUri,
        commit=request.appSpecificationCommit,
        specification=request.appSpecification,
    )
    try:
        asked.hub.change_service_app(request.serviceName, request.appName, changes)
    except AppNotFound as error:
        raise Refusal(404, APP_NOT_FOUND) from error
    return {}


def delete_service_app(asked: Asked, request: DeleteServiceAppRequest) -> Reply:
    """Take an app off a service. Its jobs stay."""
    _service_of_login(asked, request.serviceName)
    try:
        asked.hub.remove_app(request.serviceName, request.appName)
    except AppNotFound as error:
        raise Refusal(404, APP_NOT_FOUND) from error
    return {}


def _service(asked: Asked, name: str) -> Service:
    try:
        return asked.hub.service(name)
    except ServiceNotFound as error:
        raise Refusal(404, f"Service not found: {name}") from error


def _service_of_login(asked: Asked, name: str) -> Service:
    """A service that whoever asks owns."""
    service = _service(asked, name)
    checked_login(asked, service.userId)
    return service


def _public_app(app: ServiceApp) -> ServiceApp:
    """An app's record without the path of a folder of the hub's machine."""
    if not app.appSpecificationUri.startswith("file:"):
        return app
    name = app.appSpecificationUri.rstrip("/").rpartition("/")[2]
    return msgspec.structs.replace(app, appSpecificationUri=f"file:{name}")


CALLS = (
    Call(AddServiceRequest, add_service),
    Call(GetServiceRequest, answer_at_once=get_service),
    Call(GetServicesRequest, get_services),
    Call(SetServiceInfoRequest, set_service_info),
    Call(DeleteServiceRequest, delete_service),
    Call(AddServiceAppRequest, add_service_app),
    Call(GetServiceAppRequest, answer_at_once=get_service_app),
    Call(GetServiceAppsRequest, get_service_apps),
    Call(SetServiceAppInfoRequest, set_service_app_info),
    Call(DeleteServiceAppRequest, delete_service_app),
)
