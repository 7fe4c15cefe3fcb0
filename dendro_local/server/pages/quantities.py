"""Numbers, moments and texts as pages show them, and addresses that a page may lead to."""

import time
from urllib.parse import urlsplit

__all__ = ["count", "first_line", "is_safe_link", "moment", "moment_iso"]

SAFE_SCHEMES = frozenset({"http", "https", "dendro"})


def count(number: int) -> str:
    """A number of things: ``1,234,567``."""
    return f"{number:,}"


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
