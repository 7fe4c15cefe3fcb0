"""Refusing records of other stores that no store could have written, or that would do harm here."""

import math
import re
from collections.abc import Sequence

from dendro_local.definition import definition_hash, normal_form
from dendro_local.definition_check import check_definition
from dendro_local.errors import DendroError
from dendro_local.file_urls import is_path_part, other_url, parse_file_url
from dendro_local.local_hub.resources_check import check_resources
from dendro_local.local_hub.trust import Refused
from dendro_local.model import JobOutputFile
from dendro_local.signed_records import FileRecord, JobRecord

__all__ = ["check_record", "check_tags"]

MAX_TEXT = 2000
MAX_ERROR = 1 << 20
MOST = 10_000
LATEST = 1e11
"""Some thousand years from now, in seconds since the Unix epoch."""

_is_id = re.compile("[A-Za-z0-9]{20}").fullmatch
_is_digest = re.compile("[0-9a-f]{64}").fullmatch


def check_record(record: JobRecord) -> None:
    """Refuse a record that is not whole, or does not fit together.

    Raises:
        Refused: says what is wrong.
    """
    try:
        check_definition(record.jobDefinition)
        check_resources(record.requiredResources)
    except DendroError as error:
        raise _wrong(record, str(error)) from error
    if normal_form(record.jobDefinition) is not record.jobDefinition:
        raise _wrong(record, "Its definition is not in the order of its names.")
    if definition_hash(record.jobDefinition) != record.jobDefinitionHash:
        raise Refused(
            "digest", "Its definition has another hash than the record says.", record.jobId
        )
    if not _is_id(record.jobId) or not is_path_part(record.serviceName):
        raise _wrong(record, "Its id or its service's name is none.")
    if not all(map(_is_id, record.jobDependencies)) or len(record.jobDependencies) > MOST:
        raise _wrong(record, "It names a job that it depends on by what is no id.")
    _check_texts(record)
    _check_times(record)
    _check_files(record)


def check_tags(record: JobRecord, tags: Sequence[str]) -> None:
    """Refuse tags that no job can have.

    Raises:
        Refused: there are too many, or one is too long.
    """
    if len(tags) > MOST or any(len(tag) > MAX_TEXT for tag in tags):
        raise _wrong(record, "It has too many tags, or too long ones.")


def _check_texts(record: JobRecord) -> None:
    texts = (
        record.userId,
        record.batchId,
        record.appVersion or "",
        record.computeClientId or "",
        record.computeClientName or "",
        record.computeClientUserId or "",
        record.imageUri or "",
    )
    if any(len(text) > MAX_TEXT for text in texts) or len(record.error or "") > MAX_ERROR:
        raise _wrong(record, "A text of it is too long.")
    if record.contentKey is not None and not _is_digest(record.contentKey):
        raise _wrong(record, "Its content key is none.")


def _check_times(record: JobRecord) -> None:
    times = (
        record.timestampCreatedSec,
        record.timestampStartingSec,
        record.timestampStartedSec,
        record.timestampFinishedSec,
    )
    if any(
        time is not None and not (math.isfinite(time) and 0 <= time < LATEST) for time in times
    ) or not 0 <= record.attempts < (1 << 31):
        raise _wrong(record, "A time of it is none.")


def _check_files(record: JobRecord) -> None:
    files = record.files
    declared = {output.name: output for output in record.jobDefinition.outputFiles}
    if record.status == "completed" and set(declared) != set(files.outputs):
        raise _wrong(record, "It is completed without having just the outputs of its definition.")
    for name, file in files.outputs.items():
        output = declared.get(name)
        if output is None:
            raise _wrong(record, f"It has an output {name[:100]!r} that its definition has not.")
        _check_file(record, file, output)
    for name, file in files.others.items():
        if parse_file_url(other_url("s", "a", "p", "j", name)) is None:
            raise _wrong(record, "A file of it has a name that no file can have.")
        _check_file(record, file)
    for log in (files.console, files.usage):
        if log is not None:
            _check_file(record, log)


def _check_file(record: JobRecord, file: FileRecord, output: JobOutputFile | None = None) -> None:
    if file.url is not None:
        is_set = output is not None and output.urlDeterminedAtRuntime is True
        if not is_set or file.digest is not None or len(file.url) > MAX_TEXT:
            raise _wrong(record, "It has a URL where a file is expected.")
    elif (
        file.digest is None
        or not _is_digest(file.digest)
        or file.size is None
        or not 0 <= file.size < (1 << 53)
    ):
        raise _wrong(record, "A file of it has no digest and size.")


def _wrong(record: JobRecord, reason: str) -> Refused:
    return Refused("structure", reason, record.jobId)
