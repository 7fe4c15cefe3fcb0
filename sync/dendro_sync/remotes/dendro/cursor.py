"""How far a pull from a hub without a feed has come. Pure.

All that such a hub can be asked is which jobs changed last. So the cursor is the time of the
latest change that was seen, by the hub's own clock, and which jobs changed within some minutes
before: a hub that runs on several machines may record a change a little after a later one.
"""

from collections.abc import Iterable

import msgspec

from dendro_local.model import Job, JobId

__all__ = ["Cursor", "OVERLAP_SEC", "changed_at"]

OVERLAP_SEC = 300.0


def changed_at(job: Job) -> float:
    """When a job changed last, in seconds since the Unix epoch by the hub's clock."""
    times = (
        job.timestampUpdatedSec,
        job.timestampFinishedSec,
        job.timestampStartedSec,
        job.timestampStartingSec,
    )
    return next((time for time in times if time is not None), job.timestampCreatedSec)


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What has been seen of the jobs of a selection."""

    hub: str
    newest: float = 0.0
    seen: dict[JobId, float] = {}
    """When those changed that did so within `OVERLAP_SEC` of the newest."""

    @classmethod
    def read(cls, text: str, hub: str) -> "Cursor":
        """The cursor that `text` gave; that of the beginning if it is none of this hub."""
        try:
            found = msgspec.json.decode(text, type=Cursor)
        except ValueError:
            return cls(hub=hub)
        return found if found.hub == hub else cls(hub=hub)

    def text(self) -> str:
        """As text, for `read`."""
        return msgspec.json.encode(self).decode()

    @property
    def horizon(self) -> float:
        """What changed before this has been seen."""
        return self.newest - OVERLAP_SEC

    def is_new(self, job: Job) -> bool:
        """Whether a job has not been seen as it is now."""
        changed = changed_at(job)
        return changed >= self.horizon and self.seen.get(job.jobId) != changed

    def after(self, jobs: Iterable[Job]) -> "Cursor":
        """The cursor once these jobs are dealt with."""
        found = {job.jobId: changed_at(job) for job in jobs}
        newest = max([self.newest, *found.values()])
        seen = {
            job_id: changed
            for job_id, changed in {**self.seen, **found}.items()
            if changed >= newest - OVERLAP_SEC
        }
        return Cursor(hub=self.hub, newest=newest, seen=seen)
