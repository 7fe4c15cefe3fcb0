"""Ranges of a file as HTTP asks for them (RFC 9110, section 14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dendro_local.byte_ranges import MAX_RANGES, NoSuchBytes, byte_ranges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-3", [(0, 4)]),
        ("bytes=2-", [(2, 10)]),
        ("bytes=-3", [(7, 10)]),
        ("bytes=9-9", [(9, 10)]),
        ("Bytes=0-3", [(0, 4)]),
        ("bytes=0-1535", [(0, 10)]),
        ("bytes=-1535", [(0, 10)]),
        ("bytes=0-1,4-5", [(0, 2), (4, 6)]),
        ("bytes=8-9, 0-1 ,-1", [(8, 10), (0, 2), (9, 10)]),
        ("bytes=0-1,20-30", [(0, 2)]),
    ],
)
def test_ranges_are_cut_short_at_the_files_end_and_keep_their_order(
    header: str, expected: list[tuple[int, int]]
) -> None:
    assert byte_ranges(header, 10) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=",
        "bytes=-",
        "bytes=4-3",
        "items=0-1",
        "bytes=a-b",
        "bytes=0-1;2-3",
        "bytes=\u0660-\u0663",
        f"bytes={'9' * 5000}-",
    ],
)
def test_what_is_no_range_means_the_whole_file(header: str | None) -> None:
    assert byte_ranges(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=10-,11-12"])
def test_ranges_behind_the_end_are_no_bytes(header: str) -> None:
    with pytest.raises(NoSuchBytes):
        byte_ranges(header, 10)


@pytest.mark.parametrize("header", ["bytes=0-0", "bytes=-1", "bytes=0-"])
def test_an_empty_file_has_no_range(header: str) -> None:
    with pytest.raises(NoSuchBytes):
        byte_ranges(header, 0)


def test_so_many_ranges_that_they_are_an_attack_mean_the_whole_file() -> None:
    header = "bytes=" + ",".join("0-0" for _ in range(MAX_RANGES + 1))
    assert byte_ranges(header, 10_000) is None


def test_ranges_that_overlap_to_more_than_the_file_mean_the_whole_file() -> None:
    assert byte_ranges("bytes=0-,0-", 10) is None


@given(header=st.text(alphabet="bytes=0123456789-, ", max_size=40), size=st.integers(0, 2**60))
def test_whatever_is_asked_for_lies_in_the_file(header: str, size: int) -> None:
    try:
        ranges = byte_ranges(header, size)
    except NoSuchBytes:
        return
    for each in ranges or []:
        assert 0 <= each.first < each.end <= size
