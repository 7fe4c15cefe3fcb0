"""The order of names is ICU's root collation, whether the table or ICU itself gives it."""

import subprocess
import sys
from itertools import pairwise
from operator import itemgetter
from typing import Any

import icu
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dendro_local.collation import sort_keys, sorted_by_name

ascii_characters = st.characters(max_codepoint=0x7F)
# Few characters, so that names often tie in all but case, or in all but what the order ignores.
similar_names = st.text(st.sampled_from("aAbB_-.[0\x00\x7f\t"), max_size=4)


@pytest.fixture(scope="module")
def icu_collator() -> Any:
    return icu.Collator.createInstance(icu.Locale.getRoot())


def in_order(*names: str) -> list[str]:
    return sorted_by_name(list(names), str)


def test_separators_come_before_digits_and_lower_case_before_upper() -> None:
    expected = ["a_b", "a-b", "a.b", "a0", "ab", "aB", "Ab"]
    assert in_order(*reversed(expected)) == expected


def test_the_tenth_entry_of_a_list_input_comes_before_the_second() -> None:
    assert in_order("input[2]", "input[10]", "input[1]") == ["input[1]", "input[10]", "input[2]"]


def test_every_printing_ascii_character_has_its_place() -> None:
    expected = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789aAbBcCzZ"
    assert "".join(in_order(*sorted(expected))) == expected


def test_case_decides_only_where_nothing_else_does() -> None:
    assert in_order("B", "a", "A", "b", "Aa", "aA") == ["a", "A", "aA", "Aa", "b", "B"]


def test_equal_names_keep_their_order() -> None:
    items = [("b", 1), ("a", 2), ("b", 3), ("a", 4)]
    assert sorted_by_name(items, itemgetter(0)) == [("a", 2), ("a", 4), ("b", 1), ("b", 3)]


@pytest.mark.parametrize("name", ["z", "é"], ids=["ascii", "other"])
def test_names_that_differ_in_control_characters_only_keep_their_order(name: str) -> None:
    tied = [f"{name}\x7f", name, f"\x00{name}", f"{name}\x1f"]
    assert in_order("zz", *tied) == [*tied, "zz"]


def test_a_list_in_order_is_returned_as_it_is() -> None:
    names = ["a", "a", "b\x00", "B"]
    assert sorted_by_name(names, str) is names


def test_a_list_out_of_order_is_left_as_it_is() -> None:
    names = ["b", "a"]
    assert sorted_by_name(names, str) == ["a", "b"]
    assert names == ["b", "a"]


def test_the_name_of_a_single_item_is_not_asked_for() -> None:
    def refuse(item: object) -> str:
        raise AssertionError(item)

    assert sorted_by_name([1], refuse) == [1]
    assert sorted_by_name(list[int](), refuse) == []


def test_letters_with_accents_sort_beside_their_letter() -> None:
    expected = ["_", "-", "e", "E", "é", "É", "f", "œ", "ss", "ß", "z", "Z"]
    assert in_order(*sorted(expected)) == expected


def test_half_a_surrogate_pair_has_a_place_of_its_own_beside_other_characters() -> None:
    # The order that node's localeCompare gives.
    expected = ["\U0001f600", "\ud800\U0001f600", "\ufffd\U0001f600"]
    assert in_order(*reversed(expected)) == expected


@given(st.lists(st.text(ascii_characters) | similar_names))
@example([chr(code) for code in range(0x80)])
def test_the_table_agrees_with_icu_on_ascii_names(icu_collator: Any, names: list[str]) -> None:
    assert in_order(*names) == sorted(names, key=icu_collator.getSortKey)


@given(similar_names, similar_names)
def test_the_table_ties_where_icu_ties(icu_collator: Any, one: str, other: str) -> None:
    one_key, other_key = sort_keys([one, other])
    assert (one_key == other_key) == (icu_collator.compare(one, other) == 0)


@given(st.lists(st.text() | similar_names), st.text(min_size=1))
def test_one_name_outside_ascii_has_the_whole_list_sorted_by_icu(
    icu_collator: Any, names: list[str], other: str
) -> None:
    ordered = in_order(*names, other, "é")
    assert all(icu_collator.compare(*pair) <= 0 for pair in pairwise(ordered))


@pytest.mark.process
def test_icu_is_not_loaded_for_ascii_names() -> None:
    script = (
        "import sys; from dendro_local.collation import sorted_by_name;"
        "sorted_by_name(['b', 'a', 'A'], str); sys.exit('icu' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
