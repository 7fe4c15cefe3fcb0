"""What clients ask about jobs."""

from typing import Annotated

import msgspec

from dendro_local.contract.request import Request
from dendro_local.model import JobDefinition, JobStatus, RequiredResources, Secret

__all__ = [
    "CancelJobRequest",
    "CreateJobRequest",
    "DeleteJobsRequest",
    "FindJobByDefinitionRequest",
    "FindJobsRequest",
]


class CreateJobRequest(Request, frozen=True, kw_only=True):
    """Have a job done, or find the one that makes it unneeded. No ``userId``: the key's user."""

    serviceName: str
    userId: str
    batchId: str
    tags: list[str]
    jobDefinition: JobDefinition
    requiredResources: RequiredResources
    secrets: list[Secret]
    jobDependencies: list[str]
    targetComputeClientIds: list[str] | msgspec.UnsetType = msgspec.UNSET
    skipCache: bool | msgspec.UnsetType = msgspec.UNSET
    rerunFailing: bool | msgspec.UnsetType = msgspec.UNSET
    deleteFailing: bool | msgspec.UnsetType = msgspec.UNSET


class FindJobByDefinitionRequest(Request, frozen=True, kw_only=True):
    """The newest job of a definition on a service."""

    serviceName: str
    jobDefinition: JobDefinition


class FindJobsRequest(Request, frozen=True, kw_only=True):
    """Jobs to which everything that is given applies, latest update first."""

    userId: str | msgspec.UnsetType = msgspec.UNSET
    computeClientId: str | msgspec.UnsetType = msgspec.UNSET
    jobId: str | msgspec.UnsetType = msgspec.UNSET
    processorName: str | msgspec.UnsetType = msgspec.UNSET
    serviceName: str | msgspec.UnsetType = msgspec.UNSET
    appName: str | msgspec.UnsetType = msgspec.UNSET
    inputFileUrl: str | msgspec.UnsetType = msgspec.UNSET
    outputFileUrl: str | msgspec.UnsetType = msgspec.UNSET
    batchId: str | msgspec.UnsetType = msgspec.UNSET
    tags: list[str] | msgspec.UnsetType = msgspec.UNSET
    status: JobStatus | msgspec.UnsetType = msgspec.UNSET
    limit: Annotated[int, msgspec.Meta(ge=0)] | msgspec.UnsetType = msgspec.UNSET


class DeleteJobsRequest(Request, frozen=True, kw_only=True):
    """Remove jobs."""

    userId: str
    jobIds: list[str]


class CancelJobRequest(Request, frozen=True, kw_only=True):
    """Fail a job that is not finished."""

    jobId: str
