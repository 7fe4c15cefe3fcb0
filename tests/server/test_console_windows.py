"""Parts of a console: the same whole, however it is cut, and found wherever a text is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dendro_local.server import console_windows
from dendro_local.server.console_windows import Lines, find_text, lines_between

LAST = 2**53


@pytest.fixture
def console(tmp_path: Path) -> Path:
    return tmp_path / "console.txt"


def texts(found: Lines) -> list[str]:
    return [text for _, text in found.lines]


def test_a_part_begins_and_ends_where_lines_do(console: Path) -> None:
    console.write_bytes(b"first\nsecond\nthird\nfourth")

    found = lines_between(console, 8, 14)

    assert found.lines == [(6, "second"), (13, "third")]
    assert (found.start, found.end, found.size, found.is_line_open) == (6, 19, 25, False)
    assert texts(lines_between(console, 6, 13)) == ["second"]
    assert texts(lines_between(console, -3, LAST)) == ["fourth"]
    assert lines_between(console, -3, LAST).is_line_open


def test_what_is_not_there_has_no_lines(console: Path) -> None:
    assert lines_between(console, 0, LAST).size == 0
    console.write_bytes(b"")
    assert lines_between(console, -100, LAST).lines == []
    assert find_text(console, "x", 0).has_ended


def test_half_a_character_is_left_until_the_rest_is_printed(console: Path) -> None:
    console.write_bytes("caf\u00e9".encode()[:-1])

    growing, final = lines_between(console, 0, LAST), lines_between(console, 0, LAST, is_final=True)

    assert (texts(growing), growing.end) == (["caf"], 3)
    assert (texts(final), final.end) == (["caf\ufffd"], 4)


def test_of_a_line_without_end_a_part_is_given(console: Path) -> None:
    console.write_bytes(b"x" * (2 << 20) + b"\nlast\n")

    found = lines_between(console, 1 << 20, LAST)

    assert found.start == 1 << 20
    assert found.end - found.start == console_windows.MOST_BYTES
    following = lines_between(console, found.end, found.end + 1000, align="end")
    assert following.start == found.end
    preceding = lines_between(console, found.start - 1000, found.start, align="begin")
    assert preceding.end == found.start


@given(
    content=st.lists(
        st.sampled_from([b"a", b"bc\n", b"\n", b"\r", "\u00e9\u20ac".encode(), b"\xff", b"d" * 30]),
        max_size=80,
    ).map(b"".join),
    step=st.integers(1, 40),
)
def test_windows_one_after_another_have_every_line_once(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, step: int
) -> None:
    console = tmp_path_factory.getbasetemp() / "windows.txt"
    console.write_bytes(content)

    at, pieces = 0, list[tuple[int, str]]()
    while at < len(content):
        found = lines_between(console, at, at + step, align="end", is_final=True)
        assert found.start == at
        pieces += found.lines
        at = found.end

    whole = lines_between(console, 0, LAST, is_final=True).lines
    assert pieces == whole
    assert "\n".join(text for _, text in whole) == content.decode(errors="replace").removesuffix(
        "\n"
    )
    for begin in range(0, len(content), 7):
        one = lines_between(console, begin, begin + 1, is_final=True).lines
        assert one[0] in whole


@pytest.mark.parametrize("piece_bytes", [4, 7, 1000])
def test_a_text_is_found_across_pieces_in_both_directions(
    console: Path, monkeypatch: pytest.MonkeyPatch, piece_bytes: int
) -> None:
    monkeypatch.setattr(console_windows, "PIECE_BYTES", piece_bytes)
    console.write_bytes(b"..Needle....needle...NEEDLE")

    assert find_text(console, "needle", 0).at == 2
    assert find_text(console, "NEEDLE", 3).at == 12
    assert find_text(console, "needle", 13).at == 21
    assert find_text(console, "needle", 22) == console_windows.Match(
        at=None, searched_to=27, has_ended=True, size=27
    )
    assert find_text(console, "needle", 27, backwards=True).at == 21
    assert find_text(console, "needle", 21, backwards=True).at == 12
    assert find_text(console, "needle", 12, backwards=True).at == 2
    assert find_text(console, "needle", 2, backwards=True).has_ended


def test_a_long_search_is_gone_on_with(console: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_windows, "PIECE_BYTES", 10)
    monkeypatch.setattr(console_windows, "SEARCHED_BYTES", 20)
    console.write_bytes(b"." * 50 + b"here")

    first = find_text(console, "here", 0)

    assert (first.at, first.searched_to, first.has_ended) == (None, 20, False)
    assert find_text(console, "here", 40).at == 50
    assert not find_text(console, "none", 54, backwards=True).has_ended
