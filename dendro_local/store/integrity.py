"""Questions about the records as a whole: what in them does not fit together."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from dendro_local.model import Digest, JobId, JobStatus
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import NO_FILES, JobFiles

__all__ = [
    "Integrity",
    "JobBlobs",
    "PendingApp",
    "TABLES_OF_JOBS",
    "WrongSum",
    "WronglyWaiting",
]

PAGE = 500
"""How many jobs are looked at as of one moment."""

_files = msgspec.json.Decoder(JobFiles)

jobs_after = """
select number, job_id, status, files from jobs
where number > ? order by number limit ?
"""

# What a pending job's dependencies say against what its own row says, as of one moment.
wrongly_waiting = """
select j.number, j.job_id, j.is_runnable,
    min(case when p.status = 'failed' or (d.number is not null and p.number is null)
        then d.parent_job_id end) as hopeless,
    count(case when d.number is not null and p.status is not 'completed' then 1 end) as unfinished
from jobs j
left join job_dependencies d on d.number = j.number
left join jobs p on p.job_id = d.parent_job_id
where j.status = 'pending'
group by j.number
having hopeless is not null or j.is_runnable != (unfinished = 0)
order by j.number
"""

pending_apps = """
select service_name, app_name, count(*) from jobs where status = 'pending'
group by service_name, app_name order by service_name, app_name
"""

# The sums that are kept of users' files, where their jobs add up to something else.
wrong_sums = """
select user_id, sum(kept), sum(counted) from (
    select user_id, bytes as kept, 0 as counted from user_bytes
    union all
    select user_id, 0, coalesce(sum(file_bytes), 0) from jobs group by user_id
)
group by user_id having sum(kept) != sum(counted) order by user_id
"""

# A row beside the jobs table says nothing without its job.
TABLES_OF_JOBS = (
    "job_tags",
    "job_inputs",
    "job_set_urls",
    "job_dependencies",
    "job_blobs",
    "given_up_blobs",
    "pins",
    "job_origins",
    "job_signatures",
)


class JobBlobs(NamedTuple):
    """A job, the files that its record names, and the blobs that it holds or that were given up."""

    number: int
    job_id: JobId
    status: JobStatus
    files: JobFiles
    held: frozenset[Digest]
    given_up: frozenset[Digest]


class WronglyWaiting(NamedTuple):
    """A pending job that waits for nothing, or does not wait although it should.

    ``hopeless_parent`` is a dependency that failed or is gone.
    """

    number: int
    job_id: JobId
    is_runnable: bool
    hopeless_parent: JobId | None


class PendingApp(NamedTuple):
    """An app, and how many pending jobs it has."""

    service_name: str
    app_name: str
    jobs: int


class WrongSum(NamedTuple):
    """How many bytes the files of a user's jobs are said to have, and how many they have."""

    user_id: str
    kept_bytes: int
    counted_bytes: int


class Integrity:
    """Whether the records fit together.

    It changes nothing but `remove_rows_of_no_job` and `put_sum_right`.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def database_faults(self, *, quick: bool) -> list[str]:
        """What SQLite finds wrong with its file, at most 100 things."""
        pragma = "pragma quick_check(100)" if quick else "pragma integrity_check(100)"
        rows = self._connections.get().execute(pragma).fetchall()
        return [row[0] for row in rows if row[0] != "ok"]

    def rows_of_nothing(self) -> Mapping[str, int]:
        """How many rows of each table belong to a job, or to a service, that is not there."""
        rows = self._connections.get().execute("pragma foreign_key_check").fetchall()
        return Counter(row[0] for row in rows)

    def remove_rows_of_no_job(self, table: str) -> None:
        """Remove a table's rows whose jobs are not there. Inside `Store.transaction`."""
        if table not in TABLES_OF_JOBS:
            raise ValueError(f"not a table of what belongs to jobs: {table}")
        self._connections.get().execute(
            f"delete from {table} where number not in (select number from jobs)"  # noqa: S608 - of a fixed set
        )

    def jobs(self) -> Iterator[JobBlobs]:
        """Every job with its blobs; of each job all is as of one moment."""
        after = 0
        while page := self._page(after):
            yield from page
            after = page[-1].number

    def wrongly_waiting(self) -> list[WronglyWaiting]:
        """Pending jobs whose rows say other than their dependencies."""
        rows = self._connections.get().execute(wrongly_waiting).fetchall()
        return [
            WronglyWaiting(number, job_id, bool(is_runnable), hopeless)
            for number, job_id, is_runnable, hopeless, _ in rows
        ]

    def pending_apps(self) -> list[PendingApp]:
        """The apps that have pending jobs."""
        rows = self._connections.get().execute(pending_apps).fetchall()
        return [PendingApp(*row) for row in rows]

    def wrong_sums(self) -> list[WrongSum]:
        """The users whose files are not as many bytes as the limits of a public hub take them for.

        As of one moment, in one pass over the jobs.
        """
        rows = self._connections.get().execute(wrong_sums).fetchall()
        return [WrongSum(*row) for row in rows]

    def put_sum_right(self, user_id: str) -> None:
        """Count anew how many bytes the files of a user's jobs have. Inside `Store.transaction`."""
        self._connections.get().execute(
            """
            insert into user_bytes
            select :user, coalesce(sum(file_bytes), 0) from jobs where user_id = :user
            on conflict (user_id) do update set bytes = excluded.bytes
            """,
            {"user": user_id},
        )

    def _page(self, after: int) -> Sequence[JobBlobs]:
        connection = self._connections.get()
        connection.execute("begin")  # so that a job and its blobs are as of one moment
        try:
            return [
                JobBlobs(
                    number,
                    job_id,
                    status,
                    NO_FILES if files is None else _files.decode(files),
                    self._digests("select digest from job_blobs where number = ?", number),
                    self._digests("select digest from given_up_blobs where number = ?", number),
                )
                for number, job_id, status, files in connection.execute(
                    jobs_after, (after, PAGE)
                ).fetchall()
            ]
        finally:
            connection.execute("commit")

    def _digests(self, query: str, number: int) -> frozenset[Digest]:
        rows = self._connections.get().execute(query, (number,))
        return frozenset(Digest(row[0].hex()) for row in rows.fetchall())
