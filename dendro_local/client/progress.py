"""Telling a person how far something long has come, without filling logs."""

import sys
import time

from dendro_local.hub import Progress

__all__ = ["file_progress"]

QUIET_SEC = 1.0
"""What takes less says nothing."""


def file_progress() -> Progress:
    """Something to tell what is done with a file, the bytes so far and those in all."""
    doing = ""
    begun = last = 0.0

    def tell(what: str, done: int, total: int) -> None:
        nonlocal doing, begun, last
        now = time.monotonic()
        if what != doing:
            doing, begun, last = what, now, now
        if now - begun < QUIET_SEC or (now - last < QUIET_SEC and done < total):
            return
        last = now
        share = 100 * done // total if total else 100
        text = f"{what}: {share} % of {total / 1e9:.2f} GB"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{text}{chr(10) if done >= total else ''}")
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    return tell
