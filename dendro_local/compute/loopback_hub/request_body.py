"""The body of an HTTP request, piece by piece, so that files of any size pass through."""

from collections.abc import Iterator
from email.message import Message
from io import BufferedIOBase

__all__ = ["body_pieces"]

PIECE_BYTES = 1 << 20
MAX_LINE_BYTES = 1024


def body_pieces(headers: Message, stream: BufferedIOBase) -> Iterator[bytes]:
    """The body that follows the headers, of a known length or in chunks (RFC 9112, section 7.1).

    Raises:
        ConnectionError: the other side broke off, or what it sends is not HTTP.
    """
    if headers.get("Transfer-Encoding", "identity").lower() == "identity":
        return _pieces(stream, _number(headers.get("Content-Length", "0"), base=10))
    return _chunked_pieces(stream)


def _chunked_pieces(stream: BufferedIOBase) -> Iterator[bytes]:
    while (size := _number(_line(stream).partition(";")[0], base=16)) > 0:
        yield from _pieces(stream, size)
        if _line(stream) != "":
            raise ConnectionError("a chunk is longer than it says")
    while _line(stream) != "":
        pass  # what follows the last chunk are headers that nobody here reads


def _pieces(stream: BufferedIOBase, size: int) -> Iterator[bytes]:
    while size > 0:
        piece = stream.read(min(size, PIECE_BYTES))
        if not piece:
            raise ConnectionError("the body breaks off")
        size -= len(piece)
        yield piece


def _line(stream: BufferedIOBase) -> str:
    line = stream.readline(MAX_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise ConnectionError("the body breaks off")
    return line.decode("latin-1").rstrip("\r\n")


def _number(text: str, *, base: int) -> int:
    digits = "0123456789abcdef"[:base]
    if not text.strip() or not set(text.strip().lower()) <= set(digits):
        raise ConnectionError(f"{text!r} is no length")
    return int(text, base)
