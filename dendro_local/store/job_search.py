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

_J_COLUMNS = ", ".join(f"j.{column}" for column in COLUMNS.split(", "))


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

_BY_NUMBER = {
    "tag": "exists (select 1 from job_tags x where x.number = j.number and x.tag = ?)",
    "set url": "exists (select 1 from job_set_urls x where x.number = j.number and x.url = ?)",
}


def find_jobs(connections: Connections, query: JobQuery) -> list[StoredJob]:
    """The jobs of a query, latest update first."""
    # What is most selective leads: its table has the jobs in the order of the list.
    tags = list(query.tags)
    input_url = query.input_url
    search = _Search("jobs j", "j")
    if input_url is not None:
        search = _Search("job_inputs i cross join jobs j on j.number = i.number", "i")
        search.add("i.url = ?", input_url)
    elif tags:
        search = _Search("job_tags t cross join jobs j on j.number = t.number", "t")
        search.add("t.tag = ?", tags.pop(0))
    for tag in tags:
        search.add(_BY_NUMBER["tag"], tag)
    for field, column in _EQUALS.items():
        wanted = getattr(query, field)
        if wanted is not None:
            search.add(f"j.{column} = ?", wanted)
    if query.output_url is not None:
        own = parse_file_url(query.output_url)
        if own is None:
            search.add(_BY_NUMBER["set url"], query.output_url)
        else:
            search.add("j.job_id = ?", own.job_id)
    return search.run(connections, query)


class _Search:
    """A select that is put together from fixed pieces; values go in as parameters.

    Args:
        tables: where the jobs come from, as ``j``.
        leader: the table whose ``updated_at`` and ``number`` give the order.
    """

    def __init__(self, tables: str, leader: str) -> None:
        self._tables = tables
        self._leader = leader
        self._conditions: list[str] = []
        self._values: list[Any] = []

    def add(self, condition: str, *values: Any) -> None:
        """Only jobs to which this applies."""
        self._conditions.append(condition)
        self._values.extend(values)

    def run(self, connections: Connections, query: JobQuery) -> list[StoredJob]:
        """A page of the jobs."""
        lead = self._leader
        if query.after is not None:
            self.add(f"({lead}.updated_at, {lead}.number) < (?, ?)", *query.after)
        where = " and ".join(self._conditions) or "true"
        rows = connections.get().execute(
            f"select {_J_COLUMNS} from {self._tables} where {where} "  # noqa: S608 - fixed pieces
            f"order by {lead}.updated_at desc, {lead}.number desc limit ?",
            (*self._values, query.limit),
        )
        return [stored_job(row) for row in rows]
