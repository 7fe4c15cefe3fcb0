"""How many jobs ended in the last day and how long they had waited, half hour by half hour."""

import threading
from collections.abc import Callable, Sequence
from statistics import median

import msgspec

from dendro_local.local_hub import LocalHub

__all__ = ["HALF_HOUR_SEC", "HalfHour", "Throughput"]

HALF_HOUR_SEC = 1800.0
SHOWN = 48

KEPT_SEC = 2.0
"""So long the half hour that goes on is told as it was."""


class HalfHour(msgspec.Struct, frozen=True, kw_only=True):
    """What became of jobs in half an hour, or in what has passed of it.

    ``waited_sec`` is the median time from a job's submission until it was started, of those that
    ended; None if none of them was started.
    """

    begins_at: float
    completed: int
    failed: int
    waited_sec: float | None


class Throughput:
    """The last day, of which only the half hour that goes on is asked for again.

    Safe for use by many threads.
    """

    def __init__(self, hub: LocalHub, now: Callable[[], float]) -> None:
        self._hub = hub
        self._now = now
        self._past: dict[float, HalfHour] = {}
        self._current: tuple[float, HalfHour] | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Sequence[HalfHour]:
        """The half hours, the one that goes on last."""
        with self._lock:
            now = self._now()
            begins_at = now - now % HALF_HOUR_SEC
            earlier = [begins_at - step * HALF_HOUR_SEC for step in range(SHOWN - 1, 0, -1)]
            self._past = {each: self._past.get(each) or self._ask(each) for each in earlier}
            return [*self._past.values(), self._latest(begins_at, now)]

    def _latest(self, begins_at: float, now: float) -> HalfHour:
        if self._current is not None:
            asked_at, found = self._current
            if found.begins_at == begins_at and 0 <= now - asked_at < KEPT_SEC:
                return found
        found = self._ask(begins_at)
        self._current = now, found
        return found

    def _ask(self, begins_at: float) -> HalfHour:
        until = begins_at + HALF_HOUR_SEC
        completed = self._hub.ended_between("completed", begins_at, until)
        failed = self._hub.ended_between("failed", begins_at, until)
        waited = [*completed.waited_sec, *failed.waited_sec]
        return HalfHour(
            begins_at=begins_at,
            completed=completed.number,
            failed=failed.number,
            waited_sec=median(waited) if waited else None,
        )
