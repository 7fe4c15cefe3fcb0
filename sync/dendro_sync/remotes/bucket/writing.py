"""Writes entries to a bucket, so that whoever is stopped at any point leaves it whole.

First the record of each job is created under the hash of its definition, where a look-up may find
it from now on; its blobs are there already. Then one new segment of the feed tells of all jobs at
once. Last it is noted by the id of each job where its record is: only what has that note counts as
being there, so a push that was stopped before is made again, and finds the records it had made.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.model import JobId
from dendro_local.signed_records import (
    AppEntry,
    Entry,
    JobEntry,
    SigningKey,
    batch_lines,
    encode_entry,
    statement_digest,
)
from dendro_sync.remotes.bucket.feed import Feed
from dendro_sync.remotes.bucket.layout import app_name, content_name, job_name, record_name
from dendro_sync.remotes.bucket.objects import NewObject, Objects
from dendro_sync.remotes.bucket.record_objects import (
    AppFacts,
    GoneFacts,
    JobFacts,
    Place,
    facts_of,
    pack_entry,
    pack_place,
)
from dendro_sync.remotes.bucket.records import Records
from dendro_sync.remotes.bucket.segments import in_segments, pack
from dendro_sync.remotes.remote import Refusal

__all__ = ["Writer"]

READ_ONE_BY_ONE = 4
"""So many records of one definition are looked at before the end of the row is searched."""


class _NewJob(msgspec.Struct, kw_only=True):
    """A job that is not there."""

    facts: JobFacts
    statement: str
    """SHA-256 of its statement."""
    data: bytes
    """The object of its record."""
    record: str
    """The name of that."""
    content: str | None
    """The name of what tells where its content is."""


class _Planned(msgspec.Struct, kw_only=True):
    """What is to be done with an entry."""

    entry: Entry
    refusal: Refusal | None = None
    new: _NewJob | None = None
    is_news: bool = False
    """Whether the feed is to tell of it."""
    then: list[Callable[[], None]] = []
    """What is left to be done once the feed tells of it."""


class Writer:
    """Writes to one bucket. Safe for use by many threads.

    Args:
        objects: of the bucket.
        records: of the bucket.
        feed: of the bucket.
        executor: gives threads for requests that are made at once.
        key: signs batches; None to leave them unsigned.
    """

    def __init__(
        self,
        objects: Objects,
        records: Records,
        feed: Feed,
        executor: Callable[[], Executor],
        key: SigningKey | None,
    ) -> None:
        self._objects = objects
        self._records = records
        self._feed = feed
        self._executor = executor
        self._key = key

    def put(self, entries: Sequence[Entry]) -> list[Refusal]:
        """Have entries there; those that are refused are told."""
        refusals: list[Refusal] = []
        for part in _apart(entries):
            refusals += self._put(part)
        return refusals

    def _put(self, entries: Sequence[Entry]) -> list[Refusal]:
        planned = list(self._executor().map(self._planned, entries))
        self._create_records([each for each in planned if each.new is not None])
        news = [each for each in planned if each.is_news]
        for segment in in_segments(encode_entry(each.entry) for each in news):
            self._feed.append(
                pack(b"".join(batch_lines(lines, "", self._key) for lines in segment))
            )
        self._note_places([each for each in news if each.new is not None])
        for _ in self._executor().map(_finish, news):
            pass
        return [each.refusal for each in planned if each.refusal is not None]

    def _planned(self, entry: Entry) -> _Planned:
        job_id: JobId | None = None
        try:
            facts = facts_of(entry)
            if isinstance(facts, AppFacts):
                return self._app(entry, facts)
            job_id = facts.jobId
            if isinstance(facts, GoneFacts):
                return self._gone(entry, facts)
            return self._job(entry, facts)
        except InvalidRequest as error:
            refusal = Refusal(job_id=job_id, code="structure", reason=str(error))
            return _Planned(entry=entry, refusal=refusal)

    # Jobs

    def _job(self, entry: Entry, facts: JobFacts) -> _Planned:
        planned = _Planned(entry=entry)
        place = self._records.place_of(facts.jobId)
        digest = statement_digest(bytes(entry.statement))
        if place is None:
            planned.new = _new_job(entry, facts, digest)
        elif place.gone:
            pass  # what was deleted there does not come back
        elif place.statement != digest:
            planned.refusal = _conflict(facts.jobId, place.statement, digest)
        else:
            self._merge_tags(planned, place)
        return planned

    def _create_records(self, planned: Sequence[_Planned]) -> None:
        """Write the records of new jobs, each before or after others of its definition."""
        jobs = [each.new for each in planned if each.new is not None]
        created = self._create_all([(job.record, job.data) for job in jobs])
        others = [each for each, is_first in zip(planned, created, strict=True) if not is_first]
        for each in planned:
            each.is_news = True
        for _ in self._executor().map(self._create_after_others, others):
            pass

    def _create_after_others(self, planned: _Planned) -> None:
        """Write a record under a number that is free; it is refused if there is another of it."""
        job = planned.new
        assert job is not None  # noqa: S101 - for the type checker
        number = 0
        while True:
            if number < READ_ONE_BY_ONE:
                there = self._records.entry_at(job.record)
                if isinstance(there, JobEntry) and _job_id(there) == job.facts.jobId:
                    # By who was stopped before it was told of.
                    other = statement_digest(bytes(there.statement))
                    if other != job.statement:
                        planned.refusal = _conflict(job.facts.jobId, other, job.statement)
                        planned.is_news = False
                    return
                number += 1
            else:
                number = self._first_free(job.facts, number + 1)
            job.record = record_name(job.facts.serviceName, job.facts.jobDefinitionHash, number)
            if self._objects.create(job.record, job.data):
                return

    def _note_places(self, planned: Sequence[_Planned]) -> None:
        """Note of new jobs where their records are, by id and by content."""
        objects: list[NewObject] = []
        otherwise: list[Callable[[], None]] = []
        for each in planned:
            job = each.new
            assert job is not None  # noqa: S101 - for the type checker
            self._records.forget(job.facts.jobId)
            place = pack_place(job.record, each.entry)
            objects.append((job_name(job.facts.jobId), place))
            otherwise.append(partial(self._check_place, each, job, place))
            if job.content is not None:
                objects.append((job.content, place))
                otherwise.append(partial(self._check_content, job.content, place))
        created = self._create_all(objects)
        rest = [look for look, is_new in zip(otherwise, created, strict=True) if not is_new]
        for _ in self._executor().map(_call, rest):
            pass

    def _check_place(self, planned: _Planned, job: _NewJob, place: bytes) -> None:
        """Somebody else was faster, as a rule with the same record; or what is there is damaged."""
        name = job_name(job.facts.jobId)
        there = self._records.place_at(name)
        if there is None:
            self._objects.replace(name, place)
        elif there.statement != job.statement and not there.gone:
            planned.refusal = _conflict(job.facts.jobId, there.statement, job.statement)

    def _check_content(self, content: str, place: bytes) -> None:
        """The one there serves as well, unless its job was deleted."""
        there = self._records.place_at(content)
        if there is None or not isinstance(self._records.entry_at(there.record), JobEntry):
            self._objects.replace(content, place)

    def _create_all(self, objects: Sequence[NewObject]) -> list[bool]:
        return self._objects.create_all(objects, self._executor()) if objects else []

    def _first_free(self, facts: JobFacts, number: int) -> int:
        def is_there(at: int) -> bool:
            name = record_name(facts.serviceName, facts.jobDefinitionHash, at)
            return self._objects.size(name) is not None

        step = 1
        while is_there(number + step - 1):
            number += step
            step *= 2
        low, high = 0, step - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if is_there(number + middle) else (low, middle)
        return number + low

    def _merge_tags(self, planned: _Planned, place: Place) -> None:
        entry, there = planned.entry, self._records.entry_at(place.record)
        if not isinstance(entry, JobEntry) or not isinstance(there, JobEntry):
            return
        tags = sorted({*there.tags, *entry.tags})
        if set(tags) == set(there.tags):
            return
        signers = {each.keyid for each in there.signatures}
        merged = msgspec.structs.replace(
            entry,
            tags=tags,
            updatedSec=max(entry.updatedSec, there.updatedSec),
            signatures=[
                *there.signatures,
                *(each for each in entry.signatures if each.keyid not in signers),
            ],
        )
        planned.entry, planned.is_news = merged, True
        planned.then = [lambda: self._objects.replace(place.record, pack_entry(merged))]

    # The others

    def _gone(self, entry: Entry, facts: GoneFacts) -> _Planned:
        planned = _Planned(entry=entry)
        place = self._records.place_of(facts.jobId)
        if place is None or place.gone:
            return planned
        planned.is_news = True
        planned.then = [
            lambda: self._objects.replace(place.record, pack_entry(entry)),
            lambda: self._objects.replace(job_name(facts.jobId), pack_place(place.record, entry)),
        ]
        return planned

    def _app(self, entry: Entry, facts: AppFacts) -> _Planned:
        planned = _Planned(entry=entry)
        name = app_name(facts.serviceName, facts.appName)
        there = self._records.entry_at(name)
        if isinstance(there, AppEntry) and bytes(there.statement) == bytes(entry.statement):
            return planned
        planned.is_news = True
        planned.then = [lambda: self._objects.replace(name, pack_entry(entry))]
        return planned


def _new_job(entry: Entry, facts: JobFacts, statement: str) -> _NewJob:
    """A job as it is to be written.

    Raises:
        InvalidRequest: it can have none of the names, and so nothing of it is written.
    """
    job_name(facts.jobId)
    content = None
    if facts.contentKey is not None and facts.status == "completed":
        content = content_name(facts.serviceName, facts.contentKey)
    return _NewJob(
        facts=facts,
        statement=statement,
        data=pack_entry(entry),
        record=record_name(facts.serviceName, facts.jobDefinitionHash, 0),
        content=content,
    )


def _finish(planned: _Planned) -> None:
    for step in planned.then:
        step()


def _call(step: Callable[[], None]) -> None:
    step()


def _conflict(job_id: JobId, there: str, came: str) -> Refusal:
    return Refusal(
        job_id=job_id,
        code="conflict",
        reason="There is another job of this id there.",
        digests=(there, came),
    )


def _job_id(entry: Entry) -> JobId | None:
    facts = facts_of(entry)
    return None if isinstance(facts, AppFacts) else facts.jobId


def _apart(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The entries in order, in parts in none of which there are two of the same job."""
    part: list[Entry] = []
    jobs: set[JobId] = set()
    for entry in entries:
        try:
            job_id = None if isinstance(entry, AppEntry) else _job_id(entry)
        except InvalidRequest:
            job_id = None  # told of when it is looked at
        if job_id in jobs:
            yield part
            part, jobs = [], set()
        part.append(entry)
        if job_id is not None:
            jobs.add(job_id)
    if part:
        yield part
