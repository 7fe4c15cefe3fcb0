"""Parts of texts and of files of any bytes, however long these are."""

import os

from dendro_local.v1 import TextPart

__all__ = ["HEX_BYTES", "PART_BYTES", "hex_part", "text_part"]

PART_BYTES = 64 << 10
HEX_BYTES = 512

_HEX_ROW = 16
_PICTURES = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"},
    0x7F: 0x2421,
}
"""What stands for a character that does something to a screen, and is not shown on it."""

_MOST_OF_A_CHARACTER = 4
_LINE_SEARCH = 4096
"""A part begins with a line if one begins within so many bytes."""


def text_part(descriptor: int, size: int, first: int) -> TextPart:
    """The part of a text that begins near a byte.

    Args:
        descriptor: of the file.
        size: of the file, in bytes.
        first: a byte; where it is not between two lines, the next line is the first one shown,
            unless that is far away. A negative one counts from the end.
    """
    if first < 0:
        first = max(0, size + first)
    first = min(first, size)
    raw = os.pread(descriptor, PART_BYTES + _MOST_OF_A_CHARACTER, first)
    if first > 0 and raw and os.pread(descriptor, 1, first - 1) != b"\n":
        skipped = _to_line(raw)
        first += skipped
        raw = raw[skipped:]
    raw = raw[: _length(raw, is_last=first + len(raw) >= size)]
    end = first + len(raw)
    return TextPart(
        text=raw.decode("utf-8", "replace").translate(_PICTURES),
        first=first,
        end=end,
        previous=max(0, first - PART_BYTES) if first > 0 else None,
        next=end if end < size and raw else None,
    )


def hex_part(descriptor: int, size: int, first: int) -> TextPart:
    """The bytes from a place on in hexadecimal, sixteen a line, with those that are ASCII."""
    first = max(0, min(first, size)) // _HEX_ROW * _HEX_ROW
    raw = os.pread(descriptor, HEX_BYTES, first)
    rows = [
        f"{first + start:010x}  {raw[start : start + _HEX_ROW].hex(' '):<47}  "
        + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in raw[start : start + _HEX_ROW])
        for start in range(0, len(raw), _HEX_ROW)
    ]
    end = first + len(raw)
    return TextPart(
        text="\n".join(rows),
        first=first,
        end=end,
        previous=max(0, first - HEX_BYTES) if first > 0 else None,
        next=end if end < size and raw else None,
    )


def _to_line(raw: bytes) -> int:
    """How many bytes to pass over, so that the part begins with a line, or else a character."""
    found = raw.find(b"\n", 0, _LINE_SEARCH)
    if found >= 0:
        return found + 1
    skipped = 0
    while (
        skipped < _MOST_OF_A_CHARACTER and raw[skipped : skipped + 1] and _is_inside(raw[skipped])
    ):
        skipped += 1
    return skipped


def _length(raw: bytes, *, is_last: bool) -> int:
    """How many bytes of what was read are shown: whole lines, or at least whole characters."""
    if is_last and len(raw) <= PART_BYTES:
        return len(raw)
    length = min(len(raw), PART_BYTES)
    found = raw.rfind(b"\n", max(0, length - _LINE_SEARCH), length)
    if found >= 0:
        return found + 1
    for less in range(_MOST_OF_A_CHARACTER):
        if length - less < len(raw) and not _is_inside(raw[length - less]):
            return length - less
    return length


def _is_inside(byte: int) -> bool:
    """Whether a byte of UTF-8 goes on with a character that has begun before."""
    return byte & 0xC0 == 0x80
