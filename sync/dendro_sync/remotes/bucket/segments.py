"""Segments of the feed: batches of lines, compressed with zstd.

What comes from a bucket may be anything: no more is unpacked, and kept, than a segment may have.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.signed_records import MOST_IN_BATCH, BatchReader, ReadBatch
from dendro_sync.remotes.bucket.layout import merged_range

__all__ = [
    "MOST_BYTES",
    "MOST_PACKED_BYTES",
    "Merged",
    "batches_of",
    "in_segments",
    "pack",
    "pack_pointer",
    "pointer_in",
    "unpack",
]

MOST_BYTES = 256 << 20
"""Of a segment that is unpacked."""

MOST_PACKED_BYTES = 64 << 20
"""Of a segment as it lies there."""

BATCH_BYTES = 4 << 20
SEGMENT_BYTES = 64 << 20
"""Of what is written, before compression. More than this at once becomes several segments."""

LEVEL = 3
CHUNK_BYTES = 1 << 20
LARGEST_WINDOW_BYTES = 8 << 20
POINTER = b'{"kind":"merged"'


class Merged(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="merged"):
    """Stands where a segment was that is now part of a larger object."""

    object: str


def in_segments(lines: Iterable[bytes]) -> Iterator[list[list[bytes]]]:
    """Lines as batches, and these as segments, none of which is too large to be read."""
    segment: list[list[bytes]] = []
    size = batch_size = 0
    for line in lines:
        if segment and size + len(line) > SEGMENT_BYTES:
            yield segment
            segment, size = [], 0
        is_full = not segment or len(segment[-1]) == MOST_IN_BATCH
        if is_full or batch_size + len(line) > BATCH_BYTES:
            segment.append([])
            batch_size = 0
        segment[-1].append(line)
        size += len(line)
        batch_size += len(line)
    if segment:
        yield segment


def pack(raw: bytes) -> bytes:
    """Batches as they lie in a bucket; the same each time."""
    import zstandard

    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(raw)


def pack_pointer(name: str) -> bytes:
    """What stands in the place of a segment that was merged."""
    return pack(msgspec.json.encode(Merged(object=name)) + b"\n")


def unpack(packed: bytes) -> Iterator[bytes]:
    """The bytes of a segment, in pieces.

    Raises:
        InvalidRequest: it is not whole, no zstd, or has more bytes than a segment may have.
    """
    import zstandard

    try:
        # Told before anything is unpacked; and a stream that is cut off ends without an error.
        size = zstandard.get_frame_parameters(packed).content_size
        if size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
            raise InvalidRequest("It does not say how many bytes it has.")
        if size > MOST_BYTES:
            raise InvalidRequest(f"It unpacks to {size} bytes; at most {MOST_BYTES} are read.")
        decompressor = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW_BYTES)
        left = size
        with decompressor.stream_reader(packed) as stream:
            while left and (piece := stream.read(min(CHUNK_BYTES, left))):
                left -= len(piece)
                yield piece
    except zstandard.ZstdError as error:
        raise InvalidRequest(f"It cannot be unpacked: {error}.") from error
    if left:
        raise InvalidRequest(f"It ends {left} bytes too early.")


def pointer_in(packed: bytes) -> str | None:
    """The object that a segment was merged into; None of a segment that has its own lines.

    Raises:
        InvalidRequest: it cannot be read.
    """
    first = next(unpack(packed), b"")
    if not first.startswith(POINTER):
        return None
    try:
        name = msgspec.json.decode(first, type=Merged).object
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"It points nowhere: {error}.") from error
    merged_range(name)
    return name


def batches_of(packed: bytes, name: str | None = None) -> Iterator[ReadBatch]:
    """The batches of a segment. Those before the place at which it is damaged are given.

    Args:
        packed: its bytes.
        name: of an object of merged segments, which has the digest of the bytes in it.

    Raises:
        InvalidRequest: it is damaged.
    """
    if name is not None and merged_range(name)[2] != sha256(packed).hexdigest():
        raise InvalidRequest("Its bytes are not those of the digest in its name.")
    reader = BatchReader()
    for piece in unpack(packed):
        yield from reader.feed(piece)
    if not reader.is_between_batches():
        raise InvalidRequest("It ends within a batch.")
