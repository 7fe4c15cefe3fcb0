"""What is asked about services and their apps, and changed by the owners of services."""

import msgspec

from dendro_local.contract.request import Request
from dendro_local.model import AppSpecification, ServiceApp, ServiceUser

__all__ = [
    "AddServiceAppRequest",
    "AddServiceRequest",
    "DeleteServiceAppRequest",
    "DeleteServiceRequest",
    "GetServiceAppRequest",
    "GetServiceAppsRequest",
    "GetServiceRequest",
    "GetServicesRequest",
    "SetServiceAppInfoRequest",
    "SetServiceInfoRequest",
]


class AddServiceRequest(Request, frozen=True, kw_only=True):
    """Add a service that a user owns."""

    serviceName: str
    userId: str


class GetServiceRequest(Request, frozen=True, kw_only=True):
    """One service."""

    serviceName: str


class GetServicesRequest(Request, frozen=True, kw_only=True):
    """All services, or those of an owner."""

    userId: str | msgspec.UnsetType = msgspec.UNSET


class SetServiceInfoRequest(Request, frozen=True, kw_only=True):
    """Say who may do what on a service."""

    serviceName: str
    users: list[ServiceUser] | msgspec.UnsetType = msgspec.UNSET


class DeleteServiceRequest(Request, frozen=True, kw_only=True):
    """Remove a service with its apps."""

    serviceName: str


class AddServiceAppRequest(Request, frozen=True, kw_only=True):
    """Register an app by its specification."""

    serviceApp: ServiceApp


class GetServiceAppRequest(Request, frozen=True, kw_only=True):
    """One app of a service."""

    serviceName: str
    appName: str


class GetServiceAppsRequest(Request, frozen=True, kw_only=True):
    """The apps of a service, or those of a name on all services."""

    appName: str | msgspec.UnsetType = msgspec.UNSET
    serviceName: str | msgspec.UnsetType = msgspec.UNSET


class SetServiceAppInfoRequest(Request, frozen=True, kw_only=True):
    """Change the specification of an app, or where it is from."""

    serviceName: str
    appName: str
    appSpecificationUri: str | msgspec.UnsetType = msgspec.UNSET
    appSpecificationCommit: str | msgspec.UnsetType = msgspec.UNSET
    appSpecification: AppSpecification | msgspec.UnsetType = msgspec.UNSET


class DeleteServiceAppRequest(Request, frozen=True, kw_only=True):
    """Take an app off a service."""

    serviceName: str
    appName: str
