"""Lines of entries, as a hub sends and takes them."""

from collections.abc import Generator, Iterator, Sequence
from typing import IO, cast

import httpx
import zstandard

from dendro_local.errors import HubUnreachable, InvalidRequest, NotAHub
from dendro_local.signed_records import (
    MOST_IN_BATCH,
    BatchEnd,
    BatchReader,
    Entry,
    ReadBatch,
    decode_entry,
    encode_entry,
)

__all__ = ["line_portions", "read_batches", "read_entries"]

PIECE_BYTES = 1 << 20

MAX_PUT_BYTES = 32 << 20
"""Less than a hub takes at once."""

MAX_WINDOW_BYTES = 8 << 20
"""So much memory may be asked for by whoever compressed what comes."""


def read_batches(reply: httpx.Response) -> Generator[ReadBatch]:
    """The batches of a reply, as they come.

    Raises:
        HubUnreachable: it broke off.
        NotAHub: what comes is no such thing.
    """
    reader = BatchReader()
    is_packed = reply.headers.get("content-encoding") == "zstd"
    try:
        for piece in _unpacked(reply) if is_packed else reply.iter_raw(PIECE_BYTES):
            yield from reader.feed(piece)
    except (InvalidRequest, zstandard.ZstdError) as error:
        raise NotAHub(f"What {reply.request.url.host} sends cannot be read: {error}") from error
    if not reader.is_between_batches():
        raise HubUnreachable(f"{reply.request.url.host} broke off in the middle of a batch.")


def _unpacked(reply: httpx.Response) -> Iterator[bytes]:
    """The bytes of a packed reply: never many at once, however much a little unpacks to."""
    unpack = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    source = cast("IO[bytes]", _Pieces(reply))
    with unpack.stream_reader(source, read_across_frames=True) as stream:
        while piece := stream.read1(PIECE_BYTES):
            yield piece


class _Pieces:
    """What comes of a reply, as a file to be read."""

    def __init__(self, reply: httpx.Response) -> None:
        self._pieces = reply.iter_raw()

    def read(self, _size: int = -1) -> bytes:
        """The next that comes; nothing at the end."""
        return next(self._pieces, b"")


def read_entries(raw: bytes) -> Iterator[Entry]:
    """The entries of a reply that has come as a whole.

    Raises:
        NotAHub: it is no such thing.
    """
    try:
        for batch in BatchReader().feed(raw):
            for line in batch.lines:
                entry = decode_entry(line)
                if not isinstance(entry, BatchEnd):
                    yield entry
    except InvalidRequest as error:
        raise NotAHub(f"What the hub sends cannot be read: {error}") from error


def line_portions(entries: Sequence[Entry]) -> Iterator[list[bytes]]:
    """Lines of entries, so many at a time as a hub takes."""
    lines: list[bytes] = []
    size = 0
    for entry in entries:
        line = encode_entry(entry)
        if lines and (len(lines) == MOST_IN_BATCH or size + len(line) > MAX_PUT_BYTES):
            yield lines
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield lines
