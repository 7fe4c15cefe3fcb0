"""Questions to the jobs table and its companions, and changes of a job.

Every change takes the next feed number, so that whoever follows the feed sees it once. Changes
belong inside `Store.transaction`.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dendro_local.file_urls import blob_url
from dendro_local.lifecycle import TERMINAL
from dendro_local.model import Digest, Job, JobId
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import (
    COLUMNS,
    JobFiles,
    StoredJob,
    encoded,
    encoded_or_none,
    job_of_row,
    row_of,
    stored_job,
)
from dendro_local.store.job_secrets import JobSecretTable
from dendro_local.store.user_usage import UserUsage

__all__ = ["CachedAnswer", "JobTable"]


class CachedAnswer(NamedTuple):
    """A registered app, as `RegisteredApp` has it, and the newest job that its version made."""

    version: str | None
    source: str | None
    folder_digest: str | None
    job: StoredJob | None


MOST_AT_ONCE = 64
"""So many runnable jobs are read in one go at the most."""

_J_COLUMNS = ", ".join(f"j.{column}" for column in COLUMNS.split(", "))

# What a submit asks first, in one go: the app as it is registered, and the newest job of the same
# definition that this version of the app made. A left join, so that a miss still tells the app.
app_and_cached_job = f"""
select a.version, a.source, a.folder_digest, {_J_COLUMNS}
from service_apps a
left join jobs j
    on j.definition_hash = :hash and j.service_name = :service and j.app_version is a.version
where a.service_name = :service and a.app_name = :app
order by j.created_at desc
limit 1
"""  # noqa: S608 - the columns are a constant

job_by_id = f"select {COLUMNS} from jobs where job_id = ?"  # noqa: S608

jobs_by_hash = f"""
select {COLUMNS} from jobs
where definition_hash = ? and service_name = ?
order by created_at desc
limit ?
"""  # noqa: S608

runnable_jobs = f"""
select {COLUMNS} from jobs indexed by jobs_runnable
where status = 'pending' and is_runnable = 1 and (created_at, number) > (?, ?)
order by created_at, number
limit ?
"""  # noqa: S608

count_runnable = """
select count(*) from jobs indexed by jobs_runnable where status = 'pending' and is_runnable = 1
"""

completed_by_content = f"""
select {COLUMNS} from jobs
where content_key = ? and service_name = ? and app_version is ? and status = 'completed'
order by created_at desc
limit 5
"""  # noqa: S608

active_jobs = f"""
select {COLUMNS} from jobs indexed by jobs_active where status in ('starting', 'running')
"""  # noqa: S608

children_of = f"""
select {_J_COLUMNS} from job_dependencies d join jobs j on j.number = d.number
where d.parent_job_id = ?
"""  # noqa: S608

unfinished_parents = """
select d.parent_job_id, p.status
from job_dependencies d left join jobs p on p.job_id = d.parent_job_id
where d.number = ? and p.status is not 'completed'
"""

blob_is_needed = """
select 1 where exists (select 1 from job_blobs where digest = :digest)
    or exists (select 1 from job_inputs where url = :url)
