"""What to exchange, and in which order: decisions, without asking anybody."""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import islice
from typing import TypeVar

import msgspec

from dendro_local.file_urls import parse_file_url
from dendro_local.local_hub.trust import TrustPolicy
from dendro_local.model import JobId
from dendro_local.signed_records import JobRecord
from dendro_sync.options import PullOptions, PushOptions
from dendro_sync.selection import Selection

__all__ = [
    "id_in",
    "is_selected",
    "parents_first",
    "parents_of",
    "portions",
    "subject_of_pull",
    "subject_of_push",
    "unreadable_in",
]

T = TypeVar("T")

MOST_TOLD = 300
"""Characters of what a remote says is wrong with it."""

_UNREADABLE = b'{"kind":"unreadable"'

_first_id = re.compile(rb'"jobId":"([A-Za-z0-9]{20})"').search


class _Unreadable(msgspec.Struct, frozen=True, tag_field="kind", tag="unreadable"):
    object: str
    reason: str


def parents_of(record: JobRecord) -> set[JobId]:
    """The jobs whose outputs a job took, or for which it waited."""
    parents = set(record.jobDependencies)
    for file in record.jobDefinition.inputFiles:
        own = parse_file_url(file.url)
        if own is not None:
            parents.add(JobId(own.job_id))
    parents.discard(record.jobId)
    return parents


def parents_first(records: Mapping[JobId, JobRecord]) -> list[JobId]:
    """The ids in an order in which none comes before those that it depends on.

    Otherwise they stay in the order that they have. Those that say to depend on each other in a
    circle, which no store lets happen, come in any.
    """
    parents = {
        job_id: sorted(parents_of(record) & records.keys()) for job_id, record in records.items()
    }
    if not any(parents.values()):
        return list(records)
    ordered: dict[JobId, None] = {}
    for first in records:
        # Without recursion: a chain may be longer than Python's stack.
        stack, seen = [first], set[JobId]()
        while stack:
            job_id = stack[-1]
            missing = [each for each in parents[job_id] if each not in ordered and each not in seen]
            seen.add(job_id)
            if missing:
                stack += missing
            else:
                ordered[stack.pop()] = None
    return list(ordered)


def is_selected(record: JobRecord, tags: Iterable[str], selection: Selection) -> bool:
    """Whether a job is one of a selection."""
    return (
        selection.service in (None, record.serviceName)
        and selection.app in (None, record.jobDefinition.appName)
        and selection.processor in (None, record.jobDefinition.processorName)
        and set(selection.tags) <= set(tags)
        and (selection.since is None or (record.timestampFinishedSec or 0.0) >= selection.since)
        and (not selection.job_ids or record.jobId in selection.job_ids)
        and (
            selection.input_url is None
            or any(file.url == selection.input_url for file in record.jobDefinition.inputFiles)
        )
    )


def id_in(line: bytes) -> JobId | None:
    """The id of the job that a line is of, though it may not be readable as a whole."""
    found = _first_id(line)
    return JobId(found[1].decode()) if found else None


def unreadable_in(line: bytes) -> str | None:
    """What a remote says that it could not read of its list of jobs; None of any other line."""
    if not line.startswith(_UNREADABLE):
        return None
    try:
        told = msgspec.json.decode(line, type=_Unreadable)
    except msgspec.MsgspecError:
        return None
    return f"{told.object[:MOST_TOLD]} cannot be read: {told.reason[:MOST_TOLD]}"


def portions(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items, at most so many at a time."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def subject_of_pull(options: PullOptions, policy: TrustPolicy) -> str:
    """What the cursor of a pull is of: whatever changes this has everything looked at again."""
    rules = msgspec.json.encode(
        (
            sorted(policy.keys),
            policy.allow_unsigned,
            policy.require,
            options.max_size,
            options.ancestors,
        )
    )
    return f"{options.selection.key()} {options.outputs} {sha256(rules).hexdigest()[:16]}"


def subject_of_push(options: PushOptions, store_id: str | None) -> str:
    """What the cursor of a push is of: a selection of jobs, and the store that they go to."""
    rules = msgspec.json.encode((store_id, options.max_size, options.ancestors, options.inputs))
    return f"{options.selection.key()} {options.outputs} {sha256(rules).hexdigest()[:16]}"
