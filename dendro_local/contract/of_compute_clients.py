"""What is asked about compute clients, and changed by their owners."""

import msgspec

from dendro_local.contract.request import Request
from dendro_local.model import ComputeSlot

__all__ = [
    "CreateComputeClientRequest",
    "DeleteComputeClientRequest",
    "GetComputeClientRequest",
    "GetComputeClientsRequest",
    "GetPubsubSubscriptionRequest",
    "PingComputeClientsRequest",
    "SetComputeClientInfoRequest",
]


class CreateComputeClientRequest(Request, frozen=True, kw_only=True):
    """Register a compute client of a user."""

    userId: str
    serviceNames: list[str]
    computeClientName: str


class GetComputeClientRequest(Request, frozen=True, kw_only=True):
    """One compute client."""

    computeClientId: str


class GetComputeClientsRequest(Request, frozen=True, kw_only=True):
    """The compute clients of a service."""

    serviceName: str | msgspec.UnsetType = msgspec.UNSET


class SetComputeClientInfoRequest(Request, frozen=True, kw_only=True):
    """Change what a compute client is called, offers, and for whom it works."""

    computeClientId: str
    computeClientName: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    computeSlots: list[ComputeSlot] | msgspec.UnsetType = msgspec.UNSET
    serviceNames: list[str] | msgspec.UnsetType = msgspec.UNSET
    processJobsForUsers: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    """Null for everybody."""


class DeleteComputeClientRequest(Request, frozen=True, kw_only=True):
    """Forget a compute client with its key."""

    computeClientId: str


class GetPubsubSubscriptionRequest(Request, frozen=True, kw_only=True):
    """How a compute client hears of jobs."""

    computeClientId: str | msgspec.UnsetType = msgspec.UNSET
    protocolVersion: str | msgspec.UnsetType = msgspec.UNSET


class PingComputeClientsRequest(Request, frozen=True, kw_only=True):
    """Have the compute clients of a service look for jobs."""

    serviceName: str
