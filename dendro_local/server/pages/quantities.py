"""Quantities and texts as pages show them, and addresses that a page may lead to."""

import time
from urllib.parse import urlsplit

__all__ = ["count", "duration", "first_line", "is_safe_link", "moment", "moment_iso", "size"]

SAFE_SCHEMES = frozenset({"http", "https", "dendro"})


def count(number: int) -> str:
    """A number of things: ``1,234,567``."""
    return f"{number:,}"


def size(size_bytes: int) -> str:
    """A size: ``13 B``, ``4.2 MB``."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    shown = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        shown /= 1000
        if shown < 999.95:
            return f"{shown:.1f} {unit}"
    return f"{shown / 1000:.1f} TB"


def duration(seconds: float) -> str:
    """A length of time: ``0.12 s``, ``3 min 05 s``, ``2 h 03 min``; ``live.js`` shows it alike."""
    if seconds < 10:
        return f"{max(seconds, 0):.2f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def moment(timestamp_sec: float) -> str:
    """A moment for people: ``2025-11-22 16:41 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(timestamp_sec))


def moment_iso(timestamp_sec: float) -> str:
    """A moment for programs: ``2025-11-22T16:41:05Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(timestamp_sec))


def first_line(text: str) -> str:
    """The first line of a text that says something; at most 300 characters of it."""
    line = next((each.strip() for each in text.splitlines() if each.strip()), "")
    return line if len(line) <= 300 else line[:299] + "…"


def is_safe_link(url: str) -> bool:
    """Whether following an address that somebody gave can only load something, never run it."""
    try:
        return urlsplit(url).scheme in SAFE_SCHEMES
    except ValueError:
        return False
