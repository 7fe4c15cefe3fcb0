"""The feed: what changed since a number, each job once and as it is now.

Every visible change of a job gives it the next number, so that whoever knows all up to a number
learns the rest by asking for what comes after it. A job that is gone leaves a tombstone.
"""

from typing import Any

import msgspec

from dendro_local.model import JobId
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import COLUMNS, StoredJob, stored_job

__all__ = ["Feed", "FeedEntry", "last_number"]


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A job that changed, with the number of its latest change; ``job`` is None if it is gone."""

    number: int
    job_id: JobId
    job: StoredJob | None
    deleted_at: float | None = None
    """In seconds since the Unix epoch, where it is gone."""


_NO_JOB = ", ".join("null" for _ in COLUMNS.split(", "))

# In one statement, since a change between two would be in neither.
changes_since = f"""
select * from (
    select feed_number, null, null, {COLUMNS} from jobs
    where feed_number > :number order by feed_number limit :limit
)
union all
select * from (
    select feed_number, job_id, deleted_at, {_NO_JOB} from tombstones
    where feed_number > :number order by feed_number limit :limit
)
order by feed_number limit :limit
"""  # noqa: S608 - the columns are a constant

last_number = "select cast(value as integer) from meta where key = 'feed_number'"

# A claim may be taken back by a power cut, and its number is another change's then. Whatever else
# is committed has all before it on the disk.
last_settled_number = """
select min(
    (select cast(value as integer) from meta where key = 'feed_number'),
    coalesce(
        (select min(feed_number) - 1 from jobs indexed by jobs_active
        where status in ('starting', 'running') and status = 'starting'),
        9223372036854775807
    )
)
"""


class Feed:
    """The feed of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def last(self) -> int:
        """The number of the latest change; 0 before the first."""
        row: tuple[int] = self._connections.get().execute(last_number).fetchone()
        return row[0]

    def last_settled(self) -> int:
        """A number up to which nothing is taken back by a power cut; most often the latest.

        For whoever keeps it on another machine, which goes on.
        """
        row: tuple[int] = self._connections.get().execute(last_settled_number).fetchone()
        return row[0]

    def since(self, number: int, limit: int) -> list[FeedEntry]:
        """What changed after a number, by number; at most ``limit`` entries."""
        rows = self._connections.get().execute(changes_since, {"number": number, "limit": limit})
        return [_entry(row) for row in rows]


def _entry(row: tuple[Any, ...]) -> FeedEntry:
    number, deleted_id, deleted_at, *columns = row
    if deleted_id is not None:
        return FeedEntry(number=number, job_id=deleted_id, job=None, deleted_at=deleted_at)
    job = stored_job(columns)
    return FeedEntry(number=number, job_id=job.record.jobId, job=job)
