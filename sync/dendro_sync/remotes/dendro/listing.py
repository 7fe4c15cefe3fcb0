"""Which jobs a hub has: asked by calls that show the jobs that changed last, and so many at most.

What cannot be seen so: jobs that were deleted, and where a hub shows fewer jobs than it is asked
for, the oldest of a processor.
"""

import logging
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from dendro_local.contract import (
    FindJobByDefinitionRequest,
    FindJobsRequest,
    GetJobRequest,
    GetServiceAppsRequest,
)
from dendro_local.errors import InvalidRequest
from dendro_local.lifecycle import TERMINAL
from dendro_local.model import Job, JobId, JobStatus
from dendro_sync.remotes.dendro.calls import Calls
from dendro_sync.remotes.dendro.cursor import Cursor, changed_at
from dendro_sync.remotes.dendro.job_urls import stable_urls
from dendro_sync.selection import Selection

__all__ = ["Found", "Listing"]

logger = logging.getLogger(__name__)

FIRST_LIMIT = 200
MORE = 5
"""How many times as many jobs are asked for where there are more."""

ENDS: tuple[JobStatus, ...] = ("completed", "failed")

_ids_in = re.compile("(?<=/)[A-Za-z0-9]{20}(?=/)").findall


class _Jobs(msgspec.Struct, frozen=True):
    jobs: list[msgspec.Raw]


class _JobReply(msgspec.Struct, frozen=True):
    job: msgspec.Raw = msgspec.Raw(b"null")


class _Processor(msgspec.Struct, frozen=True):
    name: str


class _Specification(msgspec.Struct, frozen=True):
    processors: list[_Processor]


class _App(msgspec.Struct, frozen=True):
    appName: str
    appSpecification: _Specification


class _Apps(msgspec.Struct, frozen=True):
    serviceApps: list[_App]


class _Sketch(msgspec.Struct, frozen=True):
    """As much of a job as can be told of one that is not understood."""

    jobId: str | None = None
    status: str | None = None
    timestampUpdatedSec: float | None = None


_job = msgspec.json.Decoder(Job)
_sketch = msgspec.json.Decoder(_Sketch)


class Found(NamedTuple):
    """Jobs, those that changed first before others, and the ids of those that are unreadable."""

    jobs: list[Job]
    unreadable: list[str]


