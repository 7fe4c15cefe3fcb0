"""The requests of the Dendro contract, as records that whoever serves or sends them shares.

A request is a JSON object whose ``type`` is the name of its call and ``Request``. An unknown key
is refused at any level, and what may be absent must not be null.
"""

from dendro_local.contract.decoding import RequestDecoder
from dendro_local.contract.of_compute_clients import (
    CreateComputeClientRequest,
    DeleteComputeClientRequest,
    GetComputeClientRequest,
    GetComputeClientsRequest,
    GetPubsubSubscriptionRequest,
    PingComputeClientsRequest,
    SetComputeClientInfoRequest,
)
from dendro_local.contract.of_jobs import (
    CancelJobRequest,
    CreateJobRequest,
    DeleteJobsRequest,
    FindJobByDefinitionRequest,
    FindJobsRequest,
)
from dendro_local.contract.of_running_jobs import (
    CancelMultipartUploadRequest,
    FinalizeMultipartUploadRequest,
    GetDandiApiKeyRequest,
    GetJobRequest,
    GetRunnableJobRequest,
    GetRunnableJobsForComputeClientRequest,
    GetSignedDownloadUrlRequest,
    GetSignedUploadUrlRequest,
    SetJobStatusRequest,
    SetOutputFileUrlRequest,
    UploadedPart,
    UploadType,
)
from dendro_local.contract.of_services import (
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
from dendro_local.contract.of_users import (
    AddUserRequest,
    ComputeUserStatsRequest,
    ResetUserApiKeyRequest,
    SetUserInfoRequest,
)
from dendro_local.contract.planned_upload import (
    PART_BYTES,
    PlannedUpload,
    UploadLimits,
    check_other_is_new,
    part_range,
    plan_upload,
)
from dendro_local.contract.request import Request, call_name

__all__ = [
    "AddServiceAppRequest",
    "AddServiceRequest",
    "AddUserRequest",
    "CancelJobRequest",
    "CancelMultipartUploadRequest",
    "ComputeUserStatsRequest",
    "CreateComputeClientRequest",
    "CreateJobRequest",
    "DeleteComputeClientRequest",
    "DeleteJobsRequest",
    "DeleteServiceAppRequest",
    "DeleteServiceRequest",
    "FinalizeMultipartUploadRequest",
    "FindJobByDefinitionRequest",
    "FindJobsRequest",
    "GetComputeClientRequest",
    "GetComputeClientsRequest",
    "GetDandiApiKeyRequest",
    "GetJobRequest",
    "GetPubsubSubscriptionRequest",
    "GetRunnableJobRequest",
    "GetRunnableJobsForComputeClientRequest",
    "GetServiceAppRequest",
    "GetServiceAppsRequest",
    "GetServiceRequest",
    "GetServicesRequest",
    "GetSignedDownloadUrlRequest",
    "GetSignedUploadUrlRequest",
    "PART_BYTES",
    "PingComputeClientsRequest",
    "PlannedUpload",
    "Request",
    "RequestDecoder",
    "ResetUserApiKeyRequest",
    "SetComputeClientInfoRequest",
    "SetJobStatusRequest",
    "SetOutputFileUrlRequest",
    "SetServiceAppInfoRequest",
    "SetServiceInfoRequest",
    "SetUserInfoRequest",
    "UploadLimits",
    "UploadType",
    "UploadedPart",
    "call_name",
    "check_other_is_new",
    "part_range",
    "plan_upload",
]
