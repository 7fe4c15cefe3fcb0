"""Threads in which the event loop has called what waits for the disk.

An executor of the standard library does the same and takes twice as long to hand a call over and
its answer back, which is a good part of what recording a small job takes.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["Threads"]

T = TypeVar("T")

_Asked = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Threads:
    """Up to so many threads, each begun when all others are busy. To be used on the event loop.

    Args:
        most: how many.
        name: what they are called in lists of threads.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._num_threads = 0
        self._num_open = 0
        self._is_closed = False

    def call(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Have something called in a thread; what it gives or raises.

        Raises:
            RuntimeError: they are closed, or the system lets none be begun.
        """
        if self._is_closed:
            raise RuntimeError("the threads of the server have been closed")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        if self._num_threads < min(self._num_open + 1, self._most):
            self._begin_thread()
        self._num_open += 1
        self._asked.put((call, answer, loop))
        return answer

    def close(self) -> None:
        """Begin nothing more. What has begun goes on, and what has not is canceled."""
        self._is_closed = True
        with contextlib.suppress(queue.Empty):
            while asked := self._asked.get_nowait():
                with contextlib.suppress(RuntimeError):  # the loop may be closed already
                    asked[2].call_soon_threadsafe(asked[1].cancel)
        for _ in range(self._num_threads):
            self._asked.put(None)

    def _begin_thread(self) -> None:
        # Not waited for when the process ends: what is half done then is undone, or whole.
        thread = threading.Thread(
            target=self._work, name=f"{self._name}_{self._num_threads + 1}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the system has no more of them just now
            if not self._num_threads:
                raise
        else:
            self._num_threads += 1

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            call, answer, loop = asked
            given: Any = None
            failure: BaseException | None = None
            if not answer.cancelled():
                try:
                    given = call()
                except BaseException as error:  # noqa: BLE001 - raised where it was asked for
                    failure = error
            # If the loop is closed, nobody waits for the answer any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._settle, answer, given, failure)
            del asked, call, answer, loop, given, failure  # until the next one is asked for

    def _settle(
        self, answer: "asyncio.Future[Any]", given: object, failure: BaseException | None
    ) -> None:
        self._num_open -= 1
        if answer.done():
            return  # whoever asked waits no more
        if failure is None:
            answer.set_result(given)
        else:
            answer.set_exception(failure)
