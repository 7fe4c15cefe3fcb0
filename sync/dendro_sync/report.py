"""What an exchange with a remote did, and what it did not and why."""

from typing import Literal

import msgspec

from dendro_local.model import JobId
from dendro_sync.remotes.remote import Refusal, WaitsForTrust

__all__ = ["LeftOut", "MOST_LISTED", "Report", "SyncReport"]

MOST_LISTED = 10_000
"""So many refusals are told one by one; the rest is counted."""


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was not to be exchanged, and why."""

    job_id: JobId
    reason: str


class Report(msgspec.Struct, kw_only=True):
    """What a pull, push, import or export did; of a dry run, what it would do."""

    direction: Literal["pull", "push"]
    remote: str
    """Its name, or the file of an archive."""
    is_dry_run: bool = False
    new: int = 0
    """Jobs that were not there before."""
    known: int = 0
    """Jobs that were looked at, and were there already."""
    tagged: int = 0
    """Jobs that were there already, and got tags."""
    deleted: int = 0
    kept_deleted: int = 0
    """Jobs that were deleted here before, and are not brought again."""
    apps: int = 0
    unknown_apps: list[str] = []
    """Apps, as ``service/app``, of which jobs came and which are not registered here: submitting
    the same cannot find these."""
    files: int = 0
    """Files that were moved."""
    bytes: int = 0
    """Their bytes, as far as they were not there yet."""
    awaited_files: int = 0
    """Files that are fetched when they are first read."""
    awaited_bytes: int = 0
    refused: list[Refusal] = []
    refused_count: int = 0
    left_out: list[LeftOut] = []
    left_out_count: int = 0
    awaiting_trust: list[WaitsForTrust] = []
    """Keys that are not trusted, with jobs that were refused by earlier pulls and still wait."""
    requests: int = 0
    """How many requests the remote was asked."""
    seconds: float = 0.0

    def is_complete(self) -> bool:
        """Whether nothing was refused."""
        return self.refused_count == 0

    def moved_anything(self) -> bool:
        """Whether anything is other than before, on either side."""
        return bool(self.new or self.tagged or self.deleted or self.apps or self.files)

    def refuse(self, refusal: Refusal) -> None:
        """Add a refusal."""
        self.refused_count += 1
        if len(self.refused) < MOST_LISTED:
            self.refused.append(refusal)

    def leave_out(self, job_id: JobId, reason: str) -> None:
        """Add a job that was left out."""
        self.left_out_count += 1
        if len(self.left_out) < MOST_LISTED:
            self.left_out.append(LeftOut(job_id=job_id, reason=reason))


class SyncReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a push and a pull of the same remote did."""

    push: Report
    pull: Report

    def is_complete(self) -> bool:
        """Whether nothing was refused."""
        return self.push.is_complete() and self.pull.is_complete()

    def moved_anything(self) -> bool:
        """Whether anything is other than before, on either side."""
        return self.push.moved_anything() or self.pull.moved_anything()
