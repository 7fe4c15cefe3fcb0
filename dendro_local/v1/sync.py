"""What hubs say to each other when jobs are exchanged, beside the entries themselves."""

from typing import Annotated

from msgspec import Meta

from dendro_local.model import JobId
from dendro_local.v1.record import Answer, Question

__all__ = [
    "BlobSizes",
    "LackingBlobs",
    "LackingJobs",
    "PutBlobs",
    "PutEntries",
    "RefusedEntry",
    "SyncFacts",
    "WantedBlobs",
    "WantedJobs",
    "WhichBlobs",
    "WhichJobs",
]

MOST_ASKED = 10_000


class SyncFacts(Answer, frozen=True, kw_only=True):
    """What a hub is, for who exchanges jobs with it."""

    version: Annotated[str, Meta(description="Of dendro-local.")]
    store_id: Annotated[str, Meta(description="Names the store for ever, wherever it lies.")]
    jobs: Annotated[int, Meta(description="How many have ended. It may be some seconds old.")]
    public_key: Annotated[str, Meta(description="Ed25519 key that it signs with, in base64.")]
    user_id: Annotated[str | None, Meta(description="Who asks; null for a guest.")]
    can_write: Annotated[bool, Meta(description="Whether who asks may push to some service.")]
    moves_many: Annotated[
        bool, Meta(description="Whether it gives and takes many small blobs at once.")
    ] = False


class WhichJobs(Question, frozen=True, kw_only=True):
    """Jobs by id, with SHA-256 of their statements."""

    jobs: Annotated[dict[JobId, str], Meta(max_length=MOST_ASKED)]


class LackingJobs(Answer, frozen=True, kw_only=True):
    """Those of the jobs that are not here, or not so."""

    jobs: list[JobId]


class WhichBlobs(Question, frozen=True, kw_only=True):
    """Blobs by SHA-256 of their bytes, with their sizes."""

    blobs: Annotated[dict[str, int], Meta(max_length=MOST_ASKED)]


class LackingBlobs(Answer, frozen=True, kw_only=True):
    """Those of the blobs that are not here."""

    blobs: list[str]


class WantedBlobs(Question, frozen=True, kw_only=True):
    """Blobs by SHA-256 of their bytes."""

    blobs: Annotated[list[str], Meta(max_length=MOST_ASKED)]


class BlobSizes(Answer, frozen=True, kw_only=True):
    """Those of the blobs that can be had here, with their sizes."""

    blobs: dict[str, Annotated[int, Meta(description="In bytes.")]]


class PutBlobs(Answer, frozen=True, kw_only=True):
    """What became of blobs that were sent together."""

    blobs: Annotated[list[str], Meta(description="Those that are here now.")]


class WantedJobs(Question, frozen=True, kw_only=True):
    """Jobs by id."""

    jobs: Annotated[list[JobId], Meta(max_length=MOST_ASKED)]


class RefusedEntry(Answer, frozen=True, kw_only=True):
    """An entry that was not taken."""

    job_id: JobId | None
    code: str
    reason: str
    digests: tuple[str, str] | None = None


class PutEntries(Answer, frozen=True, kw_only=True):
    """What became of entries."""

    new: int
    known: int
    refused: list[RefusedEntry]
