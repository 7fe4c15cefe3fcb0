"""The normal form of a job definition, and its hash.

Two definitions are the same computation if their hashes are equal, so the hash is a format: it
must be the original hub's, byte for byte (2,000 known values of that hub are in
``tests/data/job_definition_hash.jsonl.xz``). It is the SHA-1 of the *canonical JSON* of the
*normal form*, in which the input files, output files and parameters stand in the order of their
names (see `dendro_local.collation`).

The original prints JSON as JavaScript does. msgspec prints a record the same way, keys in the
order in which `dendro_local.model` declares them, but for two things: numbers that are not small
integers, and strings with half a surrogate pair. Those take a slower way to the same bytes.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TypeAlias, cast

import msgspec

from dendro_local.collation import sorted_by_name
from dendro_local.errors import InvalidDefinition
from dendro_local.model import JobDefinition, JobParameter, ParameterValue

__all__ = [
    "MAX_SAFE_INTEGER",
    "canonical_json",
    "content_key",
    "definition_hash",
    "normal_form",
]

_Json: TypeAlias = "str | int | float | bool | Mapping[str, _Json] | Sequence[_Json] | None"

MAX_SAFE_INTEGER = 2**53
"""Integers up to here are doubles too; beyond, neighbours become one double."""

_name_of = attrgetter("name")
_encode = msgspec.json.Encoder().encode
_quote = json.JSONEncoder(ensure_ascii=False).encode
_half_pairs = re.compile("[\ud800-\udfff]")


def normal_form(definition: JobDefinition) -> JobDefinition:
    """The definition with its entries in the order of their names; equal names keep theirs.

    Returns:
        ``definition`` itself if it is in that order already.
    """
    inputs = sorted_by_name(definition.inputFiles, _name_of)
    outputs = sorted_by_name(definition.outputFiles, _name_of)
    parameters = sorted_by_name(definition.parameters, _name_of)
    if (
        inputs is definition.inputFiles
        and outputs is definition.outputFiles
        and parameters is definition.parameters
    ):
        return definition
    return msgspec.structs.replace(
        definition, inputFiles=inputs, outputFiles=outputs, parameters=parameters
    )


def definition_hash(definition: JobDefinition | Mapping[str, object]) -> str:
    """SHA-1 of the canonical JSON, 40 lower-case hexadecimal digits (contract.md, section 2)."""
    # SHA-1 is the format's choice; nothing here rests on it being hard to forge.
    return hashlib.sha1(canonical_json(definition), usedforsecurity=False).hexdigest()


def content_key(definition: JobDefinition, contents: Mapping[str, str]) -> str:
    """What a job computes from, whatever its inputs are called: SHA-256, in hexadecimal.

    Two jobs with equal keys read the same bytes with the same parameters, though their inputs
    may be outputs of different jobs and so have different URLs.

    Args:
        definition: in normal form.
        contents: what each input file holds, by its name: the digest of its bytes.
    """
    inputs = [
        msgspec.structs.replace(file, url=contents[file.name]) for file in definition.inputFiles
    ]
    return hashlib.sha256(
        b"content-key-1\n" + canonical_json(msgspec.structs.replace(definition, inputFiles=inputs))
    ).hexdigest()


def canonical_json(definition: JobDefinition | Mapping[str, object]) -> bytes:
    """The one JSON text of the definition's normal form, in UTF-8 (contract.md, section 2).

    Args:
        definition: a record, or the contract's JSON as Python values. The latter is taken as it
            is, unknown keys and nested values included, and need not be a valid definition.

    Raises:
        InvalidDefinition: entries that have to be sorted have no name.
        TypeError: a value is none of JSON's.
    """
    if not isinstance(definition, JobDefinition):
        return _json_bytes(_normal_tree(cast("Mapping[str, _Json]", definition)))
    normal = normal_form(definition)
    try:
        return _encode(_with_numbers_printed(normal))
    except UnicodeEncodeError:  # half a surrogate pair, which msgspec cannot print
        return _json_bytes(msgspec.to_builtins(normal))


def _normal_tree(tree: Mapping[str, _Json]) -> Mapping[str, _Json]:
    normal = dict(tree)
    for field in ("inputFiles", "outputFiles", "parameters"):
        entries = normal.get(field)
        if isinstance(entries, list):
            normal[field] = sorted_by_name(entries, _entry_name)
    return normal


def _entry_name(entry: _Json) -> str:
    name = entry.get("name") if isinstance(entry, Mapping) else None
    if isinstance(name, str):
        return name
    raise InvalidDefinition(
        "An input file, output file or parameter has no name. Give each a name: they are sorted"
        " by it."
    )


def _with_numbers_printed(definition: JobDefinition) -> JobDefinition:
    """The definition with each value that msgspec may print unlike JavaScript as printed JSON."""
    parameters = definition.parameters
    for parameter in parameters:
        if not _prints_alike(parameter.value):
            break
    else:
        return definition
    return msgspec.structs.replace(
        definition, parameters=list(map(_with_value_printed, parameters))
    )


def _with_value_printed(parameter: JobParameter) -> JobParameter:
    if _prints_alike(parameter.value):
        return parameter
    return msgspec.structs.replace(parameter, value=msgspec.Raw(_json_bytes(parameter.value)))


def _prints_alike(value: ParameterValue) -> bool:
    """Whether msgspec surely prints the value with the characters that JavaScript prints."""
    if type(value) is int:
        return -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER
    if type(value) is list:
        return all(map(_prints_alike, value))
    return value is None or type(value) is str or type(value) is bool


def _json_bytes(value: _Json) -> bytes:
    text = _json(value)
    if not text.isascii():
        # JavaScript's strings are UTF-16: two halves side by side are one character there, and
        # a half without the other is escaped.
        units = text.encode("utf-16-le", "surrogatepass")
        text = units.decode("utf-16-le", "surrogatepass")
        text = _half_pairs.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return text.encode()


def _json(value: _Json) -> str:
    """The value as ``JSON.stringify`` prints it, keys sorted; lone surrogates stay as they are."""
    if isinstance(value, str):
        return _quote(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping):
        keys = sorted(value, key=_utf16_units)
        return "{" + ",".join(f"{_quote(key)}:{_json(value[key])}" for key in keys) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_json, value)) + "]"
    raise TypeError(f"JSON has no {type(value).__name__}")


def _utf16_units(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _number(value: float) -> str:
    """The nearest double as JavaScript prints it: ECMA-262, Number::toString; overflow is null.

    Python's ``repr`` gives the same shortest digits, but goes over to exponents at 1e16 and
    below 1e-4 where JavaScript does so at 1e21 and below 1e-6.
    """
    try:
        double = float(value)
    except OverflowError:
        return "null"
    if not math.isfinite(double):
        return "null"
    sign = "-" if double < 0 else ""
    mantissa, _, exponent_digits = repr(abs(double)).partition("e")
    if not exponent_digits:
        return sign + mantissa.removesuffix(".0")
    digits, exponent = mantissa.replace(".", ""), int(exponent_digits)
    if 0 < exponent < 21:
        return sign + digits.ljust(exponent + 1, "0")
    if -7 < exponent < 0:
        return sign + "0." + "0" * (-exponent - 1) + digits
    return f"{sign}{mantissa}e{exponent:+d}"
