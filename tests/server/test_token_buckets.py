"""Buckets of requests, by a clock of the test's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dendro_local.server import token_buckets
from dendro_local.server.token_buckets import TokenBuckets


def test_a_bucket_is_full_at_first_and_then_refills_at_its_rate() -> None:
    buckets = TokenBuckets(rate=2.0, burst=3.0)

    assert [buckets.take("a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a", 0.0) == pytest.approx(0.5)
    assert buckets.take("a", 0.25) == pytest.approx(0.25)
    assert buckets.take("a", 0.5) == 0.0
    assert buckets.take("a", 0.5) == pytest.approx(0.5)


def test_names_have_buckets_of_their_own() -> None:
    buckets = TokenBuckets(rate=1.0, burst=1.0)

    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 0.0) > 0


def test_a_bucket_holds_no_more_than_its_burst() -> None:
    buckets = TokenBuckets(rate=1.0, burst=2.0)
    buckets.take("a", 0.0)

    later = 1000.0
    assert [buckets.take("a", later) > 0 for _ in range(3)] == [False, False, True]


def test_more_than_a_bucket_holds_is_taken_from_a_full_one_and_waited_for_after() -> None:
    buckets = TokenBuckets(rate=1.0, burst=5.0)

    assert buckets.take("a", 0.0, 20.0) == 0.0
    assert buckets.take("a", 0.0) == pytest.approx(16.0)
    assert buckets.take("a", 16.0) == 0.0


def test_a_charge_empties_a_bucket_and_no_more() -> None:
    buckets = TokenBuckets(rate=1.0, burst=5.0)

    for _ in range(10):
        buckets.charge("a", 0.0, 4.0)

    assert buckets.take("a", 0.0) == pytest.approx(1.0)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 4)), max_size=50))
def test_never_is_more_taken_than_the_rate_and_the_burst_allow(
    asked: list[tuple[float, float]],
) -> None:
    buckets = TokenBuckets(rate=3.0, burst=5.0)
    taken = 0.0
    for now, tokens in sorted(asked):
        if buckets.take("a", now, tokens) == 0.0:
            taken += tokens
        assert taken <= 5.0 + 3.0 * now + 1e-6


def test_buckets_that_are_full_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_buckets, "MOST_BUCKETS", 100)
    buckets = TokenBuckets(rate=1.0, burst=10.0)
    for number in range(100):
        buckets.take(number, 0.0)

    buckets.take("late", 60.0)

    assert len(buckets) == 1


def test_who_asks_by_many_names_does_not_fill_the_memory_nor_free_the_greedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(token_buckets, "MOST_BUCKETS", 100)
    buckets = TokenBuckets(rate=1.0, burst=10.0)
    buckets.charge("greedy", 0.0, 10.0)

    for number in range(1000):
        buckets.take(number, 0.0)

    assert len(buckets) <= 100
    assert buckets.take("greedy", 0.0) > 0