class Listing:
    """Asks a hub for jobs.

    Args:
        calls: asks it.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def job(self, job_id: JobId) -> Job | None:
        """The job of an id; None if there is none, or it is not understood."""
        return next(iter(self._read([self._raw_job(job_id)]).jobs), None)

    def find(self, request: FindJobByDefinitionRequest) -> Job | None:
        """The newest job of a definition; None if there is none, or it is not understood."""
        reply = self._calls.ask(request, _JobReply)
        return next(iter(self._read([bytes(reply.job)]).jobs), None)

    def ended(self, selection: Selection, cursor: Cursor) -> Found:
        """The jobs of a selection that have ended and were not seen before.

        Raises:
            InvalidRequest: the selection names nothing that a hub can be asked by.
            DendroError: the hub refused to tell.
            HubUnreachable: it does not answer.
        """
        if selection.job_ids:
            found = self._read(self._raw_job(job_id) for job_id in selection.job_ids)
        else:
            since = max(cursor.horizon, selection.since or 0.0)
            found = self._read([*self._changed(_request(selection), since)])
            found.jobs[:] = filter(cursor.is_new, found.jobs)
        unique = {job.jobId: job for job in found.jobs if _fits(job, selection)}
        return Found(sorted(unique.values(), key=changed_at), found.unreadable)

    def parents(self, job: Job, known: dict[JobId, Job | None]) -> list[Job]:
        """The jobs that a job waited for, and those of this hub whose files it reads.

        Args:
            job: whose.
            known: jobs that need not be asked for; those that are asked for are added.
        """
        found: dict[JobId, Job] = {}
        for job_id in job.jobDependencies:
            if (there := self._known(job_id, known)) is not None:
                found[job_id] = there
        for url in job.inputFileUrlList:
            for job_id in map(JobId, _ids_in(url)):
                there = self._known(job_id, known)
                if there is not None and url in stable_urls(there):
                    found[job_id] = there
        found.pop(job.jobId, None)
        return [each for each in found.values() if each.status in TERMINAL]

    def _known(self, job_id: JobId, known: dict[JobId, Job | None]) -> Job | None:
        if job_id not in known:
            known[job_id] = self.job(job_id)
        return known[job_id]

    def _raw_job(self, job_id: JobId) -> bytes:
        reply = self._calls.ask(GetJobRequest(jobId=job_id, includePrivateKey=False), _JobReply)
        return bytes(reply.job)

    def _read(self, raw: Iterable[bytes]) -> Found:
        found = Found([], [])
        for each in raw:
            if each == b"null":
                continue  # there is none
            try:
                found.jobs.append(_job.decode(each))
            except ValueError as error:
                sketch = _sketched(each)
                if sketch.status not in ("pending", "starting", "running"):
                    logger.warning("a job of the hub is not understood: %s", error)
                    found.unreadable.append(sketch.jobId or "")
        return found

    def _changed(self, request: FindJobsRequest, since: float) -> Iterator[bytes]:
        """Jobs of a request that changed at a time or later, and perhaps some more."""
        found, may_have_more = self._latest(request, since)
        yield from found
        if not may_have_more:
            return
        narrower = self._narrower(request)
        if not narrower:
            logger.warning(
                "the hub at %s shows %d jobs at most: there may be older ones. Ask for fewer at a "
                "time, by processor, tag or input",
                self._calls.wire.base_url,
                len(found),
            )
        for each in narrower:
            yield from self._changed(each, since)

    def _latest(self, request: FindJobsRequest, since: float) -> tuple[list[bytes], bool]:
        """As many of the latest jobs as needed; and whether the hub would not show them all."""
        limit, before = FIRST_LIMIT, -1
        while True:
            reply = self._calls.ask(replace(request, limit=limit), _Jobs)
            found = [bytes(raw) for raw in reply.jobs]
            if not found or (_sketched(found[-1]).timestampUpdatedSec or 0.0) < since:
                return found, False
            if len(found) < limit:
                # As many as before, though more were asked for: so many are all that it shows.
                return found, len(found) == before
            limit, before = limit * MORE, len(found)

    def _narrower(self, request: FindJobsRequest) -> list[FindJobsRequest]:
        """Requests that together ask for the same; none if there are no such."""
        if request.status is msgspec.UNSET:
            return [replace(request, status=status) for status in ENDS]
        if request.processorName is msgspec.UNSET and isinstance(request.serviceName, str):
            reply = self._calls.ask(GetServiceAppsRequest(serviceName=request.serviceName), _Apps)
            return [
                replace(request, appName=app.appName, processorName=processor.name)
                for app in reply.serviceApps
                if request.appName in (msgspec.UNSET, app.appName)
                for processor in app.appSpecification.processors
            ]
        return []


def _request(selection: Selection) -> FindJobsRequest:
    if not (selection.service or selection.processor or selection.tags or selection.input_url):
        raise InvalidRequest(
            "A hub of the original Dendro tells of its jobs by service, processor, tag, input URL "
            "or job alone. Name one of these."
        )
    return FindJobsRequest(
        serviceName=selection.service or msgspec.UNSET,
        appName=selection.app or msgspec.UNSET,
        processorName=selection.processor or msgspec.UNSET,
        tags=list(selection.tags) or msgspec.UNSET,
        inputFileUrl=selection.input_url or msgspec.UNSET,
    )


def _fits(job: Job, selection: Selection) -> bool:
    """Whether a job is of a selection, and has ended."""
    definition = job.jobDefinition
    return (
        job.status in TERMINAL
        and selection.service in (None, job.serviceName)
        and selection.app in (None, definition.appName)
        and selection.processor in (None, definition.processorName)
        and set(selection.tags) <= set(job.tags)
        and (selection.input_url is None or selection.input_url in job.inputFileUrlList)
        and (selection.since is None or (job.timestampFinishedSec or 0.0) >= selection.since)
    )


def _sketched(raw: bytes) -> _Sketch:
    try:
        return _sketch.decode(raw)
    except ValueError:
        return _Sketch()
