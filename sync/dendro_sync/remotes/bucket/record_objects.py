"""The objects of single jobs and apps: DSSE envelopes that any tool verifies as they lie there.

Beside what DSSE has in an envelope, whose readers are to skip what they do not know, there are
the tags of the job. The record of a job that was deleted is replaced by the envelope of its
deletion, so that those after it, with the same definition, are still found.
"""

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.model import JobId
from dendro_local.signed_records import (
    AppEntry,
    Entry,
    GoneEntry,
    JobEntry,
    envelope,
    open_envelope,
    statement_digest,
)
from dendro_local.signed_records.statements import APP, DELETION, JOB

__all__ = [
    "AppFacts",
    "GoneFacts",
    "JobFacts",
    "MOST_RECORD_BYTES",
    "Place",
    "entry_in",
    "facts_of",
    "pack_entry",
    "read_place",
]

MOST_RECORD_BYTES = 16 << 20
"""A line of the longest that is read, in base64."""


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the record of a job is, and which one it is."""

    record: str
    """The name of its object."""
    statement: str
    """SHA-256 of the statement."""
    gone: bool = False
    """Whether the job was deleted; ``statement`` is then that of its deletion."""


class _Definition(msgspec.Struct, frozen=True):
    appName: str
    processorName: str


class JobFacts(msgspec.Struct, frozen=True):
    """What is to be known of a job so as to put it into its place, or to choose it."""

    jobId: JobId
    serviceName: str
    jobDefinitionHash: str
    jobDefinition: _Definition
    status: str
    contentKey: str | None = None
    timestampFinishedSec: float | None = None


class AppFacts(msgspec.Struct, frozen=True):
    """Which app it is."""

    serviceName: str
    appName: str


class GoneFacts(msgspec.Struct, frozen=True):
    """Which job was deleted."""

    jobId: JobId
    serviceName: str


class _Statement(msgspec.Struct, frozen=True):
    predicateType: str
    predicate: msgspec.Raw


class _Tags(msgspec.Struct, frozen=True):
    tags: tuple[str, ...] = ()
    updatedSec: float = 0.0


_statement = msgspec.json.Decoder(_Statement)
_job = msgspec.json.Decoder(JobFacts)
_app = msgspec.json.Decoder(AppFacts)
_gone = msgspec.json.Decoder(GoneFacts)
_place = msgspec.json.Decoder(Place)
_tags = msgspec.json.Decoder(_Tags)


def facts_of(entry: Entry) -> JobFacts | AppFacts | GoneFacts:
    """What an entry is about, without looking at the rest of it.

    Raises:
        InvalidRequest: it is not what it says that it is.
    """
    try:
        statement = _statement.decode(entry.statement)
        if isinstance(entry, JobEntry) and statement.predicateType == JOB:
            return _job.decode(statement.predicate)
        if isinstance(entry, AppEntry) and statement.predicateType == APP:
            return _app.decode(statement.predicate)
        if isinstance(entry, GoneEntry) and statement.predicateType == DELETION:
            return _gone.decode(statement.predicate)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"A statement cannot be read: {error}.") from error
    raise InvalidRequest(
        f"A statement of {statement.predicateType!r} does not belong into such an entry."
    )


def pack_entry(entry: Entry) -> bytes:
    """The object of an entry."""
    raw = envelope(bytes(entry.statement), entry.signatures)
    if not isinstance(entry, JobEntry):
        return raw
    rest = msgspec.json.encode({"tags": list(entry.tags), "updatedSec": entry.updatedSec})
    return raw[:-1] + b"," + rest[1:]


def entry_in(raw: bytes) -> Entry:
    """The entry of an object.

    Raises:
        InvalidRequest: it is none.
    """
    payload, signatures = open_envelope(raw)
    try:
        kind = _statement.decode(payload).predicateType
        statement = msgspec.Raw(payload)
        if kind == JOB:
            more = _tags.decode(raw)
            return JobEntry(
                statement=statement,
                signatures=signatures,
                tags=more.tags,
                updatedSec=more.updatedSec,
            )
        if kind == DELETION:
            return GoneEntry(statement=statement, signatures=signatures)
        if kind == APP:
            return AppEntry(statement=statement, signatures=signatures)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"A record cannot be read: {error}.") from error
    raise InvalidRequest(f"A record has a statement of {kind!r}. A later version may read it.")


def pack_place(record: str, entry: Entry) -> bytes:
    """What tells where the record of a job is."""
    return msgspec.json.encode(
        Place(
            record=record,
            statement=statement_digest(bytes(entry.statement)),
            gone=isinstance(entry, GoneEntry),
        )
    )


def read_place(raw: bytes) -> Place:
    """Where the record of a job is.

    Raises:
        InvalidRequest: that is not told.
    """
    try:
        return _place.decode(raw)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"It does not say where a record is: {error}.") from error
