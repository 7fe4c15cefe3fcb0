"""Many small blobs in one body: of each a line of JSON, ``{"digest", "size"}``, then its bytes."""

import re
from collections.abc import Iterator

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.model import Digest

__all__ = ["MOST_SMALL_BYTES", "ManyBlobsReader", "blob_head"]

MOST_SMALL_BYTES = 256 << 10
"""A blob with more bytes goes by itself, from any byte on."""

MOST_HEAD_BYTES = 256

_is_digest = re.compile("[0-9a-f]{64}").fullmatch


class _Head(msgspec.Struct, frozen=True):
    digest: str
    size: int


_decode = msgspec.json.Decoder(_Head).decode


def blob_head(digest: Digest, size: int) -> bytes:
    """What stands before the bytes of a blob."""
    return b'{"digest":"%s","size":%d}\n' % (digest.encode(), size)


class ManyBlobsReader:
    """Takes a body apart, however it comes."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, piece: bytes) -> Iterator[tuple[Digest, bytes]]:
        """The blobs that are whole with the next piece of the body. To be asked to the end.

        Raises:
            InvalidRequest: it is no such body.
        """
        self._pending += piece
        first = 0
        while (end := self._pending.find(b"\n", first, first + MOST_HEAD_BYTES)) >= 0:
            digest, size = _read_head(self._pending[first:end])
            begin = end + 1
            if len(self._pending) < begin + size:
                break
            yield digest, bytes(self._pending[begin : begin + size])
            first = begin + size
        del self._pending[:first]
        if len(self._pending) >= MOST_HEAD_BYTES and b"\n" not in self._pending[:MOST_HEAD_BYTES]:
            raise InvalidRequest("Bytes came where a line should tell of the next blob.")


def _read_head(line: bytearray) -> tuple[Digest, int]:
    try:
        head = _decode(line)
    except msgspec.MsgspecError as error:
        raise InvalidRequest("A line that should tell of a blob cannot be read.") from error
    if not _is_digest(head.digest) or not 0 <= head.size <= MOST_SMALL_BYTES:
        raise InvalidRequest(
            "A digest is 64 hexadecimal digits in lower case, and what is sent with others has "
            f"at most {MOST_SMALL_BYTES:,} bytes."
        )
    return Digest(head.digest), head.size
