"""Waiting for news in a bucket."""

import threading
from pathlib import Path

from dendro_sync.remotes.bucket import BucketRemote, waiting
from dendro_sync.selection import Selection
from tests.sync.bucket.conftest import served
from tests.sync.bucket.made_entries import KEY, job_entries


def pushed_soon(url: str, threads: list[threading.Thread]) -> None:
    """Push while somebody waits."""
    writer = BucketRemote.at(url, key=KEY)

    def push() -> None:
        writer.put(list(job_entries(1).values()))
        writer.close()

    threads.append(threading.Timer(0.1, push))
    threads[-1].start()


def test_a_push_ends_the_wait_for_it(folder_url: str, tmp_path: Path) -> None:
    writer = BucketRemote.at(folder_url, key=KEY)
    writer.put(list(job_entries(1).values()))
    threads: list[threading.Thread] = []
    with served(tmp_path / "bucket") as url:
        for seen in (folder_url, url):
            reader = BucketRemote.at(seen)
            list(reader.changes("", Selection()))
            pushed_soon(folder_url, threads)

            assert reader.wait(60, lambda: False)

            assert reader.feed.has_more()
            threads[-1].join()
            reader.close()
    writer.close()


def test_the_wait_ends_with_its_time_and_when_it_is_over(folder_url: str) -> None:
    remote = BucketRemote.at(folder_url, key=KEY)
    assert remote.wait(0, lambda: False)  # nobody has looked yet
    remote.put(list(job_entries(1).values()))

    assert not remote.wait(0.01, lambda: False)
    asked = iter([False, False, True, True, True])
    assert not remote.wait(60, lambda: next(asked))
    remote.close()


def test_who_waits_for_long_asks_seldom() -> None:
    assert waiting.LONGEST_PAUSE_SEC >= 10
