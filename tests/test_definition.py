"""What a definition hashes to, which definitions are taken, and the URLs of their files."""

import json
import lzma
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dendro_local.collation import sort_keys
from dendro_local.definition import canonical_json, definition_hash, normal_form
from dendro_local.definition_check import check_definition, decode_definition
from dendro_local.errors import InvalidDefinition
from dendro_local.file_urls import (
    MAX_PART_BYTES,
    FileUrl,
    blob_url,
    console_url,
    file_url,
    other_url,
    parse_blob_url,
    parse_file_url,
    stable_url,
    usage_log_url,
)
from dendro_local.model import (
    Digest,
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    JobParameter,
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


def make(value: Any = "world", **fields: Any) -> JobDefinition:
    """A definition with one parameter, whatever its value, and other fields as given."""
    hello = JobDefinition(
        appName="hello_world",
        inputFiles=[],
        outputFiles=[],
        parameters=[JobParameter(name="name", value=value)],
        processorName="hello_world_1",
    )
    return msgspec.structs.replace(hello, **fields)


def make_tree(**fields: Any) -> dict[str, Any]:
    tree: dict[str, Any] = msgspec.to_builtins(make())
    return tree | fields


def input_file(name: str = "input", base: str = "a.nwb", url: Any = "u") -> JobInputFile:
    return JobInputFile(name=name, fileBaseName=base, url=url)


def output_file(name: str = "output", base: str = "a.txt", **fields: Any) -> JobOutputFile:
    return JobOutputFile(name=name, fileBaseName=base, **fields)


def values_of(
    texts: st.SearchStrategy[str], numbers: st.SearchStrategy[float]
) -> st.SearchStrategy[Any]:
    lists = st.lists(texts) | st.lists(st.booleans()) | st.lists(numbers)
    return st.none() | texts | st.booleans() | numbers | lists


def definitions_of(
    names: st.SearchStrategy[str],
    texts: st.SearchStrategy[str],
    values: st.SearchStrategy[Any],
    *,
    is_unique: bool,
) -> st.SearchStrategy[JobDefinition]:
    def lists(entries: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
        unique_by = (lambda entry: entry.name) if is_unique else None
        return st.lists(entries, max_size=4, unique_by=unique_by)

    flags = st.just(msgspec.UNSET) | st.booleans()
    return st.builds(
        JobDefinition,
        appName=names,
        cacheBust=st.just(msgspec.UNSET) | texts,
        inputFiles=lists(st.builds(JobInputFile, name=names, fileBaseName=names, url=texts)),
        outputFiles=lists(
            st.builds(JobOutputFile, name=names, fileBaseName=names, urlDeterminedAtRuntime=flags)
        ),
        parameters=lists(st.builds(JobParameter, name=names, value=values)),
        processorName=names,
    )


OWN_FILES = ("console_output", "other", "resource_utilization_log")

# Lone surrogates included, but as JSON text gives them: two halves side by side are one character.
any_texts = st.text(st.characters(), max_size=8).map(lambda text: json.loads(json.dumps(text)))
any_values = values_of(any_texts, st.integers() | st.integers(-(2**1100), 2**1100) | st.floats())
any_parameters = st.lists(st.builds(JobParameter, name=any_texts, value=any_values), max_size=6)
any_definitions = definitions_of(any_texts, any_texts, any_values, is_unique=False)

path_parts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1
).filter(lambda part: part not in (".", "..") and len(part.encode()) <= MAX_PART_BYTES)
sound_values = values_of(
    st.text(), st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
)
sound_definitions = definitions_of(
    path_parts.filter(lambda part: part not in OWN_FILES), st.text(), sound_values, is_unique=True
)
file_urls = st.builds(
    FileUrl,
    service_name=path_parts,
    app_name=path_parts,
    processor_name=path_parts,
    job_id=path_parts,
    output_name=path_parts,
    file_base_name=path_parts,
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


@settings(deadline=None)
@given(any_definitions)
def test_a_normal_form_is_its_own_normal_form(definition: JobDefinition) -> None:
    normal = normal_form(definition)
    assert normal_form(normal) is normal


@settings(deadline=None)
@given(any_definitions)
def test_a_definition_has_the_hash_of_its_normal_form(definition: JobDefinition) -> None:
    assert definition_hash(normal_form(definition)) == definition_hash(definition)


@settings(deadline=None)
@given(any_definitions)
def test_a_record_and_its_values_print_alike(definition: JobDefinition) -> None:
    assert canonical_json(definition) == canonical_json(msgspec.to_builtins(definition))


@settings(deadline=None)
@given(sound_definitions)
def test_canonical_json_decodes_to_a_definition_of_the_same_hash(
    definition: JobDefinition,
) -> None:
    decoded = decode_definition(canonical_json(definition))
    assert definition_hash(decoded) == definition_hash(definition)


@settings(deadline=None)
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


@settings(deadline=None)
@given(any_parameters, st.randoms())
def test_the_order_of_entries_that_sort_apart_does_not_change_the_hash(
    entries: list[JobParameter], random: Any
) -> None:
    assume(len(set(sort_keys([entry.name for entry in entries]))) == len(entries))
    shuffled = random.sample(entries, len(entries))
    assert definition_hash(make(parameters=shuffled)) == definition_hash(make(parameters=entries))


@settings(deadline=None)
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


@settings(deadline=None)
@given(sound_definitions)
def test_a_sound_definition_passes_the_check(definition: JobDefinition) -> None:
    check_definition(definition)


@settings(deadline=None)
@given(sound_definitions)
def test_a_sound_definition_survives_json(definition: JobDefinition) -> None:
    assert decode_definition(msgspec.json.encode(definition)) == definition


# --- URLs ------------------------------------------------------------------------------------

JOB = ("lab", "hello_world", "hello_world_1", "aZ09aZ09aZ09aZ09aZ09")
BASE = "http://127.0.0.1:61423"
PREFIX = "dendro:f/lab/hello_world/hello_world_1/aZ09aZ09aZ09aZ09aZ09"


def test_the_files_of_a_job_have_stable_urls() -> None:
    assert file_url(*JOB, "output[0]", "a b.txt") == f"{PREFIX}/output[0]/a b.txt"
    assert console_url(*JOB) == f"{PREFIX}/console_output/output.txt"
    assert usage_log_url(*JOB) == f"{PREFIX}/resource_utilization_log/log.jsonl"
    assert other_url(*JOB, "plots/raster.png") == f"{PREFIX}/other/plots/raster.png"


@settings(deadline=None)
@given(file_urls)
def test_a_file_url_says_what_it_was_made_of(file: FileUrl) -> None:
    assert parse_file_url(file_url(*msgspec.structs.astuple(file))) == file


def test_only_files_under_other_have_names_of_several_parts() -> None:
    parsed = parse_file_url(other_url(*JOB, "a/b"))
    assert parsed is not None
    assert (parsed.output_name, parsed.file_base_name) == ("other", "a/b")
    assert parse_file_url(f"{PREFIX}/output/a/b") is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dendro:f/",
        f"{PREFIX}/output",
        f"{PREFIX}/output/",
        f"{PREFIX}//a",
        f"{PREFIX}/../a",
        f"{PREFIX}/other/a/../b",
        f"{PREFIX}/other/a//b",
        f"{PREFIX}/output/a\\b",
        f"{PREFIX}/output/a\n",
        f"x{PREFIX}/output/a",
        f"{BASE}/f/a/b/c/d/e/f",
        blob_url(Digest("0" * 64)),
    ],
)
def test_a_url_of_another_form_is_no_file_url(url: str) -> None:
    assert parse_file_url(url) is None


