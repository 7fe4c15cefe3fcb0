"""What may be pruned: finished jobs, and those among them that other jobs need."""

from collections.abc import Collection, Iterator, Sequence

import msgspec

from dendro_local.file_urls import parse_blob_url
from dendro_local.model import JobId, JobStatus
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import NO_FILES, JobFiles, encoded

__all__ = ["FinishedJob", "PruneSearch"]

_files = msgspec.json.Decoder(JobFiles)

finished_jobs = """
select number, job_id, app_name, processor_name, status, coalesce(finished_at, updated_at), files
from jobs
where status in ('completed', 'failed')
    and (:status is null or status = :status)
    and (:before is null or coalesce(finished_at, updated_at) < :before)
    and not exists (
        select 1 from json_each(:tags) t
        where not exists (select 1 from job_tags g where g.tag = t.value and g.number = jobs.number)
    )
order by coalesce(finished_at, updated_at), number
"""

unfinished_jobs = "select number from jobs where status in ('pending', 'starting', 'running')"

with_ancestors = """
with recursive found (number) as (
    select value from json_each(:numbers)
    union
    select p.number
    from found f
    join job_dependencies d on d.number = f.number
    join jobs p on p.job_id = d.parent_job_id
)
select number from found
"""

# The stable URL of a file by its content: `dendro_local.file_urls.blob_url`.
file_inputs = """
select distinct url from job_inputs
where number in (select value from json_each(:numbers))
    and url >= 'dendro:sha256/' and url < 'dendro:sha2560'
"""

children_beside = """
select count(distinct d.number)
from jobs p join job_dependencies d on d.parent_job_id = p.job_id
where p.number in (select value from json_each(:gone))
    and d.number not in (select value from json_each(:gone))
"""


class FinishedJob(msgspec.Struct, frozen=True, kw_only=True):
    """What pruning has to know of a job that is completed or failed."""

    number: int
    job_id: JobId
    app_name: str
    processor_name: str
    status: JobStatus
    finished_at: float


class PruneSearch:
    """Questions that pruning asks. It changes nothing."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def finished_jobs(
        self, *, before: float | None, status: JobStatus | None, tags: Sequence[str]
    ) -> Iterator[tuple[FinishedJob, JobFiles]]:
        """Finished jobs to which all that is given applies, first finished first, and their files.

        Args:
            before: when they finished at the latest, in seconds since the epoch.
            status: completed or failed.
            tags: each of these is on them.
        """
        rows = self._connections.get().execute(
            finished_jobs, {"before": before, "status": status, "tags": encoded(list(tags))}
        )
        for number, job_id, app, processor, found_status, finished_at, files in rows:
            job = FinishedJob(
                number=number,
                job_id=job_id,
                app_name=app,
                processor_name=processor,
                status=found_status,
                finished_at=finished_at,
            )
            yield job, NO_FILES if files is None else _files.decode(files)

    def unfinished(self) -> set[int]:
        """The jobs that are not finished."""
        return {row[0] for row in self._connections.get().execute(unfinished_jobs)}

    def pinned(self) -> set[int]:
        """The jobs that are pinned."""
        return {row[0] for row in self._connections.get().execute("select number from pins")}

    def with_ancestors(self, numbers: Collection[int]) -> set[int]:
        """These jobs and all that they depend on, as far as it is there."""
        rows = self._connections.get().execute(
            with_ancestors, {"numbers": encoded(sorted(numbers))}
        )
        return {row[0] for row in rows}

    def holders_of_file_inputs(self, numbers: Collection[int]) -> set[int]:
        """The jobs that hold a blob with the bytes of a file that one of these takes.

        Such a file is named by its content alone, and may by now lie nowhere else.
        """
        connection = self._connections.get()
        rows = connection.execute(file_inputs, {"numbers": encoded(sorted(numbers))}).fetchall()
        digests = [digest for (url,) in rows if (digest := parse_blob_url(url)) is not None]
        return {
            row[0]
            for digest in digests
            for row in connection.execute(
                "select number from job_blobs where digest = ?", (bytes.fromhex(digest),)
            )
        }

    def count_children_beside(self, numbers: Collection[int]) -> int:
        """How many jobs depend on one of these directly and are not among them."""
        row: tuple[int] = (
            self._connections.get()
            .execute(children_beside, {"gone": encoded(sorted(numbers))})
            .fetchone()
        )
        return row[0]
