"""Telling a person how far something long has come, without filling logs."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["hashing_progress"]

QUIET_SEC = 1.0
"""What takes less says nothing."""


def hashing_progress(path: Path) -> Callable[[int, int], None]:
    """Something to call with bytes read and bytes in all while a file is hashed."""
    begun = time.monotonic()
    last = begun

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - begun < QUIET_SEC or (now - last < QUIET_SEC and done < total):
            return
        last = now
        share = 100 * done // total if total else 100
        text = f"Hashing {path.name}: {share} % of {total / 1e9:.2f} GB"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{text}{chr(10) if done >= total else ''}")
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    return tell
