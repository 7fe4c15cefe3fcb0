"""What a request for a file is answered with: status, headers, and which bytes follow."""

import os
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate, parsedate_to_datetime

import msgspec

from dendro_local.byte_ranges import ByteRange, NoSuchBytes, byte_ranges
from dendro_local.server.files.content_types import content_type, runs_in_a_browser

__all__ = ["FileFacts", "FileReply", "file_reply"]

FOR_EVER = "public, max-age=31536000, immutable"

Headers = list[tuple[bytes, bytes]]


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file that is to be sent.

    ``digest`` is the SHA-256 of its bytes, None while it is still written. ``size`` is in bytes,
    ``modified_at`` in seconds since the Unix epoch.
    """

    name: str
    digest: str | None
    size: int
    modified_at: float

    @property
    def tag(self) -> str:
        """What its bytes are told apart by from earlier ones: ``"DIGEST"``, or weaker."""
        if self.digest is not None:
            return f'"{self.digest}"'
        return f'W/"{self.size:x}-{self.modified_at:.6f}"'


class FileReply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply: its body is each of ``pieces`` in turn, bytes as they are or a range of the file."""

    status: int
    headers: Headers
    pieces: Sequence[bytes | ByteRange]

    @property
    def length(self) -> int:
        """How many bytes the body has."""
        return sum(len(p) if isinstance(p, bytes) else p.length for p in self.pieces)


def file_reply(
    facts: FileFacts,
    headers: Mapping[str, str],
    boundary: Callable[[], str] = lambda: os.urandom(12).hex(),
) -> FileReply:
    """The reply to a request for a file (RFC 9110, 13 and 14).

    Args:
        facts: of the file.
        headers: of the request, by names in lower case.
        boundary: makes what stands between the parts of a reply with several ranges.
    """
    kind = content_type(facts.name)
    common = _common_headers(facts, kind)
    if _is_known(facts, headers):
        return FileReply(status=304, headers=common, pieces=())
    common.append((b"accept-ranges", b"bytes"))
    asked = headers.get("range") if _is_same(facts, headers.get("if-range")) else None
    try:
        ranges = byte_ranges(asked, facts.size)
    except NoSuchBytes:
        unsatisfied = (b"content-range", b"bytes */%d" % facts.size)
        return FileReply(status=416, headers=[*common, unsatisfied], pieces=())
    typed = (b"content-type", kind.encode())
    if ranges is None:
        whole = ByteRange(0, facts.size)
        return FileReply(status=200, headers=[*common, typed], pieces=(whole,))
    if len(ranges) == 1:
        shown = (b"content-range", _content_range(ranges[0], facts.size))
        return FileReply(status=206, headers=[*common, typed, shown], pieces=(ranges[0],))
    between = boundary().encode()
    pieces: list[bytes | ByteRange] = []
    for each in ranges:
        pieces.append(
            b"\r\n--%b\r\nContent-Type: %b\r\nContent-Range: %b\r\n\r\n"
            % (between, kind.encode(), _content_range(each, facts.size))
        )
        pieces.append(each)
    pieces.append(b"\r\n--%b--\r\n" % between)
    parted = (b"content-type", b"multipart/byteranges; boundary=%b" % between)
    return FileReply(status=206, headers=[*common, parted], pieces=pieces)


def _common_headers(facts: FileFacts, kind: str) -> Headers:
    # A file that has a digest never changes, and its URL never names another.
    found: Headers = [
        (b"etag", facts.tag.encode()),
        (b"last-modified", formatdate(facts.modified_at, usegmt=True).encode()),
        (b"cache-control", FOR_EVER.encode() if facts.digest else b"no-cache"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if runs_in_a_browser(kind):
        # Made by an app of anybody: it must not act as whoever is logged in here.
        found.append((b"content-security-policy", b"sandbox"))
    return found


def _content_range(part: ByteRange, size: int) -> bytes:
    return b"bytes %d-%d/%d" % (part.first, part.end - 1, size)


def _is_known(facts: FileFacts, headers: Mapping[str, str]) -> bool:
    """Whether whoever asks has these bytes already."""
    tags = headers.get("if-none-match")
    if tags is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return "*" in known or facts.tag.removeprefix("W/") in known
    since = headers.get("if-modified-since")
    return since is not None and facts.digest is not None and _is_not_newer(facts, since)


def _is_same(facts: FileFacts, condition: str | None) -> bool:
    """Whether the bytes are those of which whoever asks has a part."""
    if condition is None:
        return True
    if facts.digest is None:
        return False  # they may be others by now
    if condition.startswith(('"', "W/")):
        return condition == facts.tag
    return condition == formatdate(facts.modified_at, usegmt=True)


def _is_not_newer(facts: FileFacts, since: str) -> bool:
    try:
        return int(facts.modified_at) <= parsedate_to_datetime(since).timestamp()
    except (ValueError, OverflowError):
        return False
