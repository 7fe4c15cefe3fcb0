"""Jobs as they are told to other stores: what changed since a number, and finished jobs by id."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from dendro_local.model import JobDefinition, JobId, RequiredResources
from dendro_local.signed_records import FileRecord, FilesRecord, JobRecord
from dendro_local.store.connection import Connections
from dendro_local.store.job_rows import JobFiles, StoredFile, encoded

__all__ = ["SharedDeletion", "SharedJob", "SharedJobTable"]

_COLUMNS = (
    "j.number, j.feed_number, j.updated_at, j.tags, j.job_id, j.service_name, j.user_id, "
    "j.batch_id, j.definition, j.definition_hash, j.app_version, j.content_key, j.dependencies, "
    "j.num_cpus, j.num_gpus, j.memory_gb, j.time_sec, j.status, j.canceled, j.error, "
    "j.created_at, j.starting_at, j.started_at, j.finished_at, j.compute_client_id, "
    "j.compute_client_name, j.compute_client_user_id, j.image_uri, j.attempts, j.files, o.origin"
)

_FROM = "from jobs j left join job_origins o on o.number = j.number"

# By the feed, though SQLite may think that few jobs have ended: a few have changed.
_FROM_FEED = _FROM.replace("jobs j", "jobs j indexed by jobs_feed")

_ENDED = "j.status in ('completed', 'failed')"

job_of_id = f"select {_COLUMNS} {_FROM} where j.job_id = ? and {_ENDED}"

jobs_of_hash = f"""
select {_COLUMNS} {_FROM}
where j.definition_hash = ? and j.service_name = ? and {_ENDED}
order by j.created_at desc limit ?
"""

jobs_of_content = f"""
select {_COLUMNS} {_FROM}
where j.content_key = ? and j.service_name = ? and j.status = 'completed'
order by j.created_at desc limit ?
"""

signatures_of = """
select s.number, s.key_id, s.signature
from json_each(?) asked cross join job_signatures s on s.number = asked.value
order by s.number, s.key_id
"""

count_ended = "select count(*) from jobs where status in ('completed', 'failed')"

_definition = msgspec.json.Decoder(JobDefinition)
_files = msgspec.json.Decoder(JobFiles)
_strings = msgspec.json.Decoder(list[str])


class SharedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that has ended, as others are told of it."""

    number: int
    feed_number: int
    record: JobRecord
    tags: list[str]
    updated_at: float
    origin: str | None
    """None if it is of this store."""
    signatures: list[tuple[str, bytes]]


class SharedDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was deleted; ``origin`` is where it had come from."""

    feed_number: int
    job_id: JobId
    service_name: str
    deleted_at: float
    origin: str | None


class SharedJobTable:
    """The finished jobs of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def by_id(self, job_id: JobId) -> SharedJob | None:
        """The job of this id, if it has ended."""
        jobs = self._jobs(self._connections.get().execute(job_of_id, (job_id,)).fetchall())
        return jobs[0] if jobs else None

    def by_hash(self, service: str, definition_hash: str, limit: int) -> list[SharedJob]:
        """Finished jobs of a definition on a service, newest first."""
        rows = self._connections.get().execute(jobs_of_hash, (definition_hash, service, limit))
        return self._jobs(rows.fetchall())

    def by_content(self, service: str, content_key: str, limit: int) -> list[SharedJob]:
        """Completed jobs of a service that computed the same, newest first."""
        rows = self._connections.get().execute(
            jobs_of_content, (bytes.fromhex(content_key), service, limit)
        )
        return self._jobs(rows.fetchall())

    def count(self) -> int:
        """How many jobs have ended."""
        row: tuple[int] = self._connections.get().execute(count_ended).fetchone()
        return row[0]

    def changed(
        self, after: int, conditions: Mapping[str, Any], limit: int
    ) -> Sequence[SharedJob | SharedDeletion]:
        """What changed after a number of the feed, in its order.

        Args:
            after: the number.
            conditions: ``service``, ``app``, ``processor``, ``tags`` (all of them) and ``since``,
                the time of a job's end; None or nothing for any. ``not_from`` is an origin: what
                came from there is left out, unless it has changed since.
            limit: at most so many.
        """
        where, values = _where(conditions)
        connection = self._connections.get()
        rows = connection.execute(
            f"select {_COLUMNS} {_FROM_FEED} where j.feed_number > ? and {_ENDED}{where} "
            "order by j.feed_number limit ?",
            (after, *values, limit),
        ).fetchall()
        gone = connection.execute(
            "select feed_number, job_id, service_name, deleted_at, origin from tombstones "
            "where feed_number > ? and service_name is not null and ? in (service_name, '') "
            "and origin is not ? order by feed_number limit ?",
            (after, conditions.get("service") or "", conditions.get("not_from") or "", limit),
        ).fetchall()
        found: list[SharedJob | SharedDeletion] = [
            SharedDeletion(
                feed_number=row[0],
                job_id=row[1],
                service_name=row[2],
                deleted_at=row[3],
                origin=row[4],
            )
            for row in gone
        ]
        found += self._jobs(rows)
        found.sort(key=lambda each: each.feed_number)
        return found[:limit]

    def digests_asked(self, job_ids: Sequence[JobId]) -> Iterator[SharedJob]:
        """Those of the jobs that are here and have ended."""
        for job_id in job_ids:
            found = self.by_id(job_id)
            if found is not None:
                yield found

    def _jobs(self, rows: Sequence[Sequence[Any]]) -> list[SharedJob]:
        signatures: dict[int, list[tuple[str, bytes]]] = {row[0]: [] for row in rows}
        found = self._connections.get().execute(signatures_of, (encoded(list(signatures)),))
        for number, *signature in found:
            signatures[number].append(tuple(signature))
        return [_shared_job(row, signatures[row[0]]) for row in rows]


