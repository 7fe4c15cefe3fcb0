"""Ending a command that runs until it is stopped."""

import contextlib
import signal
from collections.abc import Callable, Generator
from types import FrameType

__all__ = ["on_first_signal"]

SIGNALS = tuple(
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if name in signal.Signals.__members__  # Windows has no SIGHUP
)


@contextlib.contextmanager
def on_first_signal(stop: Callable[[int], None]) -> Generator[None]:
    """A block that the first signal ends in order, by calling ``stop``, and a second one at once.

    Args:
        stop: takes the signal's number. Called where any line of the main thread may be running.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: each for number, each in before.items() if each is not signal.SIG_IGN}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def on_signal(number: int, frame: FrameType | None) -> None:
        restore()
        stop(number)

    for number in before:  # not those that are ignored: nohup means it
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        restore()
