"""A job's console as a stream of events that goes on until the job has ended."""

import asyncio
import codecs
import math
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import ClassVar
from weakref import WeakValueDictionary

from dendro_local.errors import JobNotFound
from dendro_local.lifecycle import TERMINAL
from dendro_local.local_hub import JobLog
from dendro_local.model import JobId
from dendro_local.server.news import News, event_block
from dendro_local.server.v1.asking import Asked
from dendro_local.server.v1.streams import HEARTBEAT_SEC
from dendro_local.v1 import ConsoleBegan, ConsoleEnded, ConsoleText

__all__ = ["ConsoleTail"]

TEXT_BYTES = 64 << 10
"""So much of a console is in one event at most."""

LOOK_SEC = 0.25
"""How often a console that is followed is looked at: what an app prints wakes nobody."""

MOST_TOLD = 8
"""So many events are kept of a console for all who follow it."""


class _Shared:
    """What those who follow the same console are told alike: read once for all of them.

    All of them are told up to the same places, so that they soon stand at the same ones.
    """

    known: ClassVar[WeakValueDictionary[Path, "_Shared"]] = WeakValueDictionary()

    @classmethod
    def of(cls, path: Path) -> "_Shared":
        """That of a console, while somebody has it."""
        return cls.known.setdefault(path, cls())

    def __init__(self) -> None:
        self.size = 0
        self.looked_at = -math.inf
        """By the clock of the event loop."""
        self._told: dict[tuple[int, int], tuple[bytes, int]] = {}

    def get(self, begin: int) -> tuple[bytes, int] | None:
        """The event that tells what is there from a byte on, and where it ends; None if unknown."""
        return self._told.get((begin, self.size))

    def keep(self, begin: int, told: tuple[bytes, int]) -> None:
        """Remember an event for the others."""
        self._told[begin, self.size] = told
        if len(self._told) > MOST_TOLD:
            del self._told[next(iter(self._told))]


class ConsoleTail:
    """Tells what a job prints.

    Args:
        asked: the request.
        news: tells when the job has changed.
        job_id: whose console it is.
        offset: how many bytes of it the listener has.
    """

    def __init__(self, asked: Asked, news: News, job_id: JobId, offset: int) -> None:
        self._asked = asked
        self._news = news
        self._job_id = job_id
        self._offset = offset
        self._log: JobLog | None = None
        self._attempt: int | None = None
        self._number = 0
        self._quiet_sec = 0.0
        self._shared: _Shared | None = None

    async def events(self) -> AsyncGenerator[bytes]:
        """The events, until the job has ended or the server ends."""
        if self._news.is_closing:
            return
        async with self._news.listening():
            self._number = self._news.number
            await self._find_log()
            while self._log is not None and not self._news.is_closing:
                told, has_more = await self._next(self._log)
                if told:
                    self._quiet_sec = 0.0
                    yield told
                if has_more:
                    continue
                if self._log.job.status in TERMINAL:
                    yield event_block("end", ConsoleEnded(status=self._log.job.status))
                    return
                await self._wait()
                if self._quiet_sec >= HEARTBEAT_SEC:
                    self._quiet_sec = 0.0
                    yield b": still here\n\n"
            if self._log is None:
                yield event_block("end", ConsoleEnded(status=None))

    async def _next(self, log: JobLog) -> tuple[bytes, bool]:
        """The next event, if there is one now; and whether there may be more at once."""
        if self._attempt == log.attempt and log.job.status not in TERMINAL:
            found = await self._next_of_all(log.path)
            if found is not None:
                return found
        size, piece = await self._asked.in_thread(_read, log.path, self._offset)
        if self._offset > size and await self._has_moved(log):
            return b"", True
        is_another = self._attempt not in (None, log.attempt) or self._offset > size
        begins = self._attempt is None and self._offset == 0
        self._attempt = log.attempt
        if begins or is_another:
            self._offset = 0
            return event_block("began", ConsoleBegan(attempt=log.attempt), "0"), True
        # A character that has been printed in part is left until the rest of it is there.
        is_last = log.job.status in TERMINAL and self._offset + len(piece) == size
        text, length = codecs.utf_8_decode(piece, "replace", is_last)
        if not length:
            return b"", False
        self._offset += length
        told = event_block("text", ConsoleText(text=text), str(self._offset))
        return told, self._offset < size

    async def _next_of_all(self, path: Path) -> tuple[bytes, bool] | None:
        """The next event as others have it too; None if the console is not what it was."""
        shared = self._shared = _Shared.of(path)
        now = asyncio.get_running_loop().time()
        if now - shared.looked_at > LOOK_SEC / 2:
            shared.looked_at = now
            shared.size = await self._asked.in_thread(_size, path)
        if self._offset >= shared.size:
            return (b"", False) if self._offset == shared.size else None
        told = shared.get(self._offset)
        if told is None:
            begin, size = self._offset, shared.size
            _, piece = await self._asked.in_thread(_read, path, begin, size - begin)
            text, length = codecs.utf_8_decode(piece, "replace", False)
            end = begin + length
            told = event_block("text", ConsoleText(text=text), str(end)) if length else b"", end
            if size == shared.size:
                shared.keep(begin, told)
        event, self._offset = told
        return event, bool(event) and self._offset < shared.size

    async def _has_moved(self, log: JobLog) -> bool:
        """Whether the console lies elsewhere now, since the job has ended or runs anew."""
        await self._find_log()
        return self._log is None or self._log.path != log.path

    async def _wait(self) -> None:
        """Wait until the job may have printed more, or has changed."""
        clock = asyncio.get_running_loop().time
        end = clock() + LOOK_SEC
        while not self._news.is_closing and await self._news.wait(self._number, end - clock()):
            items = self._news.since(self._number)
            self._number = self._news.number
            if items is None or any(item.job_id == self._job_id for item in items):
                await self._find_log()
                return
        self._quiet_sec += LOOK_SEC

    async def _find_log(self) -> None:
        """Find where the console is now; None if the job was deleted."""
        find = self._asked.hub.job_log
        try:
            self._log = await self._asked.in_thread(find, self._job_id, "console")
        except JobNotFound:
            self._log = None


def _size(path: Path) -> int:
    """The size of a file; 0 of one that is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path, offset: int, length: int = TEXT_BYTES) -> tuple[int, bytes]:
    """The size of a file, and some of its bytes from a place on; nothing of one that is not."""
    try:
        with path.open("rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(offset)
            return size, stream.read(min(length, TEXT_BYTES))
    except FileNotFoundError:
        return 0, b""
