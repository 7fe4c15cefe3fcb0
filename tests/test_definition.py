"""What a definition hashes to, and the text that is hashed."""

import json
import lzma
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dendro_local.collation import sort_keys
from dendro_local.definition import canonical_json, definition_hash, normal_form
from dendro_local.definition_check import decode_definition
from dendro_local.errors import InvalidDefinition
from dendro_local.model import JobDefinition, JobParameter
from tests.definitions import (
    any_definitions,
    any_parameters,
    any_values,
    input_file,
    make,
    make_tree,
    output_file,
    sound_definitions,
)

KNOWN_VALUES = Path(__file__).parent / "data" / "job_definition_hash.jsonl.xz"


class Known(NamedTuple):
    """One line of the known values."""

    text: str
    tree: dict[str, Any]
    canonical: str
    sha1: str
    accepted: bool


def read_known(line: str) -> Known:
    fields = json.loads(line)
    text = line.removeprefix('{"definition":').rpartition(',"canonical":')[0]
    return Known(
        text, fields["definition"], fields["canonical"], fields["sha1"], fields["accepted"]
    )


# --- Known values ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known_values() -> list[Known]:
    with lzma.open(KNOWN_VALUES, "rt", encoding="ascii") as lines:
        return list(map(read_known, lines))


@pytest.fixture(scope="module")
def matching_values(known_values: list[Known]) -> list[Known]:
    """All but two, in which JavaScript takes a key ``__proto__`` for an object's prototype."""
    return [known for known in known_values if '"__proto__"' not in known.text]


def test_the_hash_of_hello_world_is_the_one_in_the_contract() -> None:
    expected = "bdcb6312bd8cc42bb71ad90fbebad2b2f5d305e2"
    assert definition_hash(make()) == expected
    assert definition_hash(make_tree()) == expected


def test_there_are_two_thousand_known_values(
    known_values: list[Known], matching_values: list[Known]
) -> None:
    assert len(known_values) == 2000
    assert len(matching_values) == 1998
    assert sum(known.accepted for known in known_values) == 1769


def test_every_known_definition_has_its_canonical_json(matching_values: list[Known]) -> None:
    for known in matching_values:
        assert canonical_json(known.tree).decode() == known.canonical, known.text


def test_every_known_definition_has_its_hash(matching_values: list[Known]) -> None:
    for known in matching_values:
        assert definition_hash(known.tree) == known.sha1, known.text


def test_every_accepted_definition_has_the_same_hash_as_a_record(
    known_values: list[Known],
) -> None:
    for known in known_values:
        if known.accepted:
            definition = normal_form(decode_definition(known.text))
            assert canonical_json(definition).decode() == known.canonical, known.text
            assert definition_hash(definition) == known.sha1, known.text


def test_exactly_the_accepted_definitions_decode(known_values: list[Known]) -> None:
    for known in known_values:
        assert decodes(known.text) == known.accepted, known.text
        assert decodes(known.tree) == known.accepted, known.text


def decodes(raw: bytes | str | Mapping[str, object]) -> bool:
    try:
        decode_definition(raw)
    except InvalidDefinition:
        return False
    return True


# --- Normal form and hash --------------------------------------------------------------------


def test_the_normal_form_has_all_entries_in_the_order_of_their_names() -> None:
    definition = make(
        inputFiles=[input_file("input[2]"), input_file("input[10]")],
        outputFiles=[output_file("ab"), output_file("a_b")],
        parameters=[JobParameter(name="B", value=1), JobParameter(name="a", value=2)],
    )
    normal = normal_form(definition)
    assert [file.name for file in normal.inputFiles] == ["input[10]", "input[2]"]
    assert [file.name for file in normal.outputFiles] == ["a_b", "ab"]
    assert [parameter.name for parameter in normal.parameters] == ["a", "B"]


def test_entries_of_one_name_keep_their_order() -> None:
    definition = make(parameters=[JobParameter(name=name, value=name) for name in "bab"])
    twice = [JobParameter(name="a", value=value) for value in (2, 1)]
    assert [p.name for p in normal_form(definition).parameters] == ["a", "b", "b"]
    assert normal_form(make(parameters=twice)).parameters == twice


@given(any_definitions)
def test_a_normal_form_is_its_own_normal_form(definition: JobDefinition) -> None:
    normal = normal_form(definition)
    assert normal_form(normal) is normal


@given(any_definitions)
def test_a_definition_has_the_hash_of_its_normal_form(definition: JobDefinition) -> None:
    assert definition_hash(normal_form(definition)) == definition_hash(definition)


@given(any_definitions)
def test_a_record_and_its_values_print_alike(definition: JobDefinition) -> None:
    assert canonical_json(definition) == canonical_json(msgspec.to_builtins(definition))


@given(sound_definitions)
def test_canonical_json_decodes_to_a_definition_of_the_same_hash(
    definition: JobDefinition,
) -> None:
    decoded = decode_definition(canonical_json(definition))
    assert definition_hash(decoded) == definition_hash(definition)


