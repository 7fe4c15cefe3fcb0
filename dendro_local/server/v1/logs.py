"""What a job has printed and what it has used: as they are now, or followed as they grow."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, QueryParameter

from dendro_local.errors import InvalidRequest
from dendro_local.local_hub import JobLog
from dendro_local.model import JobId
from dendro_local.server.news import News
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.console_tail import ConsoleTail
from dendro_local.server.v1.refusals import refusals
from dendro_local.server.v1.streams import Pieces, event_stream

__all__ = ["Logs"]

PIECE_BYTES = 256 << 10

Offset = Annotated[int, QueryParameter(description="From this byte on.", ge=0, le=2**53)]


class Logs(Controller):
    """Logs of a job."""

    path = "/jobs/{job_id:str}"
    tags = ("jobs",)

    @get(
        "/console",
        operation_id="getConsole",
        responses=refusals(400, 404),
        media_type="text/plain",
    )
    async def console(
        self,
        asked: Asked,
        news: NamedDependency[News],
        job_id: FromPath[str],
        offset: Offset = 0,
        last_event_id: Annotated[
            str | None,
            HeaderParameter(name="Last-Event-ID", description="Where a stream goes on: a byte."),
        ] = None,
    ) -> Pieces:
        """What a job has printed.

        As far as it has come, while the job runs. With `Accept: text/event-stream` it is followed:
        `began` when the console begins, `text` for what is printed, whose id is the number of
        bytes so far, and `end` when the job has ended, with its status.
        """
        log = await asked.in_thread(asked.hub.job_log, JobId(job_id), "console")
        if "text/event-stream" in asked.request.headers.get("accept", ""):
            begin = offset if last_event_id is None else _byte(last_event_id)
            return event_stream(ConsoleTail(asked, news, log.job.jobId, begin).events())
        return _whole(asked, log, offset, "text/plain")

    @get(
        "/usage",
        operation_id="getUsage",
        responses=refusals(400, 404),
        media_type="application/x-ndjson",
    )
    async def usage(self, asked: Asked, job_id: FromPath[str], offset: Offset = 0) -> Pieces:
        """What a job has used.

        One JSON object a line: the CPU time, memory, disk, network and GPU that its processes
        used, as time went on. Empty for a short job.
        """
        log = await asked.in_thread(asked.hub.job_log, JobId(job_id), "usage")
        return _whole(asked, log, offset, "application/x-ndjson")


def _byte(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidRequest(f"Last-Event-ID is {text[:100]!r}; it is the number of a byte here.")
    return int(text)


def _whole(asked: Asked, log: JobLog, offset: int, media_type: str) -> Pieces:
    return Pieces(
        _pieces(asked, log.path, offset),
        media_type=media_type,
        headers={"cache-control": "no-cache", "x-content-type-options": "nosniff"},
    )


async def _pieces(asked: Asked, path: Path, offset: int) -> AsyncGenerator[bytes]:
    """The bytes of a file from a place on, as far as it has come when it is opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # nothing was printed, or not yet
    try:
        end = os.fstat(descriptor).st_size
        while offset < end:
            length = min(PIECE_BYTES, end - offset)
            piece = await asked.in_thread(os.pread, descriptor, length, offset)
            if not piece:
                return  # the job runs anew, and its log with it
            yield piece
            offset += len(piece)
    finally:
        os.close(descriptor)
