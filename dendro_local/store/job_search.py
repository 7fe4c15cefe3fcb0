"""Lists of jobs by what a user may ask for, page by page.

Every question is served by an index, newest update first, and the next page begins after the last
job of the one before, so that a page costs the same however far down it is.
"""

from typing import Any

import msgspec

from dendro_local.file_urls import parse_file_url
from dendro_local.model import JobId, JobStatus
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import COLUMNS, StoredJob, stored_job

__all__ = ["JobQuery", "find_jobs"]


class JobQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to list: those to which everything that is given applies."""

    job_id: JobId | None = None
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
    after: tuple[float, int] | None = None
    """Update time and number of the last job of the page before."""
    limit: int = 100


_EQUALS = {
    "job_id": "job_id",
    "service": "service_name",
    "app": "app_name",
    "processor": "processor_name",
    "status": "status",
    "user": "user_id",
    "compute_client": "compute_client_id",
    "batch": "batch_id",
}

_HAS_TAG = "number in (select number from job_tags where tag = ?)"
_HAS_INPUT = "number in (select number from job_inputs where url = ?)"
_SET_OUTPUT = "number in (select number from job_set_urls where url = ?)"


def find_jobs(connections: Connections, query: JobQuery) -> list[StoredJob]:
    """The jobs of a query, latest update first."""
    conditions: list[str] = []
    values: list[Any] = []

    def add(condition: str, *given: Any) -> None:
        conditions.append(condition)
        values.extend(given)

    for field, column in _EQUALS.items():
        wanted = getattr(query, field)
        if wanted is not None:
            add(f"{column} = ?", wanted)
    for tag in query.tags:
        add(_HAS_TAG, tag)
    if query.input_url is not None:
        add(_HAS_INPUT, query.input_url)
    if query.output_url is not None:
        own = parse_file_url(query.output_url)
        if own is None:
            add(_SET_OUTPUT, query.output_url)
        else:
            add("job_id = ?", own.job_id)
    if query.after is not None:
        add("(updated_at, number) < (?, ?)", *query.after)
    where = " and ".join(conditions) or "true"
    rows = connections.get().execute(
        f"select {COLUMNS} from jobs where {where} order by updated_at desc, number desc limit ?",  # noqa: S608 - conditions of a fixed set
        (*values, query.limit),
    )
    return [stored_job(row) for row in rows]