def test_a_blob_url_holds_the_digest() -> None:
    digest = Digest("0123456789abcdef" * 4)
    assert blob_url(digest) == f"dendro:sha256/{digest}"
    assert parse_blob_url(blob_url(digest)) == digest


@pytest.mark.parametrize(
    "digest", ["", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n", "../" + "0" * 64]
)
def test_a_url_without_a_digest_is_no_blob_url(digest: str) -> None:
    assert parse_blob_url(f"dendro:sha256/{digest}") is None


@pytest.mark.parametrize("base", [BASE, f"{BASE}/", "https://hub.example/dendro"])
def test_a_url_under_a_base_becomes_stable(base: str) -> None:
    url = f"{base.rstrip('/')}/f/lab/app/proc/job/output%5B0%5D/100%25%20%C3%A9.txt"
    assert (
        stable_url(url, ["http://elsewhere", base])
        == "dendro:f/lab/app/proc/job/output[0]/100% é.txt"
    )


def test_an_unencoded_url_under_a_base_becomes_the_same() -> None:
    encoded = f"{BASE}/f/lab/app/proc/job/other/a%20b/c"
    assert stable_url(f"{BASE}/f/lab/app/proc/job/other/a b/c", [BASE]) == stable_url(
        encoded, [BASE]
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://api.dandiarchive.org/api/assets/1/download/",
        "http://127.0.0.1:614230/f/a/b/c/d/e/f",
        f"{BASE}/g/a/b/c/d/e/f",
        f"{BASE}/f/a/b/c/d/e",
        f"{BASE}/f/a/b/c/d/e/f?signature=1",
        f"{BASE}/f/a/b/c/d/e/f#part",
        f"{BASE}/f/a/b/c/d/e/%FF",
        f"{BASE}/f/a/b/c/d/e/a%2Fb",
        f"{BASE}/f/a/b/c/d/%2E%2E/f",
        f"{BASE}/f/a/b/c/d/other/%2e%2e/f",
        f"{BASE}/f/a/b/c/d/e/a%00",
        f"{PREFIX}/output/a%20b",
        "",
    ],
)
def test_every_other_url_stays_as_it_is(url: str) -> None:
    assert stable_url(url, [BASE]) == url
    assert stable_url(url, []) == url


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
