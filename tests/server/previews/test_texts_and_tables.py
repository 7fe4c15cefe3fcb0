"""Parts of texts, bytes and tables."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dendro_local.server.previews.kinds import file_format
from dendro_local.server.previews.tables import table_part
from dendro_local.server.previews.texts import PART_BYTES, hex_part, text_part
from dendro_local.v1 import TablePart, TextPart


@contextmanager
def opened(file: Path) -> Iterator[tuple[int, int]]:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        yield descriptor, os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def text_of(folder: Path, content: bytes, first: int = 0) -> TextPart:
    (folder / "a.txt").write_bytes(content)
    with opened(folder / "a.txt") as (descriptor, size):
        return text_part(descriptor, size, first)


def table_of(folder: Path, content: bytes, first: int = 0, name: str = "a.csv") -> TablePart | None:
    (folder / name).write_bytes(content)
    with opened(folder / name) as (descriptor, size):
        return table_part(descriptor, size, name, first)


def test_the_parts_of_a_text_are_the_text(tmp_path: Path) -> None:
    content = "".join(f"line {number} ü\n" for number in range(20_000)).encode()

    found, place = "", 0
    while True:
        part = text_of(tmp_path, content, place)
        assert part.first == place
        assert part.text.endswith("\n")
        found += part.text
        if part.next is None:
            break
        place = part.next

    assert found.encode() == content


def test_a_text_of_one_long_line_is_cut_between_characters(tmp_path: Path) -> None:
    content = ("ü" * PART_BYTES).encode()
    first = text_of(tmp_path, content)
    assert set(first.text) == {"ü"}
    second = text_of(tmp_path, content, PART_BYTES + 1)
    assert set(second.text) == {"ü"}
    assert second.previous is not None


def test_a_place_counts_from_the_end_if_it_is_negative(tmp_path: Path) -> None:
    content = b"".join(b"line %d\n" % number for number in range(20_000))
    part = text_of(tmp_path, content, -100)
    assert part.text.endswith("line 19999\n")
    assert len(part.text) <= 100
    assert part.next is None


def test_behind_the_end_of_a_text_there_is_nothing(tmp_path: Path) -> None:
    part = text_of(tmp_path, b"short", 1_000_000)
    assert (part.text, part.next) == ("", None)


def test_what_would_control_a_screen_is_shown_as_its_picture(tmp_path: Path) -> None:
    part = text_of(tmp_path, b"a\x1b[31mred\x00\xff\tb\r\n")
    assert part.text == "a\N{SYMBOL FOR ESCAPE}[31mred\N{SYMBOL FOR NULL}\ufffd\tb\r\n"


def test_a_text_of_a_gigabyte_is_read_only_where_it_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "large.txt"
    with file.open("wb") as stream:
        stream.write(b"the beginning\n" * 10_000)
        stream.truncate(1 << 30)
        stream.seek(0, os.SEEK_END)
        stream.write(b"\nthe end\n")
    with opened(file) as (descriptor, size):
        assert text_part(descriptor, size, 0).text.startswith("the beginning\n")
        assert text_part(descriptor, size, -9).text == "the end\n"


def test_bytes_are_shown_in_rows_of_sixteen(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(bytes(range(256)) * 4)
    with opened(file) as (descriptor, size):
        part = hex_part(descriptor, size, 65)
    rows = part.text.split("\n")
    assert rows[0].split("  ")[0] == "0000000040"
    assert rows[0].endswith("@ABCDEFGHIJKLMNO")
    assert (part.first, part.end, part.next) == (64, 576, 576)


def test_the_first_row_of_a_table_names_its_columns(tmp_path: Path) -> None:
    found = table_of(tmp_path, b'\xef\xbb\xbfname,value\n"a, ""b""",1\n"two\nlines",2\n')
    assert found is not None
    assert found.columns == ["name", "value"]
    assert found.rows == [['a, "b"', "1"], ["two\nlines", "2"]]
    assert found.next is None


def test_the_pages_of_a_table_are_all_of_its_rows(tmp_path: Path) -> None:
    rows = [[f"row {number}", str(number)] for number in range(1000)]
    content = b"name\tvalue\n" + "".join("\t".join(row) + "\n" for row in rows).encode()

    found: list[list[str]] = []
    place: int | None = 0
    while place is not None:
        part = table_of(tmp_path, content, place, "a.tsv")
        assert part is not None
        assert part.columns == ["name", "value"]
        found += part.rows
        place = part.next

    assert found == rows


def test_a_wide_table_and_a_long_cell_are_cut(tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(1000))
    found = table_of(tmp_path, f"{header}\n{'x' * 5000}\n".encode())
    assert found is not None
    assert (len(found.columns), found.columns_left_out) == (100, 900)
    assert found.rows == [["x" * 200 + "…"]]


@pytest.mark.parametrize(
    "content",
    [b'a,b\n"never closed' + b"x" * 1_000_000, b"x" * 1_000_000, b"a\n" + b"," * 1_000_000],
)
def test_what_has_no_rows_that_end_is_no_table(tmp_path: Path, content: bytes) -> None:
    assert table_of(tmp_path, content) is None


@pytest.mark.parametrize(
    ("name", "head", "shown"),
    [
        ("a.txt", b"text", "text"),
        ("a.bin", b"\0\1\2", "bytes"),
        ("a", b"\x89HDF\r\n\x1a\n", "hdf5"),
        ("a.nwb", b"no HDF5", "text"),
        ("a.nwb.lindi.json", b"{", "lindi"),
        ("a.LINDI.tar", b"", "lindi"),
        ("a.tar", b".tar_entry.json\0", "lindi"),
        ("a.json", b"{", "json"),
        ("a.csv", b"a,b", "table"),
        ("a.mp4", b"\0\0\0\x18ftyp", "video"),
        ("a.wav", b"RIFF", "audio"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "image"),
        ("a.png", b"<html>", "text"),
        ("a.webp", b"RIFF\n\0\0\0WEBP", "image"),
        ("a.svg", b"<svg>", "text"),
        ("a.html", b"<html>", "text"),
        ("a.json", b"\0\0", "bytes"),
    ],
)
def test_a_file_is_shown_as_what_it_is(name: str, head: bytes, shown: str) -> None:
    assert file_format(name, head) == shown
