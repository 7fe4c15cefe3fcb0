"""The text that is signed: in-toto Statements, and the DSSE envelopes that hold them.

The text of a record is made of the record alone, so that a store can make it again instead of
keeping it. Names of types end in the version of the format; what is written by this version stays
readable.
"""

import base64
import binascii
from collections.abc import Sequence
from hashlib import sha256
from typing import Generic, TypeVar

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.signed_records.entries import Signature
from dendro_local.signed_records.keys import PAYLOAD_TYPE
from dendro_local.signed_records.records import DeletedJob, JobRecord, SharedApp

__all__ = [
    "envelope",
    "open_envelope",
    "read_app",
    "read_deletion",
    "read_job",
    "statement_digest",
    "statement_of_app",
    "statement_of_deletion",
    "statement_of_job",
]

STATEMENT = "https://in-toto.io/Statement/v1"
JOB = "urn:dendro-local:job:v1"
APP = "urn:dendro-local:app:v1"
DELETION = "urn:dendro-local:deletion:v1"


class _Subject(msgspec.Struct, frozen=True, gc=False):
    name: str
    digest: dict[str, str]


_Predicate = TypeVar("_Predicate")


class _Statement(
    msgspec.Struct, Generic[_Predicate], frozen=True, gc=False, rename={"type": "_type"}
):
    type: str
    subject: list[_Subject]
    predicateType: str
    predicate: _Predicate


class _Envelope(msgspec.Struct, frozen=True):
    """DSSE 1.0.0, "Envelope"."""

    payloadType: str
    payload: str
    signatures: list[Signature]


_encode = msgspec.json.Encoder().encode
_any = msgspec.json.Decoder(_Statement[msgspec.Raw])
_job = msgspec.json.Decoder(_Statement[JobRecord])
_app = msgspec.json.Decoder(_Statement[SharedApp])
_deletion = msgspec.json.Decoder(_Statement[DeletedJob])
_envelope = msgspec.json.Decoder(_Envelope)


def statement_of_job(record: JobRecord) -> bytes:
    """What is signed of a job: its subjects are the files that it left, by digest.

    Of a job that left no file the subject is its definition, since there must be one.
    """
    files = record.files
    subjects = [
        _Subject(f"{kind}/{name}", {"sha256": file.digest})
        for kind, named in (("outputs", files.outputs), ("others", files.others))
        for name, file in named.items()
        if file.digest is not None
    ]
    if not subjects:
        subjects = [_Subject("definition", {"sha1": record.jobDefinitionHash})]
    return _made(subjects, JOB, record)


def statement_of_app(app: SharedApp) -> bytes:
    """What is signed of an app: its subject is its specification."""
    digest = sha256(_encode(app.appSpecification)).hexdigest()
    subject = _Subject(f"{app.serviceName}/{app.appName}", {"sha256": digest})
    return _made([subject], APP, app)


def statement_of_deletion(deleted: DeletedJob) -> bytes:
    """What is signed of a deletion: its subject is the job's id."""
    digest = sha256(deleted.jobId.encode()).hexdigest()
    return _made([_Subject(deleted.jobId, {"sha256": digest})], DELETION, deleted)


def statement_digest(statement: bytes) -> str:
    """SHA-256 of a statement, in hexadecimal: two jobs of one id are the same if theirs are."""
    return sha256(statement).hexdigest()


def read_job(statement: bytes) -> JobRecord:
    """The record that a statement holds.

    Raises:
        InvalidRequest: it is none of a job, or its subjects are not the files of its record.
    """
    record = _read(statement, JOB, _job)
    if statement_of_job(record) != statement:
        raise InvalidRequest("The statement does not say the same as the record in it.")
    return record


def read_app(statement: bytes) -> SharedApp:
    """The app that a statement holds.

    Raises:
        InvalidRequest: it is none of an app, or not in its one form.
    """
    app = _read(statement, APP, _app)
    if statement_of_app(app) != statement:
        raise InvalidRequest("The statement does not say the same as the app in it.")
    return app


def read_deletion(statement: bytes) -> DeletedJob:
    """The deletion that a statement holds.

    Raises:
        InvalidRequest: it is none of a deletion, or not in its one form.
    """
    deleted = _read(statement, DELETION, _deletion)
    if statement_of_deletion(deleted) != statement:
        raise InvalidRequest("The statement does not say the same as the deletion in it.")
    return deleted


def envelope(statement: bytes, signatures: Sequence[Signature]) -> bytes:
    """The DSSE envelope around a statement, as any other tool reads it."""
    payload = base64.b64encode(statement).decode()
    return _encode(_Envelope(PAYLOAD_TYPE, payload, list(signatures)))


def open_envelope(raw: bytes) -> tuple[bytes, list[Signature]]:
    """The statement in a DSSE envelope, and the signatures; nothing is verified yet.

    Raises:
        InvalidRequest: it is no envelope of a statement.
    """
    try:
        found = _envelope.decode(raw)
        statement = base64.b64decode(found.payload, validate=True)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise InvalidRequest(f"That is no DSSE envelope: {error}.") from error
    if found.payloadType != PAYLOAD_TYPE:
        raise InvalidRequest(f"An envelope of {found.payloadType!r} holds no in-toto Statement.")
    return statement, found.signatures


def _made(subjects: list[_Subject], kind: str, predicate: msgspec.Struct) -> bytes:
    return _encode(_Statement(STATEMENT, subjects, kind, predicate))


def _read(
    statement: bytes, kind: str, decoder: "msgspec.json.Decoder[_Statement[_Predicate]]"
) -> _Predicate:
    try:
        found = decoder.decode(statement)
        _check_kind(found, kind)
    except msgspec.MsgspecError as error:
        _check_kind(_of_any_kind(statement), kind)  # a record of another kind has other fields
        raise _unreadable(error) from error
    return found.predicate


def _of_any_kind(statement: bytes) -> _Statement[msgspec.Raw]:
    try:
        return _any.decode(statement)
    except msgspec.MsgspecError as error:
        raise _unreadable(error) from error


def _check_kind(found: _Statement[_Predicate], kind: str) -> None:
    if found.type != STATEMENT or found.predicateType != kind:
        raise InvalidRequest(
            f"The statement is {found.type!r} of {found.predicateType!r}, where {kind!r} is "
            "expected. A later version of dendro-local may read it."
        )


def _unreadable(error: msgspec.MsgspecError) -> InvalidRequest:
    return InvalidRequest(f"The statement cannot be read: {error}.")