"""

next_feed_number = """
update meta set value = cast(cast(value as integer) + 1 as text)
where key = 'feed_number'
returning cast(value as integer)
"""

_CHANGEABLE = frozenset(
    {
        "status",
        "is_runnable",
        "canceled",
        "error",
        "note",
        "tags",
        "files",
        "content_key",
        "app_version",
        "starting_at",
        "started_at",
        "finished_at",
        "compute_client_id",
        "compute_client_name",
        "compute_client_user_id",
        "image_uri",
        "claim_token",
        "attempts",
        "lease_until",
    }
)


class JobTable:
    """The jobs of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._usage = UserUsage(connections)
        self._secrets = JobSecretTable(connections)

    # Questions

    def app_and_cached(self, service: str, app: str, definition_hash: str) -> CachedAnswer | None:
        """The newest job of a definition by the registered version of its app.

        None when the service has no such app.
        """
        row: tuple[Any, ...] | None = (
            self._connections.get()
            .execute(app_and_cached_job, {"hash": definition_hash, "service": service, "app": app})
            .fetchone()
        )
        if row is None:
            return None
        version, source, folder_digest, *job = row
        return CachedAnswer(
            version, source, folder_digest, None if job[0] is None else stored_job(job)
        )

    def by_id(self, job_id: JobId) -> StoredJob | None:
        """The job of this id."""
        row = self._connections.get().execute(job_by_id, (job_id,)).fetchone()
        return None if row is None else stored_job(row)

    def by_hash(self, service: str, definition_hash: str, limit: int = 20) -> list[StoredJob]:
        """Jobs of a definition on a service, newest first."""
        return self._all(jobs_by_hash, (definition_hash, service, limit))

    def completed_by_content(
        self, service: str, app_version: str | None, content_key: str
    ) -> list[StoredJob]:
        """Completed jobs of a service that computed the same by the same code, newest first."""
        return self._all(completed_by_content, (bytes.fromhex(content_key), service, app_version))

    def is_unchanged(self, number: int, feed_number: int) -> bool:
        """Whether the latest change of a job is still the one with this number in the feed."""
        row = (
            self._connections.get()
            .execute(
                "select 1 from jobs where number = ? and feed_number = ?", (number, feed_number)
            )
            .fetchone()
        )
        return row is not None

    def ids_starting_with(self, prefix: str, limit: int) -> list[JobId]:
        """Ids that begin with a prefix, at most ``limit``."""
        rows = self._connections.get().execute(
            "select job_id from jobs where job_id >= ? and job_id < ? order by job_id limit ?",
            (prefix, prefix + "\U0010ffff", limit),
        )
        return [row[0] for row in rows]

    def runnable(self, limit: int) -> Iterator[StoredJob]:
        """Jobs that could start now, in the order in which they should.

        Read one and then more and more at a time, since most often the first is taken. Each few
        are read to the end before the first of them is given, since a question that is half
        answered keeps the database as it was when it was asked.
        """
        after = (0.0, 0)
        given = 0
        at_once = 1
        while given < limit:
            asked = min(at_once, limit - given)
            rows = self._connections.get().execute(runnable_jobs, (*after, asked)).fetchall()
            for row in rows:
                job = stored_job(row)
                after = (job.record.timestampCreatedSec, job.number)
                yield job
            given += len(rows)
            if len(rows) < asked:
                return
            at_once = min(4 * at_once, MOST_AT_ONCE)

    def active(self) -> list[StoredJob]:
        """Jobs that a compute client holds."""
        return self._all(active_jobs, ())

    def count_by_status(self) -> dict[str, int]:
        """How many jobs there are of each status."""
        rows = self._connections.get().execute("select status, count(*) from jobs group by status")
        return dict(rows.fetchall())

    def count_runnable(self) -> int:
        """How many jobs could start now."""
        row: tuple[int] = self._connections.get().execute(count_runnable).fetchone()
        return row[0]

    def children(self, job_id: JobId) -> list[StoredJob]:
        """Jobs that depend on this one directly."""
        return self._all(children_of, (job_id,))

    def unfinished_parents(self, number: int) -> list[tuple[JobId, str | None]]:
        """Dependencies of a job that are not completed, with status; None where it is gone."""
        return self._connections.get().execute(unfinished_parents, (number,)).fetchall()

    def input_paths(self, number: int) -> dict[str, str]:
        """Where local input files were found at submit, by URL."""
        rows = self._connections.get().execute(
            "select url, local_path from job_inputs where number = ? and local_path is not null",
            (number,),
        )
        return dict(rows.fetchall())

    def claim_tokens(self, job_ids: Sequence[JobId]) -> dict[JobId, str]:
        """The claim of each of these jobs that is active."""
        connection = self._connections.get()
        found: dict[JobId, str] = {}
        for job_id in job_ids:
            row = connection.execute(
                "select claim_token from jobs "
                "where job_id = ? and status in ('starting', 'running')",
                (job_id,),
            ).fetchone()
            if row is not None:
                found[job_id] = row[0]
        return found

    def unreferenced(self, digests: Iterable[Digest]) -> list[Digest]:
        """Those of the blobs that no job needs: neither as a file of its own nor as an input."""
        connection = self._connections.get()
        return [
            digest
            for digest in digests
            if connection.execute(
                blob_is_needed, {"digest": bytes.fromhex(digest), "url": blob_url(digest)}
            ).fetchone()
            is None
        ]

    # Changes

    def insert(
        self,
        job: Job,
        *,
        app_version: str | None,
        note: str | None,
        local_paths: Mapping[str, str],
        must_run: bool = False,
    ) -> StoredJob:
        """Record a new job, and give it as it is kept.

        Args:
            job: its record.
            app_version: the version of the app that it is for.
            note: why it is there although there was an earlier one.
            local_paths: where input files of this machine lie, by URL.
            must_run: whether it is not to take over the outputs of an equal one.
        """
        row = row_of(
            job,
            app_version=app_version,
            content_key=b"" if must_run else None,
            note=note,
            attempts=0,
            feed_number=self._next_feed_number(),
        )
        connection = self._connections.get()
        # Or fail: what is refused ends the transaction, which takes all of it back. To take the
        # one row back alone, SQLite would write each page that it changes to a file beforehand.
        number = connection.execute(
            f"insert or fail into jobs ({', '.join(row)}) values ({', '.join('?' * len(row))})",  # noqa: S608 - the columns of row_of
            tuple(row.values()),
        ).lastrowid
        self._add_tags(number, job.tags, row["updated_at"])
        if job.inputFileUrlList:
            connection.executemany(
                "insert into job_inputs (url, updated_at, number, local_path) values (?, ?, ?, ?)",
                [
                    (url, row["updated_at"], number, local_paths.get(url))
                    for url in dict.fromkeys(job.inputFileUrlList)
                ],
            )
        if job.jobDependencies:
            connection.executemany(
                "insert into job_dependencies (parent_job_id, number) values (?, ?)",
                [(parent, number) for parent in job.jobDependencies],
            )
        return job_of_row({"number": number, **row})

    def update(self, number: int, **changes: Any) -> None:
        """Change columns of a job; its update time and place in the feed follow.

        ``tags`` and ``files`` take their records.
        """
        unknown = set(changes) - _CHANGEABLE
        if unknown:
            raise ValueError(f"not a column that changes: {', '.join(sorted(unknown))}")
        files: JobFiles | None = changes.get("files")
        if files is not None:
            changes["files"] = encoded(files)
            changes["file_bytes"] = files.size()
            self._keep_blobs(number, files)
            if "status" not in changes:
                self._forget_signatures(number)
        if changes.get("content_key") is not None:
            changes["content_key"] = bytes.fromhex(changes["content_key"])
        connection = self._connections.get()
        now = changes["updated_at"] = time.time()
        self._touch_inputs(number, now)
        if "tags" in changes:
            connection.execute("delete from job_tags where number = ?", (number,))
            self._add_tags(number, changes["tags"], now)
            changes["tags"] = encoded_or_none(changes["tags"])
        else:
            self._touch_tags(number, now)
        changes["feed_number"] = self._next_feed_number()
        assignments = ", ".join(f"{column} = ?" for column in changes)
        # Or fail: as in `insert`, since a trigger follows where the files change.
        connection.execute(
            f"update or fail jobs set {assignments} where number = ?",  # noqa: S608 - columns of a fixed set
            (*changes.values(), number),
        )
        if changes.get("status") in TERMINAL:
            self._usage.add(number)
            self._secrets.drop(number)

    def take(self, job_id: JobId, **changes: Any) -> StoredJob | None:
        """Make a pending job starting, with one more attempt; None if it is pending no more.

        Takes and does for the rest what `update` does.
        """
        now = changes["updated_at"] = time.time()
        assignments = ", ".join(f"{column} = ?" for column in changes)
        row = (
            self._connections.get()
            .execute(
                f"update jobs set status = 'starting', attempts = attempts + 1, {assignments}, "  # noqa: S608 - columns of a fixed set
                "feed_number = (select cast(value as integer) + 1 from meta "
                "where key = 'feed_number') "
                f"where job_id = ? and status = 'pending' returning {COLUMNS}",
                (*changes.values(), job_id),
            )
            .fetchone()
        )
        if row is None:
            return None  # and no number is used up, see `Feed.last_settled`
        self._next_feed_number()
        taken = stored_job(row)
        self._touch_inputs(taken.number, now)
        self._touch_tags(taken.number, now)
        return taken

    def renew(self, numbers_and_tokens: Iterable[tuple[int, str]], lease_until: float) -> None:
        """Put off the end of leases. Not a change that anybody needs to see."""
        self._connections.get().executemany(
            "update jobs set lease_until = ? where number = ? and claim_token = ?",
            [(lease_until, number, token) for number, token in numbers_and_tokens],
        )

    def delete(self, job: StoredJob) -> None:
        """Remove a job's record, leaving a tombstone in the feed."""
        connection = self._connections.get()
        row = connection.execute(
            "select origin from job_origins where number = ?", (job.number,)
        ).fetchone()
        if row is None:
            self._usage.add_deleted(job.number)  # what came from elsewhere was not counted either
        connection.execute("delete from jobs where number = ?", (job.number,))
        connection.execute(
            "insert into tombstones (feed_number, job_id, deleted_at, service_name, origin) "
            "values (?, ?, ?, ?, ?)",
            (
                self._next_feed_number(),
                job.record.jobId,
                time.time(),
                job.record.serviceName,
                None if row is None else row[0],
            ),
        )

    def _touch_inputs(self, number: int, now: float) -> None:
        self._connections.get().execute(
            "update job_inputs set updated_at = ? where number = ?", (now, number)
        )

    def _touch_tags(self, number: int, now: float) -> None:
        self._connections.get().execute(
            "update job_tags set updated_at = ? where number = ?", (now, number)
        )

    def _add_tags(self, number: int | None, tags: Sequence[str], updated_at: float) -> None:
        if tags:
            self._connections.get().executemany(
                "insert or ignore into job_tags (tag, updated_at, number) values (?, ?, ?)",
                [(tag, updated_at, number) for tag in tags],
            )

    def _keep_blobs(self, number: int, files: JobFiles) -> None:
        connection = self._connections.get()
        connection.executemany(
            "insert or ignore into job_blobs (digest, number) values (?, ?)",
            [(bytes.fromhex(file.digest), number) for file in files.all() if file.digest],
        )
        connection.executemany(
            "insert or ignore into job_set_urls (url, number) values (?, ?)",
            [(file.url, number) for file in files.all() if file.url],
        )

    def _forget_signatures(self, number: int) -> None:
        """Have a job signed again when others ask for it: a log came after its end."""
        self._connections.get().execute("delete from job_signatures where number = ?", (number,))

    def _next_feed_number(self) -> int:
        row: tuple[int] = self._connections.get().execute(next_feed_number).fetchone()
        return row[0]

    def _all(self, query: str, values: Sequence[Any]) -> list[StoredJob]:
        return [stored_job(row) for row in self._connections.get().execute(query, values)]