@given(any_definitions, st.randoms())
def test_the_order_of_keys_does_not_change_the_hash(definition: JobDefinition, random: Any) -> None:
    tree = msgspec.to_builtins(definition)
    assert definition_hash(shuffled_keys(tree, random)) == definition_hash(tree)


def shuffled_keys(tree: Any, random: Any) -> Any:
    if isinstance(tree, list):
        return [shuffled_keys(item, random) for item in tree]
    if not isinstance(tree, dict):
        return tree
    keys = random.sample(list(tree), len(tree))
    return {key: shuffled_keys(tree[key], random) for key in keys}


@given(any_parameters, st.randoms())
def test_the_order_of_entries_that_sort_apart_does_not_change_the_hash(
    entries: list[JobParameter], random: Any
) -> None:
    assume(len(set(sort_keys([entry.name for entry in entries]))) == len(entries))
    shuffled = random.sample(entries, len(entries))
    assert definition_hash(make(parameters=shuffled)) == definition_hash(make(parameters=entries))


@given(any_definitions, any_values)
def test_another_value_gives_another_hash_unless_it_prints_alike(
    definition: JobDefinition, value: Any
) -> None:
    changed = msgspec.structs.replace(
        definition, parameters=[*definition.parameters, JobParameter(name="x", value=value)]
    )
    assert definition_hash(changed) != definition_hash(definition)


def test_entries_that_must_be_sorted_need_names() -> None:
    with pytest.raises(InvalidDefinition, match="no name"):
        definition_hash(make_tree(parameters=[{"value": 1}, {"name": "a", "value": 1}]))


def test_a_value_that_json_does_not_have_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="PurePosixPath"):
        canonical_json(make_tree(extra=[PurePosixPath("a")]))


# --- How values print ------------------------------------------------------------------------


def printed(value: object) -> str:
    """The value of the one parameter, as it stands in the canonical JSON of record and values."""
    text = canonical_json(make(value)).decode()
    assert canonical_json(make_tree(parameters=[{"name": "name", "value": value}])).decode() == text
    return text.partition('"value":')[2].partition('}],"processorName"')[0]


# What node prints: `JSON.stringify(x)`.
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-1.0, "-1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (123456789.125, "123456789.125"),
        (2**53, "9007199254740992"),
        (2**53 + 1, "9007199254740992"),
        (-(2**53) - 3, "-9007199254740996"),
        (2**64, "18446744073709552000"),
        (1e15, "1000000000000000"),
        (1e16, "10000000000000000"),
        (123456789012345680.0, "123456789012345680"),
        (1.2345678901234567e20, "123456789012345670000"),
        (1e20, "100000000000000000000"),
        (999999999999999900000.0, "999999999999999900000"),
        (1e21, "1e+21"),
        (-1e21, "-1e+21"),
        (10**21, "1e+21"),
        (1e300, "1e+300"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (0.000123, "0.000123"),
        (4.35e-5, "0.0000435"),
        (1e-6, "0.000001"),
        (-1.5e-6, "-0.0000015"),
        (9.999e-7, "9.999e-7"),
        (1e-7, "1e-7"),
        (-1.5e-7, "-1.5e-7"),
        (5e-324, "5e-324"),
        (10**400, "null"),
        (float("inf"), "null"),
        (float("-inf"), "null"),
        (float("nan"), "null"),
    ],
)
def test_numbers_print_as_javascript_prints_them(number: float, expected: str) -> None:
    assert printed(number) == expected
    assert printed([1, number]) == f"[1,{expected}]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"\\/', '"\\"\\\\/"'),
        ("\b\f\n\r\t", '"\\b\\f\\n\\r\\t"'),
        ("\x00\x0b\x1f", '"\\u0000\\u000b\\u001f"'),
        ("\x7f\x80\u2028\ufeffé😀", '"\x7f\x80\u2028\ufeffé😀"'),
        ("a\ud800b\udfff", '"a\\ud800b\\udfff"'),
        ("\udfff\ud800é", '"\\udfff\\ud800é"'),
        ("\ud83d\ude00", '"😀"'),
    ],
)
def test_strings_escape_only_what_the_contract_says(text: str, expected: str) -> None:
    assert printed(text) == expected
    assert printed([text, text]) == f"[{expected},{expected}]"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        ([True, False], "[true,false]"),
        ([], "[]"),
        ([[1.0], []], "[[1],[]]"),
        ({"b": {"10": 1, "9": 2}, "B": 0.5}, '{"B":0.5,"b":{"10":1,"9":2}}'),
        ({"\ue000": 1, "\U00010000": 2, "\udfff": 3}, '{"\U00010000":2,"\\udfff":3,"\ue000":1}'),
    ],
)
def test_nested_values_print_without_spaces_and_with_keys_by_utf16_unit(
    value: object, expected: str
) -> None:
    assert printed(value) == expected


def test_a_whole_number_has_one_hash_as_integer_and_as_float() -> None:
    assert definition_hash(make(300.0)) == definition_hash(make(300))
    assert definition_hash(make([1.0, 2])) == definition_hash(make([1, 2.0]))
