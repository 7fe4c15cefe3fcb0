"""Which bytes of a file a ``Range`` header asks for."""

import re

__all__ = ["NoSuchBytes", "byte_range"]

_single = re.compile(r"bytes=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*").fullmatch


class NoSuchBytes(Exception):
    """The range lies wholly outside of the file."""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and end (the byte after the last) of a range; None for the whole file.

    A range that ends behind the file is cut short. What is no range of bytes, and several ranges
    at once, may be answered with the whole file (RFC 9110, section 14.2).

    Raises:
        NoSuchBytes: there are no such bytes.
    """
    found = _single(header or "")
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        first, end = max(0, size - int(found[2])), size
    else:
        first = int(found[1])
        end = min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < first:
            return None
    if first >= end:
        raise NoSuchBytes
    return first, end
