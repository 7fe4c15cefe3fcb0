"""Which definitions are taken, and what is said of those that are not."""

import json
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import pytest
from hypothesis import given

from dendro_local.definition_check import check_definition, decode_definition
from dendro_local.errors import InvalidDefinition
from dendro_local.file_urls import MAX_PART_BYTES
from dendro_local.model import JobDefinition, JobOutputFile, JobParameter
from tests.definitions import (
    OWN_FILES,
    input_file,
    make,
    make_tree,
    output_file,
    sound_definitions,
)

# --- What is decoded -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"extra": 1}, "the job definition: .*unknown field `extra`. Its fields: appName, cache"),
        ({"appName": None}, "^appName: Expected `str`, got `null`"),
        ({"cacheBust": None}, "^cacheBust: Expected `str`, got `null`"),
        ({"inputFiles": {}}, "^inputFiles: Expected `array`, got `object`"),
        ({"inputFiles": [{"name": "x", "url": "u"}]}, r"inputFiles\[0\] of 'x': .*`fileBaseName`"),
        (
            {"outputFiles": [{"name": "o", "fileBaseName": "f", "urlDeterminedAtRuntime": None}]},
            r"^outputFiles\[0\].urlDeterminedAtRuntime of 'o': Expected `bool`, got `null`",
        ),
        (
            {"parameters": [{"name": "p", "value": 1, "unit": "s"}]},
            r"^parameters\[0\] of 'p': .*unknown field `unit`. Its fields: name, value",
        ),
        ({"parameters": [{"value": 1}]}, r"^parameters\[0\]: Object missing .* `name`"),
        ({"parameters": [3]}, r"^parameters\[0\]: Expected `object`, got `int`"),
        (
            {"parameters": [{"name": "p", "value": {}}]},
            r"^parameters\[0\].value of 'p': .*got `object`. Allowed: a string, a number",
        ),
        (
            {"parameters": [{"name": "p", "value": [[1]]}]},
            r"^parameters\[0\].value\[0\] of 'p': .*got `array`. Allowed: ",
        ),
        (
            {"parameters": [{"name": "a", "value": 1}, {"name": "p", "value": [1, True]}]},
            r"^parameters\[1\].value of 'p' mixes .* Allowed: ",
        ),
        ({"x` - at `$.parameters[9]": 1}, "unknown field"),
        ({"\ud800": 1}, "surrogate"),
    ],
)
def test_a_refusal_names_the_field_and_what_is_allowed(fields: Any, message: str) -> None:
    tree = make_tree(**fields)
    for raw in (tree, json.dumps(tree)):
        with pytest.raises(InvalidDefinition, match=message):
            decode_definition(raw)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff", "{", "NaN", "[" * 100_000, '{"appName":"\ud800'],
    ids=["empty", "no_utf8", "cut_off", "constant", "deep", "half_pair"],
)
def test_what_is_not_json_is_refused_as_such(raw: bytes | str) -> None:
    with pytest.raises(InvalidDefinition, match="is not JSON"):
        decode_definition(raw)


@pytest.mark.parametrize("raw", ["null", "[]", '"x"', "1"])
def test_json_that_is_no_object_is_refused(raw: str) -> None:
    with pytest.raises(InvalidDefinition, match="the job definition: Expected `object`"):
        decode_definition(raw)


@pytest.mark.parametrize(
    ("old", "new", "same_as"),
    [
        ('"world"', '"\\ud83d\\ude00"', make("😀")),
        ('"world"', '"\\ud800"', make("\ud800")),
        ('"world"', "1e400", make(float("inf"))),
        ('"world"', "9" * 5000, make(float("inf"))),
        ('"world"', "123456789012345678901", make(123456789012345678901)),
        ('"hello_world"', '1,"appName":"hello_world"', make()),
    ],
    ids=["pair", "half_pair", "overflow", "long_overflow", "large", "key_twice"],
)
def test_what_json_parse_takes_is_taken(old: str, new: str, same_as: JobDefinition) -> None:
    raw = json.dumps(make_tree()).replace(old, new, 1)
    assert decode_definition(raw) == same_as
    assert decode_definition(raw.encode()) == same_as


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constants_that_only_python_reads_are_refused(constant: str) -> None:
    with pytest.raises(InvalidDefinition, match="is not JSON"):
        decode_definition(json.dumps(make_tree()).replace('"world"', constant))


# --- What is checked -------------------------------------------------------------------------


class Color(Enum):
    RED = "red"


class Scalar(float):
    """Like numpy's float64, which is a float and is not what JSON libraries take for one."""


class Array:
    """The part of an array that matters here."""

    def tolist(self) -> list[int]:
        return [1]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a/b",
        "\x00",
        "é😀",
        True,
        0,
        2**53,
        -(2**53),
        1e300,
        0.5,
        None,
        [],
        [1, 2.5],
        ["a", "é"],
    ],
)
def test_what_the_contract_can_carry_passes_the_check(value: object) -> None:
    check_definition(make(value))


