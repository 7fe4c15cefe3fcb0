"""Where whoever runs a job puts its files."""

from dendro_local.contract import (
    CancelMultipartUploadRequest,
    FinalizeMultipartUploadRequest,
    GetSignedUploadUrlRequest,
)
from dendro_local.errors import InvalidRequest
from dendro_local.model import JobId
from dendro_local.server.contract.call import Asked, Call, Refusal, Reply
from dendro_local.server.contract.running import checked_job_key, in_contract_words

__all__ = ["CALLS"]


def get_signed_upload_url(asked: Asked, request: GetSignedUploadUrlRequest) -> Reply:
    """Where to put a file, whole or in parts."""
    job_id = JobId(request.jobId)
    key = checked_job_key(asked, job_id)
    with in_contract_words():
        place = asked.hub.upload_place(job_id, key, request)
    url = asked.urls.public(place.url)
    if place.upload_id is None:
        return {"signedUrl": asked.urls.upload(place.tokens[0]), "downloadUrl": url}
    parts = [
        {"partNumber": number, "signedUrl": asked.urls.upload(token)}
        for number, token in enumerate(place.tokens, start=1)
    ]
    return {"parts": parts, "uploadId": place.upload_id, "downloadUrl": url}


def finalize_multipart_upload(asked: Asked, request: FinalizeMultipartUploadRequest) -> Reply:
    """Put the parts of a file together."""
    job_id = JobId(request.jobId)
    key = checked_job_key(asked, job_id)
    with in_contract_words():
        try:
            asked.hub.finalize_upload(
                job_id,
                key,
                url=asked.urls.stable(request.url),
                size=request.size,
                upload_id=request.uploadId,
                tags={part.PartNumber: part.ETag.strip('"') for part in request.parts},
            )
        except InvalidRequest as error:
            raise Refusal(500, "Failed to finalize multipart upload") from error
    return {}


def cancel_multipart_upload(asked: Asked, request: CancelMultipartUploadRequest) -> Reply:
    """Forget the parts of a file."""
    job_id = JobId(request.jobId)
    key = checked_job_key(asked, job_id)
    with in_contract_words():
        asked.hub.cancel_upload(job_id, key, request.uploadId)
    return {}


CALLS = (
    Call(GetSignedUploadUrlRequest, get_signed_upload_url),
    Call(FinalizeMultipartUploadRequest, finalize_multipart_upload),
    Call(CancelMultipartUploadRequest, cancel_multipart_upload),
)
