"""Merges the segments of a bucket's feed, so that who reads it from the beginning asks seldom.

What is merged is written as a new object, named by its own digest, and then a pointer to it takes
the place of each of the segments, the first one's last. So at every moment each number leads to all
that was told under it and later. To be stopped at any point does no harm, nor do pushers, who only
write numbers that are not there, nor another who merges: whichever pointer is written later, it
leads to what is whole. An object that is not pointed to any more is removed by a later run, once it
is a day old.
"""

import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.model import Digest
from dendro_local.signed_records import ReadBatch, SigningKey, batch_lines, encode_entry
from dendro_sync.remotes.bucket.changes import origin_of
from dendro_sync.remotes.bucket.feed import Piece
from dendro_sync.remotes.bucket.layout import (
    FEED,
    is_merged,
    merged_name,
    merged_range,
    segment_name,
)
from dendro_sync.remotes.bucket.linkless import LOCK
from dendro_sync.remotes.bucket.remote import BucketRemote
from dendro_sync.remotes.bucket.segments import (
    MOST_PACKED_BYTES,
    batches_of,
    pack,
    pack_pointer,
    pointer_in,
)
from dendro_sync.remotes.bucket.superseded import Superseded

__all__ = ["Compacted", "GRACE_SEC", "compact"]

MERGED_ENTRIES = 20_000
MERGED_BYTES = 32 << 20
"""Before compression. What is merged is held in memory, by who writes and by who reads it."""

GRACE_SEC = 86_400.0
"""So long an object is kept that nothing points to: somebody may have read the pointer before."""

UNFINISHED = "*#[0-9]*"
"""What a process that was killed leaves in a folder: obstore names files so before they are whole.
They are no objects, and listings leave them out."""

UNFINISHED_SEC = 86_400.0
"""So long a file that grows no more is one that nobody writes any more."""


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """What was done."""

    segments: int = 0
    """How many objects of the feed were merged."""
    merged: int = 0
    """Into how many."""
    dropped: int = 0
    """How many entries went, because later ones say more."""
    removed: int = 0
    """How many objects were removed that nothing pointed to."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the feed, without its bytes."""

    number: int
    last: int
    first: int
    name: str
    digest: str
    """SHA-256 of the bytes of its object."""
    start: int
    """The number of its first entry, of all."""
    entries: int
    size: int
    """In bytes, unpacked."""
    is_readable: bool


def compact(
    bucket: BucketRemote, *, key: SigningKey | None = None, grace_sec: float = GRACE_SEC
) -> Compacted:
    """Merge what can be merged, and tell what was done. A second run finds nothing to do.

    Args:
        bucket: one that may be written.
        key: signs batches of which entries went; None to leave these unsigned.
        grace_sec: how long objects are kept that nothing points to.

    Raises:
        NotAHub: there is no bucket.
        NotAllowed: it may not be written.
    """
    bucket.store_id()
    before = _merged_objects(bucket, grace_sec)
    total = Compacted()
    while True:
        run = _Run(bucket, key)
        done = run.merge()
        total = Compacted(
            segments=total.segments + done.segments,
            merged=total.merged + done.merged,
            dropped=total.dropped + done.dropped,
        )
        if not done.dropped:
            break  # what became smaller may fit together with its neighbour
    unused = [name for name in before if name not in run.names and not _is_used(bucket, name)]
    bucket.objects.remove(unused)
    if bucket.objects.folder is not None:
        _remove_unfinished(bucket.objects.folder)
    return msgspec.structs.replace(total, removed=len(unused))


