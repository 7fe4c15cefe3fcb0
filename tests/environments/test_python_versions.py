"""``requires-python``: which releases of Python are asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from dendro_local.environments.python_versions import admits

numbers = st.integers(min_value=0, max_value=15).map(str)
versions = st.lists(numbers, min_size=1, max_size=3).map(".".join)
clauses = st.one_of(
    st.tuples(st.sampled_from(["==", "!=", "<=", ">=", "<", ">"]), versions).map("".join),
    st.tuples(st.sampled_from(["==", "!="]), versions, st.just(".*")).map("".join),
    st.tuples(st.just("~="), numbers, st.just("."), versions).map("".join),
)
specifiers = st.lists(clauses, max_size=3).map(" , ".join)
releases = st.tuples(st.just(3), st.integers(0, 15), st.integers(0, 15))


@given(specifiers, releases)
def test_releases_are_judged_as_packaging_does(
    specifiers: str, release: tuple[int, int, int]
) -> None:
    expected = SpecifierSet(specifiers).contains(".".join(map(str, release)))

    assert admits(specifiers, release) is expected


@pytest.mark.parametrize("text", ["3.11", ">=3.x", ">=", "~=3", ">=3.*", ">=3.11 <3.13", "any"])
def test_what_is_no_specifier_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no version specifier"):
        admits(text, (3, 11, 7))


def test_all_specifiers_are_read_even_if_the_first_decides() -> None:
    with pytest.raises(ValueError, match="any"):
        admits("<3, any", (3, 11, 7))
