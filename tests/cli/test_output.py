"""Tables, sizes, times and lengths of time."""

import time

import pytest

from dendro_local.cli.output import (
    print_fields,
    print_table,
    show_count,
    show_duration,
    show_size,
    show_time,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00 s"),
        (0.123, "0.12 s"),
        (59.6, "1 min 00 s"),
        (42, "42 s"),
        (185, "3 min 05 s"),
        (7380, "2 h 03 min"),
        (86400, "24 h 00 min"),
        (200000, "2 d 7 h"),
    ],
)
def test_a_length_of_time_is_in_the_units_that_matter(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (4_200_000, "4.2 MB"),
        (999_999_999, "1.0 GB"),
        (3_000_000_000_000, "3.0 TB"),
    ],
)
def test_a_size_is_in_the_unit_that_matters(size: int, text: str) -> None:
    assert show_size(size) == text


def test_a_time_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()

    assert show_time(1_763_000_000) == "2025-11-13 03:13:20"
    assert show_time(1_763_000_000, with_zone=True) == "2025-11-13 03:13:20 +01:00"
    monkeypatch.undo()
    time.tzset()


def test_one_thing_is_no_plural() -> None:
    assert (show_count(1, "job"), show_count(2, "job")) == ("1 job", "2 jobs")


def test_the_columns_of_a_table_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("ID", "TAGS"), [("abc", "x"), ("d", "line\nbreak")], may_cut=())

    assert capsys.readouterr().out == "ID   TAGS\nabc  x\nd    line break\n"


def test_a_table_that_is_no_terminals_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("ID", "TAGS"), [("abc", "x" * 500)], may_cut=("TAGS",))

    assert "x" * 500 in capsys.readouterr().out


def test_a_table_on_a_terminal_is_as_wide_as_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    print_table(("ID", "NAME", "TAGS"), [("i" * 20, "n" * 12, "t" * 90)], may_cut=("NAME", "TAGS"))

    assert capsys.readouterr().out.splitlines()[1] == f"{'i' * 20}  {'n' * 9}…  {'t' * 9}…"


def test_values_of_several_lines_stay_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields([("name", "a\nb"), ("x", "")], indent=2)

    assert capsys.readouterr().out == "  name  a\n        b\n  x\n"
