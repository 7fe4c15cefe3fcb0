"""Files that are handed over to a hub, whole or in parts, at URLs that it signs."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from dendro_local.contract import (
    FinalizeMultipartUploadRequest,
    GetSignedUploadUrlRequest,
    UploadedPart,
    part_range,
)
from dendro_local.errors import HubUnreachable, InputUnavailable, InvalidRequest
from dendro_sync.remotes.dendro.calls import Calls
from dendro_sync.remotes.remote import OnBytes

__all__ = ["OutgoingFile", "upload"]

PIECE_BYTES = 256 << 10


class OutgoingFile(NamedTuple):
    """A file of this machine, and who is told as its bytes go."""

    file: Path
    on_bytes: OnBytes


class _Part(msgspec.Struct, frozen=True):
    partNumber: int
    signedUrl: str


class _Place(msgspec.Struct, frozen=True):
    downloadUrl: str
    signedUrl: str | None = None
    parts: list[_Part] | None = None
    uploadId: str | None = None


def upload(
    calls: Calls, request: GetSignedUploadUrlRequest, outgoing: OutgoingFile, key: str
) -> None:
    """Hand over a file of a job.

    Args:
        calls: asks the hub.
        request: for where to put it.
        outgoing: what is to come there.
        key: of the job.

    Raises:
        InvalidRequest: the hub, or who keeps its files, does not take it.
        InputUnavailable: the file became shorter.
        DendroError: the hub refused it.
        HubUnreachable: it does not answer.
    """
    place = calls.ask(request, _Place, key)
    size = request.size
    if place.signedUrl is not None:
        _put(calls, place.signedUrl, outgoing, 0, size)
        return
    if not place.parts or place.uploadId is None:
        raise InvalidRequest("The hub does not say where the file is to be put.")
    parts = [
        UploadedPart(
            PartNumber=part.partNumber,
            ETag=_put(
                calls,
                part.signedUrl,
                outgoing,
                *part_range(size, len(place.parts), part.partNumber),
            ),
        )
        for part in place.parts
    ]
    finalize = FinalizeMultipartUploadRequest(
        jobId=request.jobId,
        url=place.downloadUrl,
        size=size,
        uploadId=place.uploadId,
        parts=parts,
    )
    calls.ask(finalize, msgspec.Raw, key)


def _put(calls: Calls, url: str, outgoing: OutgoingFile, first: int, length: int) -> str:
    """Put some bytes of a file to a URL; the tag that comes back."""

    def attempt() -> str:
        # Without Content-Type: a URL may be signed for a request that has none.
        reply = calls.wire.send(
            "PUT",
            url,
            headers={"content-length": str(length)},
            body=_pieces(outgoing, first, length),
        )
        if reply.status_code >= 500 or reply.status_code == 429:
            raise HubUnreachable(
                f"Who keeps the files of the hub at {calls.wire.base_url} cannot take one now "
                f"(status {reply.status_code})."
            )
        if reply.status_code != 200:
            raise InvalidRequest(
                f"Who keeps the files of the hub at {calls.wire.base_url} does not take one "
                f"(status {reply.status_code})."
            )
        return str(reply.headers.get("etag", ""))

    return calls.wire.patiently(attempt)


def _pieces(outgoing: OutgoingFile, first: int, length: int) -> Iterator[bytes]:
    with outgoing.file.open("rb") as stream:
        stream.seek(first)
        left = length
        while left > 0:
            piece = stream.read(min(PIECE_BYTES, left))
            if not piece:
                raise InputUnavailable(f"{outgoing.file} became shorter while it was sent.")
            yield piece
            left -= len(piece)
            outgoing.on_bytes(len(piece))
