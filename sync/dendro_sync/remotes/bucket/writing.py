"""Writes entries to a bucket, so that whoever is stopped at any point leaves it whole.

First the record of each job is created under the hash of its definition, where a look-up may find
it from now on; its blobs are there already. Then one new segment of the feed tells of all jobs at
once. Last it is noted by the id of each job where its record is: only what has that note counts as
being there, so a push that was stopped before is made again, and finds the records it had made.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.model import JobId
from dendro_local.signed_records import (
    MOST_IN_BATCH,
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
from dendro_sync.remotes.bucket.objects import Objects
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
from dendro_sync.remotes.bucket.segments import pack
from dendro_sync.remotes.remote import Refusal

__all__ = ["Writer"]

BATCH_BYTES = 4 << 20
SEGMENT_BYTES = 64 << 20
"""Before compression. More than this at once becomes several segments."""

READ_ONE_BY_ONE = 4
"""So many records of one definition are looked at before the end of the row is searched."""


class _Planned(msgspec.Struct, kw_only=True):
    """What is to be done with an entry."""

    entry: Entry
    job_id: JobId | None = None
    refusal: Refusal | None = None
    is_news: bool = False
    then: list[Callable[[], Refusal | None]] = []
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
        news = [each for each in planned if each.is_news]
        for segment in _segments(encode_entry(each.entry) for each in news):
            self._feed.append(
                pack(b"".join(batch_lines(lines, "", self._key) for lines in segment))
            )
        refusals = [each.refusal for each in planned]
        for later in self._executor().map(_finished, news):
            refusals += later
        return [refusal for refusal in refusals if refusal is not None]

    def _planned(self, entry: Entry) -> _Planned:
        try:
            facts = facts_of(entry)
            if isinstance(facts, AppFacts):
                return self._app(entry, facts)
            if isinstance(facts, GoneFacts):
                return self._gone(entry, facts)
            return self._job(entry, facts)
        except InvalidRequest as error:
            refusal = Refusal(job_id=None, code="structure", reason=str(error))
            return _Planned(entry=entry, refusal=refusal)

    # Jobs

    def _job(self, entry: Entry, facts: JobFacts) -> _Planned:
        planned = _Planned(entry=entry, job_id=facts.jobId)
        place = self._records.place_of(facts.jobId)
        digest = statement_digest(bytes(entry.statement))
        if place is None:
            self._new_job(planned, facts, digest)
        elif place.gone:
            pass  # what was deleted there does not come back
        elif place.statement != digest:
            planned.refusal = _conflict(facts.jobId, place.statement, digest)
        else:
            self._merge_tags(planned, place)
        return planned

    def _new_job(self, planned: _Planned, facts: JobFacts, digest: str) -> None:
        # Names first: what can have none is refused before anything is written.
        where, content = job_name(facts.jobId), None
        if facts.contentKey is not None and facts.status == "completed":
            content = content_name(facts.serviceName, facts.contentKey)
        name = self._create_record(planned, facts, digest)
        if name is None:
            return
        planned.is_news = True

        def note() -> Refusal | None:
            self._records.forget(facts.jobId)
            if self._objects.create(where, pack_place(name, planned.entry)):
                return None
            # Somebody else was faster, as a rule with the same record.
            there = self._records.place_of(facts.jobId)
            if there is None or there.statement == digest or there.gone:
                return None
            return _conflict(facts.jobId, there.statement, digest)

        planned.then = [note]
        if content is not None:
            planned.then.append(lambda: self._note_content(content, name, planned.entry))

    def _create_record(self, planned: _Planned, facts: JobFacts, digest: str) -> str | None:
        """The name of the record's object; None if it is refused."""
        data = pack_entry(planned.entry)
        number = 0
        while True:
            name = record_name(facts.serviceName, facts.jobDefinitionHash, number)
            if self._objects.create(name, data):
                return name
            if number < READ_ONE_BY_ONE:
                there = self._records.entry_at(name)
                if isinstance(there, JobEntry) and _job_id(there) == facts.jobId:
                    # By who was stopped before it was told of.
                    other = statement_digest(bytes(there.statement))
                    if other != digest:
                        planned.refusal = _conflict(facts.jobId, other, digest)
                        return None
                    return name
                number += 1
            else:
                number = self._first_free(facts, number + 1)

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

    def _note_content(self, content: str, name: str, entry: Entry) -> None:
        data = pack_place(name, entry)
        if self._objects.create(content, data):
            return
        there = self._records.place_at(content)
        # The one there serves as well, unless its job was deleted.
        if there is None or not isinstance(self._records.entry_at(there.record), JobEntry):
            self._objects.replace(content, data)

    # The others

    def _gone(self, entry: Entry, facts: GoneFacts) -> _Planned:
        planned = _Planned(entry=entry, job_id=facts.jobId)
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


def _finished(planned: _Planned) -> list[Refusal | None]:
    return [step() for step in planned.then]


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


def _segments(lines: Iterable[bytes]) -> Iterator[list[list[bytes]]]:
    """Lines as batches, and these as segments, none of which is too large."""
    segment: list[list[bytes]] = []
    size = batch_size = 0
    for line in lines:
        if segment and size + len(line) > SEGMENT_BYTES:
            yield segment
            segment, size = [], 0
        is_full = not segment or len(segment[-1]) == MOST_IN_BATCH
        if is_full or batch_size + len(line) > BATCH_BYTES:
            segment.append([])
            batch_size = 0
        segment[-1].append(line)
        size += len(line)
        batch_size += len(line)
    if segment:
        yield segment
