"""Merging the feed of a bucket by the name of its remote."""

from pathlib import Path

import pytest

from dendro_local.errors import InvalidRequest
from dendro_sync import add_remote, compact_remote, pull, push
from tests.sync.conftest import Stores, greeting, ids_in


def feed_of(stores: Stores) -> list[Path]:
    return sorted((Path(stores.url) / "feed").glob("*.zst"))


def test_a_feed_of_many_segments_is_merged_and_says_the_same(stores: Stores) -> None:
    a, b = stores["a"], stores["b"]
    stores.trust("b", "a")
    for number in range(12):
        stores.complete("a", greeting(f"n{number}"))
        push(a)

    done = compact_remote(a)

    assert done.segments >= 2
    assert done.merged < done.segments
    assert pull(b).new == 12
    assert ids_in(b) == ids_in(a)
    assert compact_remote(a).segments == 0


def test_a_hub_is_not_merged(stores: Stores) -> None:
    stores.serve()
    with pytest.raises(InvalidRequest, match="only a bucket"):
        compact_remote(stores["a"])


def test_what_is_only_to_be_read_is_not_merged(stores: Stores) -> None:
    a = stores["a"]
    stores.complete("a", greeting("x"))
    push(a)
    add_remote(a, "read", stores.url, read_only=True)
    with pytest.raises(InvalidRequest, match="read-only"):
        compact_remote(a, "read")
