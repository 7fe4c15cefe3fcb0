"""What a list of jobs may be asked for, and a page of it."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from dendro_local.model import JobId, JobStatus
from dendro_local.store.job_rows import StoredJob

__all__ = ["JobPage", "JobQuery", "Place"]


class Place(NamedTuple):
    """Where a job stands in a list: its update time, and its number among those of that time."""

    updated_at: float
    number: int


class JobQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to list: those to which everything that is given applies.

    Times are seconds since the Unix epoch: from ``since`` on, and before ``until``.
    """

    job_id: JobId | None = None
    id_prefix: str | None = None
    """How their ids begin."""
    service: str | None = None
    app: str | None = None
    processor: str | None = None
    status: JobStatus | None = None
    user: str | None = None
    compute_client: str | None = None
    batch: str | None = None
    tags: tuple[str, ...] = ()
    input_url: str | None = None
    output_url: str | None = None
    text: str | None = None
    """Words, each of which is somewhere in a job: in its id, tags, error, the names of what it
    belongs to, or a parameter or URL of its definition. In upper or lower case, where it is ASCII.
    """
    since: float | None = None
    until: float | None = None
    created_since: float | None = None
    created_until: float | None = None
    after: tuple[float, int] | None = None
    """The `Place` of the last job of the page before."""
    limit: int = 100
    looked_at: int | None = None
    """How many jobs a page looks at for those that fit; by default some thousand."""


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs of a query, latest update first.

    ``next`` is where the next page begins, None if there is none. ``looked_back_to`` is the update
    time of the last job that was looked at, if the page ended before it was full.
    """

    jobs: Sequence[StoredJob]
    next: Place | None
    looked_back_to: float | None = None
