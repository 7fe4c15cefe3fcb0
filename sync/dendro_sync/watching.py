"""Keeping a store and a remote together until told to stop."""

import threading
from collections.abc import Callable, Iterator

import msgspec

from dendro_local.errors import DendroError, HubUnreachable, NotAHub
from dendro_local.local_hub import LocalHub
from dendro_sync.exchange import Exchange, sync_by
from dendro_sync.options import PullOptions, PushOptions
from dendro_sync.progress import OnProgress
from dendro_sync.report import SyncReport

__all__ = ["WatchEvent", "watch"]

REMOTE_WAIT_SEC = 30.0
LOOK_SEC = 1.0
"""How often to see whether it is over."""

GATHER_SEC = 0.2
"""What changes within so long goes together."""

FIRST_PAUSE_SEC = 1.0
LONGEST_PAUSE_SEC = 60.0


class WatchEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened while watching: an exchange, or why there was none."""

    report: SyncReport | None = None
    error: str | None = None
    retry_sec: float | None = None
    """When it is tried again, after an error."""


def watch(
    hub: LocalHub,
    remote: str | None,
    push_options: PushOptions,
    pull_options: PullOptions,
    *,
    on_event: Callable[[WatchEvent], None],
    is_over: threading.Event,
    on_progress: OnProgress | None = None,
    require: int | None = None,
) -> None:
    """Push what changes here and pull what changes there, until it is over.

    A remote that does not answer is tried again, after pauses that grow.

    Args:
        hub: of the store.
        remote: its name; None for the only one.
        push_options: what to push.
        pull_options: what to pull.
        on_event: is told of each exchange that moved something, and of what went wrong.
        is_over: set to end it, from any thread or signal handler.
        on_progress: is told how far an exchange comes.
        require: as for `dendro_sync.pull`.

    Raises:
        NotFound: there is no such remote.
        DendroError: something is wrong that does not pass by itself.
    """
    pause = FIRST_PAUSE_SEC
    while not is_over.is_set():
        try:
            with Exchange(hub, remote) as exchange:
                watching = _Watching(hub, exchange, is_over)
                try:
                    for _ in watching.rounds():
                        report = sync_by(
                            exchange, push_options, pull_options, on_progress, require=require
                        )
                        pause = FIRST_PAUSE_SEC
                        if report.moved_anything() or not report.is_complete():
                            on_event(WatchEvent(report=report))
                finally:
                    watching.close()
        except HubUnreachable as error:
            if isinstance(error, NotAHub):
                raise
            on_event(WatchEvent(error=str(error), retry_sec=pause))
            is_over.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SEC)


class _Watching:
    """Tells when there may be something to exchange. To be closed.

    Args:
        hub: of the store.
        exchange: with the remote.
        is_over: when to end.
    """

    def __init__(self, hub: LocalHub, exchange: Exchange, is_over: threading.Event) -> None:
        self._hub = hub
        self._exchange = exchange
        self._is_over = is_over
        self._is_closed = threading.Event()
        self._has_changed_there = threading.Event()
        self._listener = hub.store.listen()
        self._thread = threading.Thread(target=self._wait_there, name="dendro-watch", daemon=True)
        self._thread.start()

    def rounds(self) -> Iterator[None]:
        """Once now, and then whenever something has changed, here or there."""
        while not self._is_over.is_set():
            self._has_changed_there.clear()
            yield
            while not self._has_changed():
                self._listener.wait(LOOK_SEC)
                if self._is_over.is_set():
                    return
            self._is_over.wait(GATHER_SEC)

    def close(self) -> None:
        """Wait no more."""
        self._is_closed.set()
        self._thread.join()
        self._listener.close()

    def _has_changed(self) -> bool:
        if self._has_changed_there.is_set():
            return True
        pushed_to = self._exchange.pushed_to
        with self._hub.store.reading():
            return pushed_to is not None and self._hub.store.feed.last() > pushed_to

    def _wait_there(self) -> None:
        while not self._is_closed.is_set():
            try:
                has_changed = self._exchange.remote.wait(REMOTE_WAIT_SEC, self._is_closed.is_set)
            except DendroError:
                has_changed = True  # whoever asks it next is told
                self._is_closed.wait(FIRST_PAUSE_SEC)
            if has_changed:
                self._has_changed_there.set()
                self._listener.wake()
