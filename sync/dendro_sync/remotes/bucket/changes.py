"""What changed in a bucket after a cursor.

A cursor is the id of the bucket's store and the number of the next segment to be read.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import chain

import msgspec

from dendro_local.errors import InvalidRequest, NotAHub
from dendro_local.signed_records import (
    AppEntry,
    BatchEnd,
    Entry,
    GoneEntry,
    JobEntry,
    ReadBatch,
    decode_entry,
)
from dendro_sync.remotes.bucket.feed import Feed, Piece
from dendro_sync.remotes.bucket.record_objects import AppFacts, GoneFacts, JobFacts, facts_of
from dendro_sync.remotes.bucket.segments import batches_of
from dendro_sync.selection import Selection

__all__ = ["empty_batch", "is_chosen", "origin_of", "read_changes"]

MOST_UNREADABLE = 100
"""Segments one after the other. Then something else answers, such as a page for all addresses."""


def read_changes(
    feed: Feed, store_id: str, cursor: str, selection: Selection
) -> Iterator[ReadBatch]:
    """The batches after a cursor, and at the end an empty one.

    What cannot be read is told by a line that is no entry, and the cursor stays before it: it is
    asked for again the next time, and the rest goes on.

    Raises:
        NotAHub: hardly anything can be read.
    """
    number = _number(cursor, store_id)
    held: int | None = None
    unreadable = 0
    pieces = feed.pieces(number)
    first = next(pieces, None)
    if first is None and feed.ends_before(number):
        # The bucket was put back to what it was earlier, and is told other things since.
        number, pieces = 0, feed.pieces(0)
    for piece in chain(() if first is None else (first,), pieces):
        fault = piece.fault
        if not fault:
            try:
                for after, batch in _batches(piece):
                    chosen = _chosen(batch, selection)
                    yield _at(chosen, _cursor(store_id, after if held is None else held))
            except InvalidRequest as error:
                fault = str(error)
        if fault:
            unreadable += 1
            held = piece.number if held is None else held
            yield _told(piece.name, fault, _cursor(store_id, held))
        else:
            unreadable = 0
        if unreadable > MOST_UNREADABLE:
            raise NotAHub(f"From {piece.name} on, nothing of the feed can be read: {fault}")
        number = piece.last + 1
    yield empty_batch(_cursor(store_id, number if held is None else held))


def empty_batch(cursor: str) -> ReadBatch:
    """A batch of nothing."""
    return ReadBatch(lines=[], end=BatchEnd(cursor=cursor, count=0), digest=sha256(b"").digest())


def origin_of(piece: Piece, batch: ReadBatch) -> int:
    """The number of the segment in which a batch was written.

    Raises:
        InvalidRequest: it does not say so.
    """
    if not piece.is_merged:
        return piece.number
    text = batch.end.cursor
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else -1
    if not piece.first <= number <= piece.last:
        raise InvalidRequest(f"A batch does not say of which segment it was: {text[:100]!r}.")
    return number


def is_chosen(entry: Entry, selection: Selection) -> bool:
    """Whether an entry is of the jobs that are asked for.

    Deletions are, of all jobs of the service. Apps are, that may be those of such jobs.

    Raises:
        InvalidRequest: the entry is not what it says that it is.
    """
    facts = facts_of(entry)
    if selection.service not in (None, facts.serviceName):
        return False
    if isinstance(facts, GoneFacts):
        return True
    if isinstance(facts, AppFacts):
        return selection.app in (None, facts.appName)
    return _is_chosen_job(entry, facts, selection)


def _is_chosen_job(entry: Entry, facts: JobFacts, selection: Selection) -> bool:
    definition = facts.jobDefinition
    ended = facts.timestampFinishedSec
    return (
        selection.app in (None, definition.appName)
        and selection.processor in (None, definition.processorName)
        and isinstance(entry, JobEntry)
        and set(selection.tags) <= set(entry.tags)
        and (selection.since is None or (ended is not None and ended >= selection.since))
    )


def _batches(piece: Piece) -> Iterator[tuple[int, ReadBatch]]:
    """Those batches that are wanted, each with the number to go on at after it."""
    waiting: tuple[int, ReadBatch] | None = None
    for batch in batches_of(piece.packed, piece.name if piece.is_merged else None):
        origin = origin_of(piece, batch)
        if origin < piece.number:
            continue
        if waiting is not None:
            # Within a segment one cannot go on: it is begun again, and what is there skipped.
            yield origin, waiting[1]
        waiting = (origin, batch)
    if waiting is not None:
        yield piece.last + 1, waiting[1]


def _chosen(batch: ReadBatch, selection: Selection) -> ReadBatch:
    """The batch with the lines that are asked for; its signature is over all of them."""
    if selection == Selection():
        return batch
    return msgspec.structs.replace(
        batch, lines=[line for line in batch.lines if _is_chosen_line(line, selection)]
    )


def _is_chosen_line(line: bytes, selection: Selection) -> bool:
    try:
        entry = decode_entry(line)
        return isinstance(entry, JobEntry | AppEntry | GoneEntry) and is_chosen(entry, selection)
    except InvalidRequest:
        return True  # told of by who takes it


def _at(batch: ReadBatch, cursor: str) -> ReadBatch:
    end = msgspec.structs.replace(batch.end, cursor=cursor, count=len(batch.lines))
    return msgspec.structs.replace(batch, end=end)


def _told(name: str, fault: str, cursor: str) -> ReadBatch:
    line = msgspec.json.encode({"kind": "unreadable", "object": name, "reason": fault})
    return ReadBatch(
        lines=[line],
        end=BatchEnd(cursor=cursor, count=1),
        digest=sha256(line + b"\n").digest(),
    )


def _cursor(store_id: str, number: int) -> str:
    return f"{store_id}.{number}"


def _number(cursor: str, store_id: str) -> int:
    """Where to begin: at the beginning, if the cursor is of another store."""
    of_store, _, number = cursor.rpartition(".")
    if of_store != store_id or not number.isascii() or not number.isdecimal() or len(number) > 10:
        return 0
    return int(number)