def _where(conditions: Mapping[str, Any]) -> tuple[str, list[Any]]:
    where = ""
    values: list[Any] = []
    for name, column in (
        ("service", "j.service_name = ?"),
        ("app", "j.app_name = ?"),
        ("processor", "j.processor_name = ?"),
        ("since", "j.finished_at >= ?"),
    ):
        if conditions.get(name) is not None:
            where += f" and {column}"
            values.append(conditions[name])
    if conditions.get("not_from") is not None:
        where += " and (o.origin is not ? or j.updated_at > o.arrived_at)"
        values.append(conditions["not_from"])
    for tag in conditions.get("tags") or ():
        where += " and exists (select 1 from job_tags t where t.number = j.number and t.tag = ?)"
        values.append(tag)
    return where, values


def _shared_job(row: Sequence[Any], signatures: list[tuple[str, bytes]]) -> SharedJob:
    (
        number,
        feed_number,
        updated_at,
        tags,
        job_id,
        service,
        user_id,
        batch_id,
        definition,
        definition_hash,
        app_version,
        content_key,
        dependencies,
        num_cpus,
        num_gpus,
        memory_gb,
        time_sec,
        status,
        canceled,
        error,
        created_at,
        starting_at,
        started_at,
        finished_at,
        client_id,
        client_name,
        client_user_id,
        image_uri,
        attempts,
        files,
        origin,
    ) = row
    record = JobRecord(
        jobId=job_id,
        serviceName=service,
        userId=user_id,
        batchId=batch_id,
        jobDefinition=_definition.decode(definition),
        jobDefinitionHash=definition_hash,
        appVersion=app_version,
        contentKey=content_key.hex() if content_key else None,
        mustRun=content_key == b"",
        jobDependencies=[] if dependencies is None else _strings.decode(dependencies),  # type: ignore[arg-type]  # ids
        requiredResources=RequiredResources(
            numCpus=num_cpus, numGpus=num_gpus, memoryGb=memory_gb, timeSec=time_sec
        ),
        status=status,
        canceled=bool(canceled),
        error=error,
        timestampCreatedSec=created_at,
        timestampStartingSec=starting_at,
        timestampStartedSec=started_at,
        timestampFinishedSec=finished_at,
        computeClientId=client_id,
        computeClientName=client_name,
        computeClientUserId=client_user_id,
        imageUri=image_uri,
        attempts=attempts,
        files=FilesRecord() if files is None else _files_record(_files.decode(files)),
    )
    return SharedJob(
        number=number,
        feed_number=feed_number,
        record=record,
        tags=[] if tags is None else _strings.decode(tags),
        updated_at=updated_at,
        origin=origin,
        signatures=signatures,
    )


def _files_record(files: JobFiles) -> FilesRecord:
    return FilesRecord(
        outputs={name: _file(file) for name, file in files.outputs.items()},
        others={name: _file(file) for name, file in files.others.items()},
        console=None if files.console is None else _file(files.console),
        usage=None if files.usage is None else _file(files.usage),
    )


def _file(file: StoredFile) -> FileRecord:
    return FileRecord(digest=file.digest, size=file.size, url=file.url)