class _Run:
    """Once through the feed."""

    def __init__(self, bucket: BucketRemote, key: SigningKey | None) -> None:
        self._bucket = bucket
        self._key = key
        self._superseded = Superseded()
        self.names: set[str] = set()
        """Of the objects that the feed consists of."""

    def merge(self) -> Compacted:
        parts = [self._seen(piece) for piece in self._bucket.feed.pieces(0)]
        self.names = {part.name for part in parts}
        segments = merged = dropped = 0
        for group in self._groups(parts):
            went = sum(len(self._dropped(part)) for part in group)
            if (len(group) > 1 or went) and self._merge(group):
                segments += len(group)
                merged += 1
                dropped += went
        return Compacted(segments=segments, merged=merged, dropped=dropped)

    def _seen(self, piece: Piece) -> _Part:
        start = self._superseded.count
        size = 0
        is_readable = not piece.fault
        try:
            for _, batch in _wanted(piece):
                for line in batch.lines:
                    self._superseded.see(line)
                    size += len(line) + 1
        except InvalidRequest:
            is_readable = False
        return _Part(
            number=piece.number,
            last=piece.last,
            first=piece.first,
            name=piece.name,
            digest=sha256(piece.packed).hexdigest(),
            start=start,
            entries=self._superseded.count - start,
            size=size,
            is_readable=is_readable,
        )

    def _dropped(self, part: _Part) -> set[int]:
        return self._superseded.dropped(part.start, part.start + part.entries)

    def _groups(self, parts: Sequence[_Part]) -> Iterator[list[_Part]]:
        """Neighbours that are not too large together. What cannot be read stays as it is."""
        group: list[_Part] = []
        entries = size = 0
        for part in parts:
            stay = part.entries - len(self._dropped(part))
            is_over = entries + stay > MERGED_ENTRIES or size + part.size > MERGED_BYTES
            if group and (is_over or not part.is_readable):
                yield group
                group = []
                entries = size = 0
            if part.is_readable:
                group.append(part)
                entries += stay
                size += part.size
        if group:
            yield group

    def _merge(self, group: Sequence[_Part]) -> bool:
        """Write a group as one object; whether that could be done."""
        objects, feed = self._bucket.objects, self._bucket.feed
        raw: list[bytes] = []
        for part in group:
            packed = objects.get(part.name, MOST_PACKED_BYTES)
            if packed is None or sha256(packed).hexdigest() != part.digest:
                return False  # somebody else merges it at this moment
            raw += self._rewritten(part, packed)
        packed = pack(b"".join(raw))
        if len(packed) > MOST_PACKED_BYTES:
            return False
        first, last = group[0].number, group[-1].last
        name = merged_name(first, last, Digest(sha256(packed).hexdigest()))
        objects.create(name, packed)
        pointer = pack_pointer(name)

        def point(number: int) -> None:
            objects.replace(segment_name(number), pointer)

        # What the first one leads to is what a reader takes who begins: all others are done then.
        list(feed.executor().map(point, range(last, first, -1)))
        point(first)
        self.names.add(name)
        return True

    def _rewritten(self, part: _Part, packed: bytes) -> Iterator[bytes]:
        """The batches of a part without what is superseded. The others keep their signature."""
        piece = Piece(
            number=part.number, first=part.first, last=part.last, name=part.name, packed=packed
        )
        dropped = self._dropped(part)
        at = part.start
        for origin, batch in _wanted(piece):
            kept = [line for index, line in enumerate(batch.lines, at) if index not in dropped]
            at += len(batch.lines)
            lines = [line + b"\n" for line in kept]
            if len(kept) == len(batch.lines):
                end = msgspec.structs.replace(batch.end, cursor=str(origin))
                yield b"".join([*lines, encode_entry(end)])
            elif kept:
                yield batch_lines(lines, str(origin), self._key)


def _wanted(piece: Piece) -> Iterator[tuple[int, ReadBatch]]:
    """The batches of a piece from its number on, each with that of its segment."""
    for batch in batches_of(piece.packed, piece.name if piece.is_merged else None):
        origin = origin_of(piece, batch)
        if origin >= piece.number:
            yield origin, batch


def _merged_objects(bucket: BucketRemote, grace_sec: float) -> list[str]:
    """Those that are old enough to be removed, if nothing points to them."""
    if not bucket.objects.is_listable:
        return []
    now = time.time()
    return [
        each.name
        for page in bucket.objects.found(FEED)
        for each in page
        if is_merged(each.name) and each.changed_sec <= now - grace_sec
    ]


def _is_used(bucket: BucketRemote, name: str) -> bool:
    """Whether a number leads to an object; also one that is not read by who begins at 0."""

    def points(number: int) -> bool:
        packed = bucket.objects.get(segment_name(number), MOST_PACKED_BYTES)
        try:
            return packed is None or pointer_in(packed) == name
        except InvalidRequest:
            return False

    first, last, _ = merged_range(name)
    return any(bucket.feed.executor().map(points, range(first, last + 1)))


def _remove_unfinished(folder: Path) -> None:
    now = time.time()
    for file in folder.rglob(UNFINISHED):
        try:
            is_left = file.name != LOCK and file.is_file()
            if is_left and file.stat().st_mtime <= now - UNFINISHED_SEC:
                file.unlink()
        except FileNotFoundError:
            continue  # whole by now
