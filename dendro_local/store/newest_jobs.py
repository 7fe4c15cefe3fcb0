"""The newest job of a definition, remembered until the feed tells of a change.

A hub is asked for the same jobs again and again. Every visible change of a job is in the feed, so
what is remembered is right for as long as the feed does not name it: others may write to the
store meanwhile, and only what they changed is asked for again. (The end of a lease is put off
without a word in the feed; who goes by that asks `dendro_local.store.jobs`.)
"""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from dendro_local.store.connection import Version
from dendro_local.store.feed import last_number
from dendro_local.store.job_rows import COLUMNS, StoredJob, stored_job

__all__ = ["NewestJobs"]

MOST_JOBS = 1000
MOST_TEXT = 2_000_000
"""So many characters of definitions are remembered at most: as records they are some times that."""

MOST_CHANGES = 500
"""After more changes than that everything is forgotten."""

newest_job = f"""
select {COLUMNS} from jobs
where definition_hash = ? and service_name = ? and app_version is ?
order by created_at desc
limit 1
"""  # noqa: S608 - the columns are a constant

DEFINITION = COLUMNS.split(", ").index("definition")

changed_since = """
select feed_number, definition_hash, service_name, null from jobs where feed_number > :number
union all
select feed_number, null, null, job_id from tombstones where feed_number > :number
limit :limit
"""


class _Known(NamedTuple):
    """A job that was the newest of its definition by a version of its app."""

    app_version: str | None
    job: StoredJob
    length: int
    """How many characters its definition has."""


class _Memory:
    """What one thread remembers: jobs by hash and service, as they were after a feed number."""

    def __init__(self, version: Version, feed_number: int) -> None:
        self._jobs: dict[tuple[str, str], _Known] = {}
        self.forget_all(version, feed_number)

    def __contains__(self, place: tuple[str, str]) -> bool:
        return place in self._jobs

    def forget_all(self, version: Version, feed_number: int) -> None:
        self.version = version
        self.feed_number = feed_number
        self._length = 0
        self._jobs.clear()

    def get(self, place: tuple[str, str], app_version: str | None) -> StoredJob | None:
        found = self._jobs.get(place)
        return None if found is None or found.app_version != app_version else found.job

    def put(self, place: tuple[str, str], known: _Known) -> None:
        self._drop(place)
        if known.length > MOST_TEXT:
            return
        while len(self._jobs) >= MOST_JOBS or self._length + known.length > MOST_TEXT:
            self._drop(next(iter(self._jobs)))
        self._jobs[place] = known
        self._length += known.length

    def forget(self, changes: Sequence[tuple[int, str | None, str | None, str | None]]) -> None:
        """Drop the jobs that changes are about; each as `changed_since` gives it."""
        gone: set[str] = set()
        for number, definition_hash, service, deleted_id in changes:
            self.feed_number = max(self.feed_number, number)
            if definition_hash is not None and service is not None:
                self._drop((definition_hash, service))
            elif deleted_id is not None:
                gone.add(deleted_id)
        if gone:
            for place in [
                place for place, known in self._jobs.items() if known.job.record.jobId in gone
            ]:
                self._drop(place)

    def _drop(self, place: tuple[str, str]) -> None:
        dropped = self._jobs.pop(place, None)
        if dropped is not None:
            self._length -= dropped.length


class NewestJobs:
    """Remembers the newest jobs of definitions. Safe for many threads: each has its own."""

    def __init__(self) -> None:
        self._local = threading.local()

    def get(
        self, service: str, app_version: str | None, definition_hash: str, version: Version
    ) -> StoredJob | None:
        """The newest job of a definition on a service that a version of its app made.

        Args:
            service: the service's name.
            app_version: the version; None for a job of which it is not known.
            definition_hash: of the definition.
            version: the state that the database is in, as this thread has found it just now.
        """
        memory = self._memory(version)
        place = (definition_hash, service)
        if place in memory:
            self._catch_up(memory, version)
        known = memory.get(place, app_version)
        if known is not None:
            return known
        # What is changed from now on has later numbers in the feed than what was read of it.
        row: tuple[Any, ...] | None = (
            version.connection.execute(newest_job, (definition_hash, service, app_version))
        ).fetchone()
        if row is None:
            return None
        job = stored_job(row)
        memory.put(place, _Known(app_version, job, len(row[DEFINITION])))
        return job

    def _memory(self, version: Version) -> _Memory:
        """What this thread remembers."""
        memory: _Memory | None = getattr(self._local, "memory", None)
        if memory is None or memory.version.connection is not version.connection:
            number: tuple[int] = version.connection.execute(last_number).fetchone()
            memory = self._local.memory = _Memory(version, number[0])
        return memory

    def _catch_up(self, memory: _Memory, version: Version) -> None:
        """Drop what has changed since the feed was read last."""
        if memory.version is version:
            return
        connection = version.connection
        changes = connection.execute(
            changed_since, {"number": memory.feed_number, "limit": MOST_CHANGES}
        ).fetchall()
        if len(changes) < MOST_CHANGES:
            memory.forget(changes)
            memory.version = version
        else:
            number: tuple[int] = connection.execute(last_number).fetchone()
            memory.forget_all(version, number[0])
