"""Ranges of a file as HTTP asks for them."""

import pytest

from dendro_local.compute.loopback_hub.byte_range import NoSuchBytes, byte_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-3", (0, 4)),
        ("bytes=2-", (2, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=9-9", (9, 10)),
        ("bytes= 0 - 3 ", (0, 4)),
        ("bytes=0-1535", (0, 10)),
        ("bytes=-1535", (0, 10)),
    ],
)
def test_a_range_is_cut_short_at_the_files_end(header: str, expected: tuple[int, int]) -> None:
    assert byte_range(header, 10) == expected


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=", "bytes=-", "bytes=4-3", "bytes=0-1,4-5", "items=0-1", "bytes=a-b"],
)
def test_what_is_no_range_means_the_whole_file(header: str | None) -> None:
    assert byte_range(header, 10) is None


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0)])
def test_bytes_behind_the_end_are_told_apart(header: str, size: int) -> None:
    with pytest.raises(NoSuchBytes):
        byte_range(header, size)
