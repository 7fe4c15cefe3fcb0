"""Sizes and lengths of time as a person reads them, in a terminal and on pages."""

__all__ = ["show_duration", "show_size"]


def show_size(size_bytes: int) -> str:
    """A size in bytes: ``13 B``, ``4.2 MB``."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"


def show_duration(seconds: float) -> str:
    """A length of time in seconds: ``0.12 s``, ``3 min 05 s``, ``2 h 03 min``.

    Scripts of pages show it alike, in ``static/pages/moments.js``.
    """
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
