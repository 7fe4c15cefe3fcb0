"""What is in a file of a job: chosen by what it is, and read in the way that is safe for that."""

import os
from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec.structs import replace

from dendro_local.errors import HubUnreachable, NotFound, OutputNotFound
from dendro_local.local_hub import OutputAwaited
from dendro_local.model import JobId
from dendro_local.server.previews.kinds import HEAD_BYTES, file_format
from dendro_local.server.previews.locating import named_file
from dendro_local.server.previews.readers import Readers
from dendro_local.server.previews.reading.question import Question
from dendro_local.server.previews.tables import table_part
from dendro_local.server.previews.texts import hex_part, text_part
from dendro_local.server.v1.asking import Asked
from dendro_local.server.words import words_for_others
from dendro_local.v1 import FileKind, Preview, TextPart

__all__ = ["Wanted", "preview"]

TAIL_BYTES = 16 << 10

MOST_FETCHED_BYTES = 64 << 20
"""A larger file that lies on a remote is not fetched to be looked at."""

NO_TABLE = "This file is no table: its rows are too long, or its quotes do not end."


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a file is wanted; see `dendro_local.server.previews.reading.question`.

    ``as_text``: the file as text, whatever it is.
    """

    path: str = ""
    first: int = 0
    at: int | None = None
    as_text: bool = False


async def preview(
    asked: Asked, job_id: JobId, kind: FileKind, name: str, wanted: Wanted
) -> Preview:
    """What is in a file of a job.

    Raises:
        JobNotFound: there is no such job.
        OutputNotFound: the job has no such file.
        NotFound: the file has nothing at the path.
    """
    facts = await asked.in_thread(asked.hub.job_facts, job_id)
    named = named_file(facts, kind, name)
    found = Preview(
        job_id=job_id,
        kind=kind,
        name=name,
        file_name=named.file_name,
        url=asked.urls.public(named.url),
        format="elsewhere",
    )
    if not named.is_of_a_store:
        return replace(found, note="This file is elsewhere; the hub has no copy of it to show.")
    is_small = named.size is not None and named.size <= MOST_FETCHED_BYTES
    try:
        file = await asked.in_thread(asked.hub.served_file, named.url, fetch=is_small)
        descriptor = os.open(file.path, os.O_RDONLY)
    except OutputAwaited:
        return replace(found, note="This file lies on a remote. To download it brings it here.")
    except (OutputNotFound, HubUnreachable) as fault:
        return replace(found, note=words_for_others(fault, asked.hub))
    except OSError:
        return replace(found, note="The bytes of this file are not there any more.")
    try:
        size = os.fstat(descriptor).st_size
        found = replace(found, size=size, digest=file.digest)
        return await _Shown(asked, found, descriptor, size, wanted).preview()
    finally:
        os.close(descriptor)


class _Shown:
    """An open file that is to be shown."""

    def __init__(
        self, asked: Asked, found: Preview, descriptor: int, size: int, wanted: Wanted
    ) -> None:
        self._asked = asked
        self._found = found
        self._descriptor = descriptor
        self._size = size
        self._wanted = wanted

    async def preview(self) -> Preview:
        """What is in it, as what it is."""
        head = await self._asked.in_thread(os.pread, self._descriptor, HEAD_BYTES, 0)
        form = file_format(self._found.file_name, head)
        if self._wanted.as_text and form != "bytes":
            form = "text"
        self._found = replace(self._found, format=form)
        if form in ("image", "audio", "video"):
            return self._found
        if form == "bytes":
            return replace(self._found, text=await self._part(hex_part))
        if form == "table":
            return await self._table()
        if form == "json" or form == "hdf5" or form == "lindi":
            return await self._read(form)
        return await self._text(note=None)

    async def _part(self, part: Callable[[int, int, int], TextPart]) -> TextPart:
        return await self._asked.in_thread(part, self._descriptor, self._size, self._wanted.first)

    async def _text(self, note: str | None) -> Preview:
        part = await self._part(text_part)
        tail = None
        if self._wanted.first == 0 and part.end < self._size - TAIL_BYTES:
            tail = await self._asked.in_thread(text_part, self._descriptor, self._size, -TAIL_BYTES)
        return replace(self._found, format="text", note=note, text=part, tail=tail)

    async def _table(self) -> Preview:
        first, name = max(0, self._wanted.first), self._found.file_name
        found = await self._asked.in_thread(table_part, self._descriptor, self._size, name, first)
        return await self._text(NO_TABLE) if found is None else replace(self._found, table=found)

    async def _read(self, form: Literal["json", "hdf5", "lindi"]) -> Preview:
        """What needs a reader in a process of its own."""
        found, wanted = self._found, self._wanted
        readers: Readers = self._asked.request.app.state["readers"]
        question = Question(format=form, path=wanted.path, first=max(0, wanted.first), at=wanted.at)
        reply = await readers.ask(self._descriptor, found.digest, question)
        if reply.is_absent:
            raise NotFound(
                f"File {found.name!r} of job {found.job_id} has nothing at {wanted.path!r}."
            )
        if reply.fault is None:
            return replace(found, json=reply.json, object=reply.object)
        if form == "json" and not wanted.path:
            return await self._text(reply.fault)
        return replace(found, note=reply.fault)
