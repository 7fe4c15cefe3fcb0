"""What compute clients ask about jobs that they may run, and apps about the job that they run."""

from typing import Annotated, Literal

import msgspec

from dendro_local.contract.request import Request
from dendro_local.model import JobStatus

__all__ = [
    "CALLS",
    "CancelMultipartUploadRequest",
    "FinalizeMultipartUploadRequest",
    "GetDandiApiKeyRequest",
    "GetJobRequest",
    "GetRunnableJobRequest",
    "GetRunnableJobsForComputeClientRequest",
    "GetSignedDownloadUrlRequest",
    "GetSignedUploadUrlRequest",
    "JobRequest",
    "SetJobStatusRequest",
    "SetOutputFileUrlRequest",
    "UploadType",
    "UploadedPart",
    "decode_request",
]


UploadType = Literal["output", "consoleOutput", "resourceUtilizationLog", "other"]
"""What an uploaded file is of its job."""


class GetRunnableJobsForComputeClientRequest(Request, frozen=True, kw_only=True):
    """The jobs that a compute client may start now, and those that it runs."""

    computeClientId: str
    jobId: str | msgspec.UnsetType = msgspec.UNSET
    singleJob: bool | msgspec.UnsetType = msgspec.UNSET


class GetRunnableJobRequest(Request, frozen=True, kw_only=True):
    """A job that a user wants to run without a compute client."""

    jobId: str


class SetJobStatusRequest(Request, frozen=True, kw_only=True):
    """How far a run has come. ``computeClientId`` is empty where a user runs the job."""

    jobId: str
    computeClientId: str
    status: JobStatus
    error: str | msgspec.UnsetType = msgspec.UNSET


class JobRequestBase(Request, frozen=True, kw_only=True):
    """A request about one job."""

    jobId: str


class GetJobRequest(JobRequestBase, frozen=True, kw_only=True):
    """The job's record."""

    includePrivateKey: bool
    computeClientId: str | msgspec.UnsetType = msgspec.UNSET


class GetSignedUploadUrlRequest(JobRequestBase, frozen=True, kw_only=True):
    """Where to put a file of the job."""

    uploadType: UploadType
    size: Annotated[int, msgspec.Meta(ge=0)]
    outputName: str | msgspec.UnsetType = msgspec.UNSET
    otherName: str | msgspec.UnsetType = msgspec.UNSET


class UploadedPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of a file that was put in parts, with the tag that came back."""

    PartNumber: int
    ETag: str


class FinalizeMultipartUploadRequest(JobRequestBase, frozen=True, kw_only=True):
    """All parts of a file have been put."""

    url: str
    size: int
    uploadId: str
    parts: list[UploadedPart]


class CancelMultipartUploadRequest(JobRequestBase, frozen=True, kw_only=True):
    """No more parts of a file will come."""

    url: str
    uploadId: str


class SetOutputFileUrlRequest(JobRequestBase, frozen=True, kw_only=True):
    """Where the app itself has put an output."""

    outputName: str
    url: str


class GetSignedDownloadUrlRequest(JobRequestBase, frozen=True, kw_only=True):
    """The URL at which an input can be read now."""

    url: str


class GetDandiApiKeyRequest(JobRequestBase, frozen=True, kw_only=True):
    """The key with which an output can be published on DANDI."""

    outputName: str


# What an app itself asks.
JobRequest = (
    GetJobRequest
    | GetSignedUploadUrlRequest
    | FinalizeMultipartUploadRequest
    | CancelMultipartUploadRequest
    | SetOutputFileUrlRequest
    | GetSignedDownloadUrlRequest
    | GetDandiApiKeyRequest
)

CALLS = (
    "getJob",
    "getSignedUploadUrl",
    "finalizeMultipartUpload",
    "cancelMultipartUpload",
    "setOutputFileUrl",
    "getSignedDownloadUrl",
    "getDandiApiKey",
)
"""The calls of an app, by name."""

_decode = msgspec.json.Decoder(JobRequest).decode


def decode_request(call: str, body: bytes) -> JobRequest:
    """The request in the body of one of the `CALLS`.

    Raises:
        ValueError: it is not one, or of another call.
    """
    request: JobRequest = _decode(body)
    name = type(request).__name__
    if name[0].lower() + name[1:] != f"{call}Request":
        raise ValueError(f"a {name} is no request of {call}")
    return request
