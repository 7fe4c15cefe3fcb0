"""What an upload is of its job: who asks for its URL says so, and here it is checked.

Whoever serves running jobs does it alike: a hub, and a compute client to its own apps.
"""

import math
from collections.abc import Collection

import msgspec

from dendro_local.contract.of_running_jobs import GetSignedUploadUrlRequest, UploadType
from dendro_local.errors import InvalidRequest
from dendro_local.model import JobDefinition
from dendro_local.sdk.other_outputs import is_allowed_name

__all__ = [
    "PART_BYTES",
    "PlannedUpload",
    "UploadLimits",
    "check_other_is_new",
    "part_range",
    "plan_upload",
]

PART_BYTES = 1024 * 1024 * 1000
"""From this size on, an output comes in parts of at most this size."""

LOGS = {
    "consoleOutput": ("console_output", "output.txt"),
    "resourceUtilizationLog": ("resource_utilization_log", "log.jsonl"),
}

MAX_PARTS = 10_000
MAX_OTHER_BYTES = 1024 * 1024 * 1024 + 10


class UploadLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How large files may be, in bytes, and how large each part of one."""

    part_bytes: int = PART_BYTES
    max_output_bytes: int = PART_BYTES * MAX_PARTS
    max_other_bytes: int = MAX_OTHER_BYTES
    """Of a log too."""


class PlannedUpload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that may be made. ``output_name`` and ``file_base_name`` are those of its URL."""

    kind: UploadType
    output_name: str
    file_base_name: str
    size: int
    num_parts: int | None = None
    """None for a file that comes whole."""


def plan_upload(
    request: GetSignedUploadUrlRequest,
    definition: JobDefinition,
    *,
    others: Collection[str],
    limits: UploadLimits,
) -> PlannedUpload:
    """The upload for which a URL is asked.

    Args:
        request: what is asked.
        definition: of the job.
        others: names of the files that were added to the job beside its outputs.
        limits: for sizes.

    Raises:
        InvalidRequest: it is not to be; in the words of the contract.
    """
    if request.uploadType == "output":
        return _plan_output(request, definition, limits)
    if request.uploadType == "other":
        return _plan_other(request, others, limits)
    name, base_name = LOGS[request.uploadType]
    if request.size > limits.max_other_bytes:
        raise InvalidRequest("File size too large")
    return PlannedUpload(
        kind=request.uploadType, output_name=name, file_base_name=base_name, size=request.size
    )


def part_range(size: int, num_parts: int, number: int) -> tuple[int, int]:
    """First byte and length of a part, counted from 1: the SDK cuts a file evenly."""
    part_bytes = math.ceil(size / num_parts)
    first = (number - 1) * part_bytes
    return first, max(0, min(part_bytes, size - first))


def check_other_is_new(name: str, others: Collection[str]) -> None:
    """Refuse a name that is taken, as a file or as a folder of one.

    Raises:
        InvalidRequest: it is.
    """
    for other in others:
        if other == name or other.startswith(f"{name}/") or name.startswith(f"{other}/"):
            raise InvalidRequest("Other file already exists")


def _plan_output(
    request: GetSignedUploadUrlRequest, definition: JobDefinition, limits: UploadLimits
) -> PlannedUpload:
    if not request.outputName:
        raise InvalidRequest("Must specify outputName")
    output = next(
        (each for each in definition.outputFiles if each.name == request.outputName), None
    )
    if output is None:
        raise InvalidRequest("Output file not found")
    if output.urlDeterminedAtRuntime is True:
        raise InvalidRequest("Output url is determined at run time")
    size = request.size
    num_parts = math.ceil(size / limits.part_bytes) if size >= limits.part_bytes else None
    if size > limits.max_output_bytes or (num_parts or 1) > MAX_PARTS:
        raise InvalidRequest("File size too large")
    return PlannedUpload(
        kind="output",
        output_name=output.name,
        file_base_name=output.fileBaseName,
        size=size,
        num_parts=num_parts,
    )


def _plan_other(
    request: GetSignedUploadUrlRequest, others: Collection[str], limits: UploadLimits
) -> PlannedUpload:
    if not request.otherName:
        raise InvalidRequest("Must specify otherName")
    name = request.otherName
    if not is_allowed_name(name):
        raise InvalidRequest("Invalid otherName")
    if request.size > limits.max_other_bytes:
        raise InvalidRequest("File size too large")
    check_other_is_new(name, others)
    # Whole however large it is: the SDK cannot give such a file in parts.
    return PlannedUpload(kind="other", output_name="other", file_base_name=name, size=request.size)
