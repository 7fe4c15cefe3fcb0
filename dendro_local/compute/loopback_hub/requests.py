"""What an app of the original's SDK may ask of a hub while its job runs (the Dendro contract).

Each is a record of its own, told by its ``type``: ``getJobRequest`` is a `GetJobRequest`. An
unknown key is refused, and what may be absent must not be null.
"""

from typing import Annotated, Literal

import msgspec

__all__ = [
    "CALLS",
    "CancelMultipartUploadRequest",
    "FinalizeMultipartUploadRequest",
    "GetDandiApiKeyRequest",
    "GetJobRequest",
    "GetSignedDownloadUrlRequest",
    "GetSignedUploadUrlRequest",
    "JobRequest",
    "SetOutputFileUrlRequest",
    "UploadedPart",
    "decode_request",
]


class _Request(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag=lambda name: name[0].lower() + name[1:],
):
    jobId: str


class GetJobRequest(_Request, frozen=True, kw_only=True):
    """The job's record."""

    includePrivateKey: bool
    computeClientId: str | msgspec.UnsetType = msgspec.UNSET


class GetSignedUploadUrlRequest(_Request, frozen=True, kw_only=True):
    """Where to put a file of the job."""

    uploadType: Literal["output", "consoleOutput", "resourceUtilizationLog", "other"]
    size: Annotated[int, msgspec.Meta(ge=0)]
    outputName: str | msgspec.UnsetType = msgspec.UNSET
    otherName: str | msgspec.UnsetType = msgspec.UNSET


class UploadedPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of a file that was put in parts, with the tag that came back."""

    PartNumber: int
    ETag: str


class FinalizeMultipartUploadRequest(_Request, frozen=True, kw_only=True):
    """All parts of a file have been put."""

    url: str
    size: int
    uploadId: str
    parts: list[UploadedPart]


class CancelMultipartUploadRequest(_Request, frozen=True, kw_only=True):
    """No more parts of a file will come."""

    url: str
    uploadId: str


class SetOutputFileUrlRequest(_Request, frozen=True, kw_only=True):
    """Where the app itself has put an output."""

    outputName: str
    url: str


class GetSignedDownloadUrlRequest(_Request, frozen=True, kw_only=True):
    """The URL at which an input can be read now."""

    url: str


class GetDandiApiKeyRequest(_Request, frozen=True, kw_only=True):
    """The key with which an output can be published on DANDI."""

    outputName: str


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
"""The names of these calls."""

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
