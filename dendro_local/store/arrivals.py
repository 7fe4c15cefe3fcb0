"""Putting finished jobs of other stores in, many at once.

They take numbers of the feed as every change does, so that what arrived here is told on.
"""

import time
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from dendro_local.model import Digest, JobId
from dendro_local.signed_records import FileRecord, FilesRecord, JobRecord
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import JobFiles, StoredFile, encoded

__all__ = ["Arrival", "ArrivalTable"]

_COLUMNS = (
    "number", "job_id", "service_name", "app_name", "processor_name", "user_id", "batch_id",
    "definition", "definition_hash", "content_key", "app_version", "dependencies", "num_cpus",
    "num_gpus", "memory_gb", "time_sec", "tags", "files", "file_bytes", "status", "is_runnable",
    "canceled", "error", "created_at", "starting_at", "started_at", "finished_at", "updated_at",
    "compute_client_id", "compute_client_name", "compute_client_user_id", "image_uri", "attempts",
    "feed_number",
)  # fmt: skip

# Or fail: a job that cannot be put in ends the transaction, which takes all of it back. To take the
# one row back alone, as SQLite otherwise does, it would write each page to a file beforehand.
insert_job = f"""
insert or fail into jobs ({", ".join(_COLUMNS)}) values ({", ".join("?" * len(_COLUMNS))})
"""  # noqa: S608 - constants

take_feed_numbers = """
update meta set value = cast(cast(value as integer) + ? as text)
where key = 'feed_number'
returning cast(value as integer)
"""


# A thousand ids in one question, each found by its index.
numbers_of = """
select j.job_id, j.number from json_each(?) asked cross join jobs j on j.job_id = asked.value
"""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A job that has come from elsewhere and may be put in."""

    record: JobRecord
    tags: Sequence[str]
    updated_at: float
    content_key: str | None
    origin: str
    key_id: str | None
    is_verified: bool
    signatures: Sequence[tuple[str, bytes]]
    given_up: Collection[Digest] = ()
    """Those of its files that it does without."""


class ArrivalTable:
    """The way in. Changes belong inside `Store.transaction`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def put(self, arrivals: Sequence[Arrival]) -> None:
        """Put jobs in that are not here, parents before children."""
        if not arrivals:
            return
        connection = self._connections.get()
        (last,) = connection.execute(take_feed_numbers, (len(arrivals),)).fetchone()
        feed = last - len(arrivals)
        (number,) = connection.execute("select coalesce(max(number), 0) from jobs").fetchone()
        now = time.time()
        numbered = [(number + index, each) for index, each in enumerate(arrivals, 1)]
        connection.executemany(
            insert_job,
            [_row(own, feed + index, each) for index, (own, each) in enumerate(numbered, 1)],
        )
        for statement, rows in (
            (
                "insert into job_tags (tag, updated_at, number) values (?, ?, ?)",
                [
                    (tag, each.updated_at, own)
                    for own, each in numbered
                    for tag in dict.fromkeys(each.tags)
                ],
            ),
            (
                "insert into job_inputs (url, updated_at, number) values (?, ?, ?)",
                [
                    (url, each.updated_at, own)
                    for own, each in numbered
                    for url in {file.url for file in each.record.jobDefinition.inputFiles}
                ],
            ),
            (
                "insert into job_dependencies (parent_job_id, number) values (?, ?)",
                [
                    (parent, own)
                    for own, each in numbered
                    for parent in set(each.record.jobDependencies)
                ],
            ),
            (
                "insert or ignore into job_blobs (digest, number) values (?, ?)",
                [
                    (bytes.fromhex(file.digest), own)
                    for own, each in numbered
                    for file in each.record.files.all()
                    if file.digest is not None and file.digest not in each.given_up
                ],
            ),
            (
                "insert into given_up_blobs (number, digest) values (?, ?)",
                [
                    (own, bytes.fromhex(digest))
                    for own, each in numbered
                    for digest in each.given_up
                ],
            ),
            (
                "insert or ignore into job_set_urls (url, number) values (?, ?)",
                [
                    (file.url, own)
                    for own, each in numbered
                    for file in each.record.files.all()
                    if file.url is not None
                ],
            ),
            (
                "insert into job_origins (number, origin, arrived_at, key_id, is_verified) "
                "values (?, ?, ?, ?, ?)",
                [
                    (own, each.origin, now, each.key_id, int(each.is_verified))
                    for own, each in numbered
                ],
            ),
            (
                "insert or ignore into job_signatures (number, key_id, signature) values (?, ?, ?)",
                [(own, *signature) for own, each in numbered for signature in each.signatures],
            ),
        ):
            connection.executemany(statement, rows)

    def numbers(self, job_ids: Sequence[JobId]) -> dict[JobId, int]:
        """The numbers of those of the jobs that are here, whatever their status."""
        rows = self._connections.get().execute(
            "select job_id, number from jobs where job_id in (select value from json_each(?))",
            (encoded(job_ids),),
        )
        return dict(rows.fetchall())


def _row(number: int, feed_number: int, arrival: Arrival) -> tuple[Any, ...]:
    record = arrival.record
    definition = record.jobDefinition
    resources = record.requiredResources
    files = _job_files(record.files)
    content_key = b"" if record.mustRun else None
    if arrival.content_key is not None:
        content_key = bytes.fromhex(arrival.content_key)
    return (
        number,
        record.jobId,
        record.serviceName,
        definition.appName,
        definition.processorName,
        record.userId,
        record.batchId,
        encoded(definition),
        record.jobDefinitionHash,
        content_key,
        record.appVersion,
        encoded(record.jobDependencies) if record.jobDependencies else None,
        resources.numCpus,
        resources.numGpus,
        float(resources.memoryGb),
        float(resources.timeSec),
        encoded(list(dict.fromkeys(arrival.tags))) if arrival.tags else None,
        encoded(files),
        files.size(),
        record.status,
        1,
        int(record.canceled),
        record.error,
        record.timestampCreatedSec,
        record.timestampStartingSec,
        record.timestampStartedSec,
        record.timestampFinishedSec,
        arrival.updated_at,
        record.computeClientId,
        record.computeClientName,
        record.computeClientUserId,
        record.imageUri,
        record.attempts,
        feed_number,
    )


def _job_files(files: FilesRecord) -> JobFiles:
    return JobFiles(
        outputs={name: _file(file) for name, file in files.outputs.items()},
        others={name: _file(file) for name, file in files.others.items()},
        console=None if files.console is None else _file(files.console),
        usage=None if files.usage is None else _file(files.usage),
    )


def _file(file: FileRecord) -> StoredFile:
    return StoredFile(file.digest, file.size, file.url)
