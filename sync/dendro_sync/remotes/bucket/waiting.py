"""Waits for somebody to write to a bucket."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from dendro_sync.remotes.bucket.feed import Feed
from dendro_sync.remotes.bucket.layout import FEED
from dendro_sync.remotes.bucket.objects import Objects

__all__ = ["wait_for_change"]

FIRST_PAUSE_SEC = 1.0
LONGEST_PAUSE_SEC = 30.0
STEP_SEC = 0.2
WATCH_STEP_MS = 50


def wait_for_change(
    objects: Objects, feed: Feed, timeout_sec: float, is_over: Callable[[], bool]
) -> bool:
    """Wait until there is something behind the known end of the feed; whether there may be.

    A folder of this machine is watched. All else is asked, less and less often.
    """
    deadline = time.monotonic() + timeout_sec
    pause = FIRST_PAUSE_SEC
    while True:
        if feed.has_more():
            return True
        left = deadline - time.monotonic()
        if left <= 0 or is_over():
            return False
        watched = objects.folder / FEED if objects.folder is not None else None
        if watched is not None and watched.is_dir():
            _watch(watched, feed, min(left, LONGEST_PAUSE_SEC), is_over)
        else:
            _sleep(min(left, pause), is_over)
            pause = min(1.5 * pause, LONGEST_PAUSE_SEC)


def _watch(folder: Path, feed: Feed, limit_sec: float, is_over: Callable[[], bool]) -> None:
    """Until something in the folder changes. It may be on a disk that tells of nothing."""
    from watchfiles import watch

    stop = threading.Event()
    deadline = time.monotonic() + limit_sec
    changes = watch(
        folder,
        step=WATCH_STEP_MS,
        rust_timeout=int(1000 * STEP_SEC),
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=True,
        recursive=False,
    )
    is_first = True
    for seen in changes:
        # What came just before the watch began is told by nothing.
        came = bool(seen) or (is_first and feed.has_more())
        is_first = False
        if came or is_over() or time.monotonic() >= deadline:
            stop.set()
            break


def _sleep(seconds: float, is_over: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not is_over() and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(STEP_SEC, left))
