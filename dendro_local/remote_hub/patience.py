"""How long something is tried again, and with what pauses."""

import math
import random
import threading
import time

from dendro_local.errors import DendroError, HubUnreachable, NotAHub

__all__ = ["BrokenOff", "HubBusy", "Patience"]

FIRST_PAUSE_SEC = 0.25
LONGEST_PAUSE_SEC = 5.0


class HubBusy(HubUnreachable):
    """The hub cannot answer now, and may say when it can."""

    def __init__(self, message: str, retry_after_sec: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_sec = retry_after_sec


class BrokenOff(HubUnreachable):
    """A connection to the hub broke, over which something had come or gone until then."""


class Patience:
    """Lets something be tried again for so long after it last got further.

    Only the time counts in which nothing came: not that of an attempt whose connection broke while
    it got on, however slowly. Who has endless patience also waits for a hub to be back where
    something else answers.

    Args:
        patience_sec: how long.
        is_closed: set when nothing is to be tried any more.
    """

    def __init__(self, patience_sec: float, is_closed: threading.Event) -> None:
        self._patience_sec = patience_sec
        self._is_closed = is_closed
        self.renew()

    def renew(self) -> None:
        """It got further: begin anew to be patient."""
        self._began = time.monotonic()
        self._deadline = self._began + self._patience_sec
        self._pause = FIRST_PAUSE_SEC

    def pause(self, error: DendroError) -> None:
        """Wait before the next attempt.

        Raises:
            DendroError: the error of the last one, if there is to be none.
        """
        if isinstance(error, NotAHub) and self._patience_sec < math.inf:
            raise error
        if isinstance(error, BrokenOff):
            self._deadline += time.monotonic() - self._began
        # Not all at the same moment, when a hub comes back.
        wait = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        if isinstance(error, HubBusy) and error.retry_after_sec is not None:
            wait = max(wait, error.retry_after_sec)
        if time.monotonic() + wait > self._deadline or self._is_closed.wait(wait):
            raise error
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SEC)
        self._began = time.monotonic()
