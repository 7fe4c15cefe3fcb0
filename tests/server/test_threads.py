"""Threads in which a server calls what waits for the disk."""

import asyncio
import threading

import pytest

from dendro_local.server.threads import Threads

LIMIT_SEC = 30


def test_what_a_call_gives_or_raises_comes_back() -> None:
    threads = Threads(2, "test")

    def fail() -> None:
        raise ValueError("boom")

    async def ask() -> None:
        assert await threads.call(lambda: threading.current_thread().name) == "test_1"
        with pytest.raises(ValueError, match="boom"):
            await threads.call(fail)
        assert await threads.call(lambda: 3) == 3

    asyncio.run(ask())
    threads.close()


def test_calls_at_once_have_a_thread_each_up_to_the_most() -> None:
    threads = Threads(2, "test")
    both = threading.Barrier(2)

    def meet() -> str:
        both.wait(LIMIT_SEC)
        return threading.current_thread().name

    async def ask() -> set[str]:
        return set(await asyncio.gather(*(threads.call(meet) for _ in range(6))))

    assert asyncio.run(ask()) == {"test_1", "test_2"}
    threads.close()


def test_who_waits_no_more_keeps_nobody_from_being_answered() -> None:
    threads = Threads(1, "test")
    has_begun, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        has_begun.set()
        assert may_end.wait(LIMIT_SEC)

    async def ask() -> int:
        held = threads.call(hold)
        while not has_begun.is_set():
            await asyncio.sleep(0)
        held.cancel()
        last = threads.call(lambda: 3)
        may_end.set()
        return await last

    assert asyncio.run(ask()) == 3
    threads.close()


def test_what_has_not_begun_is_canceled_when_they_are_closed() -> None:
    threads = Threads(1, "test")
    has_begun, may_end = threading.Event(), threading.Event()

    def hold() -> int:
        has_begun.set()
        assert may_end.wait(LIMIT_SEC)
        return 3

    async def ask() -> None:
        held = threads.call(hold)
        waiting = threads.call(lambda: 4)
        while not has_begun.is_set():
            await asyncio.sleep(0)
        threads.close()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await held == 3
        with pytest.raises(RuntimeError, match="closed"):
            threads.call(lambda: 5)

    asyncio.run(ask())


def test_a_thread_that_cannot_be_begun_is_begun_by_a_later_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = Threads(2, "test")
    both = threading.Barrier(2)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def ask() -> None:
        with monkeypatch.context() as full:
            full.setattr(threading.Thread, "start", refuse)
            for _ in range(3):
                with pytest.raises(RuntimeError, match="start new thread"):
                    threads.call(lambda: 3)
        assert await asyncio.wait_for(threads.call(lambda: 4), LIMIT_SEC) == 4
        with monkeypatch.context() as full:
            full.setattr(threading.Thread, "start", refuse)
            two = [threads.call(lambda: 5), threads.call(lambda: 6)]
        assert [await each for each in two] == [5, 6]
        met = (threads.call(lambda: both.wait(LIMIT_SEC)) for _ in range(2))
        assert sorted(await asyncio.gather(*met)) == [0, 1]

    asyncio.run(ask())
    threads.close()


def test_nothing_more_begins_when_they_are_closed_after_their_loop() -> None:
    threads = Threads(1, "test")
    may_end = threading.Event()
    begun: list[int] = []

    async def ask() -> None:
        threads.call(lambda: may_end.wait(LIMIT_SEC))
        for number in range(3):
            threads.call(lambda number=number: begun.append(number))  # type: ignore[misc]  # bound here

    asyncio.run(ask())
    threads.close()
    may_end.set()
    for thread in threading.enumerate():
        if thread.name == "test_1":
            thread.join(LIMIT_SEC)

    assert begun == []