@pytest.mark.parametrize("name", ["hello world", "a.b", "input[0]", "-", "é", "%2F", "...", "😀"])
def test_names_that_can_be_file_names_pass_the_check(name: str) -> None:
    files = {"inputFiles": [input_file(name, name)], "outputFiles": [output_file(name, name)]}
    check_definition(make(appName=name, processorName=name, cacheBust="", **files))
    check_definition(make(parameters=[JobParameter(name="units.path/x\n", value=1)]))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "is nan, which JSON does not have. Pass None or a string"),
        (float("-inf"), "is -inf, which JSON does not have"),
        (2**53 + 1, r"is an integer beyond 2\*\*53.* Pass it as a string"),
        pytest.param(-(10**5000), "is an integer beyond", id="five_thousand_digits"),
        ("a\ud800", r"has half a surrogate pair, '\\ud800', at 1"),
        (Scalar(1), r"is of type .*Scalar. Allowed: a string, .*; convert it with float\(...\)"),
        (Fraction(1, 2), r"is of type fractions.Fraction.* convert it with float\(...\)"),
        (Decimal(1), "is of type decimal.Decimal. Allowed: "),
        (Color.RED, "is of type .*Color.*; pass its .value"),
        (PurePosixPath("a"), r"is of type pathlib.PurePosixPath.* convert it with str\(...\)"),
        (b"a", r"is of type bytes.* convert it with .decode\(\)"),
        ({"a": 1}, r"is of type dict.* convert it with json.dumps\(...\)"),
        ((1, 2), r"is of type tuple.* convert it with list\(...\)"),
        (Array(), r"is of type .*Array.* convert it with .tolist\(\)"),
        ([1, "a"], "mixes strings, numbers and booleans"),
        ([1, True], "mixes strings, numbers and booleans"),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused_with_advice(value: object, message: str) -> None:
    with pytest.raises(InvalidDefinition, match=rf"^parameters\[0\].value of 'name' {message}"):
        check_definition(make(value))


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (None, "is None. Allowed: .* a list of only strings"),
        ([1], r"is of type list.* convert it with json.dumps\(...\)"),
        (float("nan"), "is nan"),
        (2**60, "is an integer beyond"),
        (Scalar(1), r"convert it with float\(...\)"),
    ],
)
def test_a_list_is_refused_for_what_is_in_it(item: object, message: str) -> None:
    with pytest.raises(
        InvalidDefinition, match=rf"^parameters\[0\].value\[1\] of 'name' .*{message}"
    ):
        check_definition(make([1, item]))


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "a\x00", "\n", "\x7f", "\x85", "a\udc00", "/", b"a", None],
)
@pytest.mark.parametrize(
    ("field", "make_with"),
    [
        ("appName", lambda name: make(appName=name)),
        ("processorName", lambda name: make(processorName=name)),
        ("inputFiles[0].name", lambda name: make(inputFiles=[input_file(name)])),
        ("inputFiles[0].fileBaseName", lambda name: make(inputFiles=[input_file(base=name)])),
        ("outputFiles[0].name", lambda name: make(outputFiles=[output_file(name)])),
        ("outputFiles[0].fileBaseName", lambda name: make(outputFiles=[output_file(base=name)])),
    ],
)
def test_names_that_cannot_be_file_names_are_refused(field: str, make_with: Any, name: Any) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        check_definition(make_with(name))
    assert str(refusal.value).startswith(f"{field} ")
    str(refusal.value).encode()  # the message itself can be printed


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (make(cacheBust=None), "^cacheBust is None. Give a string"),
        (make(cacheBust="\ud800"), "^cacheBust has half a surrogate pair"),
        (make(inputFiles=[input_file(url="\udfff")]), r"^inputFiles\[0\].url has half a surro"),
        (
            make(inputFiles=[input_file(url=Path("/a"))]),
            r"\.url is of type .*; convert it with str",
        ),
        (make(inputFiles=()), "^inputFiles is of type tuple. Give a list of JobInputFile"),
        (make(inputFiles=[{"name": "a"}]), r"^inputFiles\[0\] is of type dict. Give JobInputFile"),
        (make(outputFiles=[output_file(urlDeterminedAtRuntime=None)]), "Runtime is None. Give Tr"),
        (make(parameters=[JobParameter(name="", value=1)]), r"^parameters\[0\].name is empty"),
        (make(parameters=[JobParameter(name="\ud800", value=1)]), r"^parameters\[0\].name has hal"),
    ],
)
def test_other_fields_that_cannot_be_kept_are_refused(
    definition: JobDefinition, message: str
) -> None:
    with pytest.raises(InvalidDefinition, match=message):
        check_definition(definition)


@pytest.mark.parametrize(
    "fields",
    [
        {"inputFiles": [input_file("x"), input_file("y"), input_file("x", "b.nwb")]},
        {"outputFiles": [output_file("x"), output_file("y"), output_file("x", "b.txt")]},
        {"parameters": [JobParameter(name=name, value=1) for name in "xyx"]},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_two_entries_of_one_name_are_refused(fields: dict[str, Any]) -> None:
    field = next(iter(fields))
    with pytest.raises(InvalidDefinition) as refusal:
        check_definition(make(**fields))
    assert str(refusal.value).startswith(f"{field}[0] and {field}[2] are both named 'x'")


@given(sound_definitions)
def test_a_sound_definition_passes_the_check(definition: JobDefinition) -> None:
    check_definition(definition)


@given(sound_definitions)
def test_a_sound_definition_survives_json(definition: JobDefinition) -> None:
    assert decode_definition(msgspec.json.encode(definition)) == definition


@pytest.mark.parametrize("name", OWN_FILES)
def test_an_output_does_not_take_the_name_of_a_file_that_every_job_has(name: str) -> None:
    definition = msgspec.structs.replace(
        make(), outputFiles=[JobOutputFile(name=name, fileBaseName="a")]
    )

    with pytest.raises(InvalidDefinition, match="names files that every job has"):
        check_definition(definition)


def test_a_name_is_short_enough_for_a_file_system() -> None:
    fits = msgspec.structs.replace(make(), appName="é" * (MAX_PART_BYTES // 2))
    too_long = msgspec.structs.replace(make(), appName="é" * (MAX_PART_BYTES // 2) + "a")

    check_definition(fits)
    with pytest.raises(InvalidDefinition, match="at most 240 bytes"):
        check_definition(too_long)
