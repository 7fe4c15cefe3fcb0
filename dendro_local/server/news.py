"""What changes in the hub's jobs, read once for all who listen.

A thread waits for changes while anybody listens, reads what is new in the store's feed and hands
it to the event loop. Each listener has its own place in the feed and takes from there what it has
not told yet: from what was read last, or from the store, where it has fallen behind or been away.
So a slow one holds up nobody and costs no memory, and misses nothing but what a job was in between.
"""

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar

import msgspec

from dendro_local.errors import DendroError
from dendro_local.model import JobId
from dendro_local.server.site import Site
from dendro_local.server.urls import Urls
from dendro_local.store import FeedEntry
from dendro_local.v1 import JobChanged, JobDeleted

__all__ = ["News", "NewsItem", "event_block"]

logger = logging.getLogger(__name__)

LOOK_SEC = 5.0
"""How often the store is looked at though nobody woke us."""

GATHER_SEC = 0.02
"""Changes within this time are told together."""

READ_AT_ONCE = 500
REMEMBERED = 2_000

MOST_BASES = 8
"""For so many names of the hub an event is kept: whoever asks can make up more of them."""

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


def event_block(name: str, data: object, id_: str | None = None) -> bytes:
    """One event as a stream has it: its id, its name and its data in JSON."""
    begin = b"" if id_ is None else b"id: %b\n" % id_.encode()
    return b"%bevent: %b\ndata: %b\n\n" % (begin, name.encode(), _encode(data))


class NewsItem:
    """A change of a job."""

    __slots__ = ("_blocks", "_entry", "_store_id")

    def __init__(self, entry: FeedEntry, store_id: str) -> None:
        self._entry = entry
        self._store_id = store_id
        self._blocks: dict[str, bytes] = {}

    @property
    def number(self) -> int:
        """Its number in the feed."""
        return self._entry.number

    @property
    def job_id(self) -> JobId:
        """The job that changed."""
        return self._entry.job_id

    @property
    def service(self) -> str | None:
        """The service of the job; None if it is gone."""
        return None if self._entry.job is None else self._entry.job.record.serviceName

    def block(self, base: str, urls: Urls) -> bytes:
        """The event for listeners who reach the hub at ``base``; made once for all of them."""
        block = self._blocks.get(base)
        if block is None:
            block = self._made(urls)
            if len(self._blocks) < MOST_BASES:
                self._blocks[base] = block
        return block

    def _made(self, urls: Urls) -> bytes:
        id_ = f"{self._store_id}-{self.number}"
        entry = self._entry
        if entry.job is None:
            deleted_at = entry.deleted_at or 0.0
            return event_block(
                "deleted", JobDeleted(job_id=entry.job_id, deleted_at=deleted_at), id_
            )
        return event_block("job", JobChanged(job=urls.public_job(entry.job.record)), id_)


class News:
    """The changes of one hub's jobs. To be used on the event loop.

    Args:
        site: the server. When it is closing, nobody waits any more.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self.store_id = site.hub.store_id()
        self.num_listeners = 0
        self.number = 0
        """Of the latest change that was read."""
        self._first = 0
        """What is remembered is all that came after this number."""
        self._items: deque[NewsItem] = deque(maxlen=REMEMBERED)
        self._changed = asyncio.Event()
        self._reader: _Reader | None = None

    @property
    def is_closing(self) -> bool:
        """Whether the server ends, and every listener with it."""
        return self._site.closing.is_set()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """A block in which changes are waited for; at its beginning `number` is up to date."""
        self.num_listeners += 1
        try:
            if self._reader is None:
                self._reader = _Reader(self, self._site)
            await self._reader.has_begun.wait()
            yield
        finally:
            self.num_listeners -= 1
            if self.num_listeners == 0:
                self.close()

    def since(self, number: int) -> Sequence[NewsItem] | None:
        """What changed after a number; None if that is not remembered, see `read_since`."""
        if number >= self.number:
            return ()
        if number < self._first:
            return None
        found: list[NewsItem] = []
        for item in reversed(self._items):
            if item.number <= number:
                break
            found.append(item)
        found.reverse()
        return found

    async def read_since(self, number: int) -> Sequence[NewsItem]:
        """What changed after a number, from the store: the next some hundred changes."""
        entries = await self._site.in_thread(self._site.hub.changes_since, number, READ_AT_ONCE)
        return [NewsItem(entry, self.store_id) for entry in entries]

    async def wait(self, number: int, timeout_sec: float) -> bool:
        """Wait until something changed after a number, or the server ends; False if not in time."""
        changed = self._changed
        if number < self.number or self.is_closing:
            return True
        try:
            async with asyncio.timeout(timeout_sec):
                await changed.wait()
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Wait for changes no more, and forget them."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
        self._items.clear()
        self._wake()

    def begin(self, reader: "_Reader", number: int) -> None:
        """The reader knows how far the feed is."""
        if reader is self._reader:
            self.number = self._first = number
        reader.has_begun.set()

    def add(self, reader: "_Reader", entries: Sequence[FeedEntry]) -> None:
        """More was read."""
        if reader is not self._reader:
            return  # of one that was stopped meanwhile
        for entry in entries:
            if len(self._items) == REMEMBERED:
                self._first = self._items[0].number
            self._items.append(NewsItem(entry, self.store_id))
        self.number = entries[-1].number
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class _Reader:
    """Reads the feed in a thread, from when it is made until it is stopped."""

    def __init__(self, news: News, site: Site) -> None:
        self.has_begun = asyncio.Event()
        self._news = news
        self._hub = site.hub
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        self._changes = site.hub.changes()  # before the first look, so that nothing is missed
        self._ending = asyncio.ensure_future(self._end_with(site))
        threading.Thread(target=self._read, name="dendro-news", daemon=True).start()

    def stop(self) -> None:
        """Read no more. The thread ends by itself."""
        self._ending.cancel()
        self._stopped.set()
        self._changes.wake()
        self.has_begun.set()

    async def _end_with(self, site: Site) -> None:
        await site.closing.wait()
        self._news.close()

    def _read(self) -> None:
        number: int | None = None
        while not self._stopped.is_set():
            entries: Sequence[FeedEntry] = ()
            try:
                if number is None:
                    number = self._hub.last_change()
                    self._tell(self._news.begin, number)
                entries = self._hub.changes_since(number, READ_AT_ONCE)
            except DendroError as error:
                if not self._stopped.is_set():
                    logger.warning("changes of jobs cannot be read: %s", error)
            if entries:
                number = entries[-1].number
                self._tell(self._news.add, entries)
            if len(entries) < READ_AT_ONCE:
                self._changes.wait(LOOK_SEC)
                self._stopped.wait(GATHER_SEC)
        self._changes.close()

    def _tell(self, call: Callable[["_Reader", T], None], value: T) -> None:
        try:
            self._loop.call_soon_threadsafe(call, self, value)
        except RuntimeError:
            self._stopped.set()  # the loop is closed
