"""``/v1/events``: jobs as they change."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter

from dendro_local.errors import InvalidRequest
from dendro_local.model import JobId
from dendro_local.server.news import News, NewsItem, event_block
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.refusals import refusals
from dendro_local.server.v1.streams import HEARTBEAT_SEC, Pieces, event_stream
from dendro_local.v1 import FeedBegan, FeedReset

__all__ = ["Events"]

MOST_MISSED = 20_000
"""After so many changes whoever was away is told to load anew what it shows."""


class Events(Controller):
    """Jobs as they change."""

    path = "/events"
    tags = ("events",)

    @get("/", operation_id="followJobs", responses=refusals(400), media_type="text/event-stream")
    async def follow(
        self,
        asked: Asked,
        news: NamedDependency[News],
        job: Annotated[
            list[str] | None,
            QueryParameter(description="Only of these jobs.", max_items=1000),
        ] = None,
        service: Annotated[
            str | None,
            QueryParameter(
                description="Only of jobs of this service, and of those that are deleted."
            ),
        ] = None,
        after: Annotated[
            str | None,
            QueryParameter(description="As `Last-Event-ID`, where that cannot be sent."),
        ] = None,
        last_event_id: Annotated[
            str | None,
            HeaderParameter(
                name="Last-Event-ID",
                description="The id of the last event that was received: the stream goes on from "
                "there. Without, it tells what happens from now on.",
            ),
        ] = None,
    ) -> Pieces:
        """Follow jobs.

        Server-Sent Events: `began` first of all, then `job` for each job that was made or changed,
        as it is now, and `deleted` for each that is gone. `reset` means that too much was missed:
        load anew what you show. After 15 quiet seconds there is a comment, so that a broken
        connection is noticed.
        """
        wanted = _Wanted(frozenset(map(JobId, job)) if job else None, service)
        cursor = last_event_id or after
        number = None if cursor is None else _number(cursor, news)
        return event_stream(_events(asked, news, wanted, cursor, number))


class _Wanted:
    """Which changes a listener is told of."""

    def __init__(self, job_ids: Collection[JobId] | None, service: str | None) -> None:
        self._job_ids = job_ids
        self._service = service

    def __call__(self, item: NewsItem) -> bool:
        if self._job_ids is not None and item.job_id not in self._job_ids:
            return False
        return self._service is None or item.service in (None, self._service)


def _number(cursor: str, news: News) -> int | None:
    """The number in a cursor; None if it is of another store.

    Raises:
        InvalidRequest: it is no cursor.
    """
    store_id, dash, number = cursor.rpartition("-")
    if not dash or not number.isascii() or not number.isdigit() or len(number) > 18:
        raise InvalidRequest(
            f"{cursor[:100]!r} is no id of an event. Give that of the last event, or none."
        )
    return int(number) if store_id == news.store_id else None


async def _events(
    asked: Asked, news: News, wanted: _Wanted, cursor: str | None, number: int | None
) -> AsyncGenerator[bytes]:
    clock = asyncio.get_running_loop().time
    if news.is_closing:
        return
    async with news.listening():
        reason = _reason_to_reset(news, cursor, number)
        if number is None or reason is not None:
            number = news.number
        id_ = f"{news.store_id}-{number}"
        yield event_block("began", FeedBegan(cursor=id_), id_)
        if reason is not None:
            yield event_block("reset", FeedReset(reason=reason), id_)
        told_at = clock()
        while not news.is_closing:
            latest = news.number
            items = news.since(number)
            if items is None:
                items = await news.read_since(number)
                number = items[-1].number if items else latest
            elif items:
                number = items[-1].number
            blocks = [item.block(asked.base, asked.urls) for item in items if wanted(item)]
            if blocks:
                yield b"".join(blocks)
                told_at = clock()
            elif clock() - told_at >= HEARTBEAT_SEC:
                # The id alone is no event, but where to go on from.
                yield b": still here\nid: %b-%d\n\n" % (news.store_id.encode(), number)
                told_at = clock()
            await news.wait(number, max(told_at + HEARTBEAT_SEC - clock(), 0))


def _reason_to_reset(news: News, cursor: str | None, number: int | None) -> str | None:
    """Why what was missed cannot be told, if so."""
    if cursor is None:
        return None
    if number is None or number > news.number:
        return "The hub has another store than when you listened last."
    if news.number - number > MOST_MISSED:
        return "Too much has happened since you listened last."
    return None
