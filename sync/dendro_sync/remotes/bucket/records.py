"""Reads single records of a bucket."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor

from dendro_local.errors import InvalidRequest
from dendro_local.model import JobId
from dendro_local.signed_records import Entry, GoneEntry, JobEntry
from dendro_sync.remotes.bucket.layout import content_name, is_object_name, job_name, record_name
from dendro_sync.remotes.bucket.objects import Objects
from dendro_sync.remotes.bucket.record_objects import (
    MOST_RECORD_BYTES,
    JobFacts,
    Place,
    entry_in,
    facts_of,
    read_place,
)

__all__ = ["Records"]

MOST_PLACE_BYTES = 4096
MOST_IN_A_ROW = 1000
"""So many jobs of one definition are looked at."""

MOST_KNOWN = 100_000


class Records:
    """The records of one bucket. Safe for use by many threads.

    Args:
        objects: of the bucket.
        executor: gives threads for requests that are made at once.
    """

    def __init__(self, objects: Objects, executor: Callable[[], Executor]) -> None:
        self._objects = objects
        self._executor = executor
        self._lock = threading.Lock()
        self._absent: set[JobId] = set()

    def lacking(self, jobs: Mapping[JobId, str]) -> set[JobId]:
        """Those of the jobs, by id with `statement_digest`, that are not there.

        One that was deleted there is not lacking.
        """
        places = list(self._executor().map(self._place_or_none, jobs))
        with self._lock:
            if len(self._absent) > MOST_KNOWN:
                self._absent.clear()
            self._absent.update(
                job_id for job_id, place in zip(jobs, places, strict=True) if place is None
            )
        return {
            job_id
            for (job_id, digest), place in zip(jobs.items(), places, strict=True)
            if place is None or (not place.gone and place.statement != digest)
        }

    def forget(self, job_id: JobId) -> None:
        """A job is about to be there."""
        with self._lock:
            self._absent.discard(job_id)

    def place_of(self, job_id: JobId) -> Place | None:
        """Where a job's record is; None if it is not there, or was not there just now.

        Raises:
            InvalidRequest: the object that tells of it is damaged.
        """
        with self._lock:
            if job_id in self._absent:
                return None
        return self._place_in(job_name(job_id))

    def place_at(self, name: str) -> Place | None:
        """Where the record is that an object tells of; None if it is not there, or damaged."""
        try:
            return self._place_in(name)
        except InvalidRequest:
            return None

    def entry_at(self, name: str) -> Entry | None:
        """What an object holds; None if it is not there, or cannot be read."""
        try:
            raw = self._objects.get(name, MOST_RECORD_BYTES)
            return None if raw is None else entry_in(raw)
        except InvalidRequest:
            return None

    def entries_of(self, jobs: Mapping[JobId, str]) -> Iterator[Entry]:
        """These jobs, by id; those that are not there, or were deleted, are left out."""
        for entry in self._executor().map(self._entry_of, jobs):
            if entry is not None:
                yield entry

    def of_definition(self, service: str, definition_hash: str) -> Iterator[JobEntry]:
        """Jobs of a definition hash, one request each, and one to learn that there are no more."""
        for number in range(MOST_IN_A_ROW):
            name = record_name(service, definition_hash, number)
            try:
                raw = self._objects.get(name, MOST_RECORD_BYTES)
                if raw is None:
                    return
                entry = entry_in(raw)
                facts = facts_of(entry)
            except InvalidRequest:
                continue  # damaged, which does not make those after it any worse
            if isinstance(entry, GoneEntry) or not isinstance(facts, JobFacts):
                continue
            if (facts.serviceName, facts.jobDefinitionHash) == (service, definition_hash):
                yield _as_job(entry)

    def of_content(self, service: str, content_key: str) -> JobEntry | None:
        """A completed job of a content key; two requests."""
        try:
            place = self.place_at(content_name(service, content_key))
            entry = None if place is None else self.entry_at(place.record)
            facts = None if entry is None else facts_of(entry)
        except InvalidRequest:
            return None
        if entry is None or not isinstance(facts, JobFacts):
            return None
        is_it = (facts.serviceName, facts.contentKey) == (service, content_key)
        return _as_job(entry) if is_it else None

    def _place_in(self, name: str) -> Place | None:
        raw = self._objects.get(name, MOST_PLACE_BYTES)
        if raw is None:
            return None
        place = read_place(raw)
        if not place.record.startswith("records/") or not is_object_name(place.record):
            raise InvalidRequest(f"{name} in {self._objects.url} points to {place.record[:200]!r}.")
        return place

    def _place_or_none(self, job_id: JobId) -> Place | None:
        try:
            return self._place_in(job_name(job_id))
        except InvalidRequest:
            return None

    def _entry_of(self, job_id: JobId) -> Entry | None:
        place = self._place_or_none(job_id)
        if place is None or place.gone:
            return None
        entry = self.entry_at(place.record)
        try:
            facts = None if entry is None else facts_of(entry)
        except InvalidRequest:
            return None
        return entry if isinstance(facts, JobFacts) and facts.jobId == job_id else None


def _as_job(entry: Entry) -> JobEntry:
    assert isinstance(entry, JobEntry)  # noqa: S101 - its facts are those of a job
    return entry
