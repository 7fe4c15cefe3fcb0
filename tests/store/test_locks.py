"""Locks that tell whether a process lives."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dendro_local.store.locks import HeldLock, is_held


def test_a_lock_is_held_until_it_is_released(tmp_path: Path) -> None:
    lock = HeldLock(tmp_path / "run.lock")
    assert is_held(lock.file)

    lock.release()

    assert not is_held(lock.file)


def test_those_who_look_at_once_do_not_take_each_other_for_the_holder(tmp_path: Path) -> None:
    left = tmp_path / "run.lock"
    left.touch()  # as a process that was killed leaves it

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(is_held, [left] * 4000))

    assert not any(found)
