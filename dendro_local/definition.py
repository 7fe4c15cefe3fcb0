"""The job definition: its normal form, its hash, what may stand in it, and the URLs of its files.

Two definitions are the same computation if their hashes are equal, so the hash is a format: it
must be the original hub's, byte for byte (contract.md, section 2; 2,000 known values are in
``tests/data/job_definition_hash.jsonl.xz``). It is the SHA-1 of the *canonical JSON* of the
*normal form*, in which the input files, output files and parameters stand in the order of their
names (see `dendro_local.collation`).

The original prints JSON as JavaScript does. msgspec prints a record the same way, keys in the
order in which `dendro_local.model` declares them, but for two things: numbers that are not small
integers, and strings with half a surrogate pair. Those take a slower way to the same bytes.

Checking has two levels. `decode_definition` takes what the original's validator takes: it
guards a hub's door. `check_definition` also refuses what the hash cannot tell apart and what a
store cannot keep: it guards the way into a store.

Files have URLs in a *stable form* that names no host, so that hashes survive a move:
``dendro:f/...`` for a file of a job, ``dendro:sha256/...`` for a local one (design.md, "Two
keys").
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from numbers import Integral, Real
from operator import attrgetter
from typing import Any, NoReturn, TypeAlias, cast
from urllib.parse import unquote

import msgspec

from dendro_local.collation import sorted_by_name
from dendro_local.errors import InvalidDefinition
from dendro_local.model import (
    Digest,
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    ParameterValue,
)

__all__ = [
    "FileUrl",
    "blob_url",
    "canonical_json",
    "check_definition",
    "console_url",
    "decode_definition",
    "definition_hash",
    "file_url",
    "normal_form",
    "other_url",
    "parse_blob_url",
    "parse_file_url",
    "stable_url",
    "usage_log_url",
]

_Json: TypeAlias = "str | int | float | bool | Mapping[str, _Json] | Sequence[_Json] | None"
_Entry: TypeAlias = JobInputFile | JobOutputFile | JobParameter

# Integers up to here are doubles too; beyond, neighbours become one double.
_MAX_SAFE_INTEGER = 2**53

_ALLOWED_VALUES = (
    "a string, a number, a boolean, null, or a list of only strings, only numbers or only booleans"
)

_RECORDS: Mapping[str, type[_Entry]] = {
    "inputFiles": JobInputFile,
    "outputFiles": JobOutputFile,
    "parameters": JobParameter,
}

_name_of = attrgetter("name")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(JobDefinition).decode
_quote = json.JSONEncoder(ensure_ascii=False).encode
_half_pairs = re.compile("[\ud800-\udfff]")


# --- Normal form and hash --------------------------------------------------------------------


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
    for field in _RECORDS:
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
        return -_MAX_SAFE_INTEGER <= value <= _MAX_SAFE_INTEGER
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


# --- What the original's validator takes -----------------------------------------------------


def decode_definition(raw: bytes | str | Mapping[str, object]) -> JobDefinition:
    """The definition that stands in JSON text or in JSON's values.

    Takes exactly what the original's validator takes (``accepted`` in the known values): unknown
    keys are refused at every level; optional fields may be absent, but not null. Equal or empty
    names are taken here, and refused by `check_definition`.

    Raises:
        InvalidDefinition: names the field by its path and says what is allowed.
    """
    try:
        if isinstance(raw, bytes | str):
            definition = _decode(raw)
        else:
            definition = msgspec.convert(raw, JobDefinition)
    except ValueError:
        # JSON.parse also takes what msgspec does not: 1e400, half a surrogate pair, and a key
        # twice, of which the last counts. The slower way takes these, or says what is wrong.
        definition = _decoded_as_json_parse_does(raw)
    for index, parameter in enumerate(definition.parameters):
        if type(parameter.value) is list and _mixes_kinds(parameter.value):
            _refuse_mixed_list(index, parameter.name)
    return definition


def _decoded_as_json_parse_does(raw: bytes | str | Mapping[str, object]) -> JobDefinition:
    tree: Any = raw
    if isinstance(raw, bytes | str):
        try:
            text = raw.decode() if isinstance(raw, bytes) else raw
            tree = json.loads(text, parse_int=_parse_int, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise InvalidDefinition(f"The job definition is not JSON: {error}.") from error
    try:
        return msgspec.convert(tree, JobDefinition)
    except ValueError as error:
        raise InvalidDefinition(_explained(str(error), tree)) from error


def _parse_int(digits: str) -> float:
    # That many digits are infinity as a double, and int() refuses some thousands of them.
    return int(digits) if len(digits) < 400 else float(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it has no {name}")


def _explained(message: str, tree: Any) -> str:
    """The message of msgspec, "what - at `$.path`", field first, with what is allowed."""
    what, at, path = message.rpartition(" - at `$")
    what, path = (what, path.strip(".`")) if at else (message, "")
    where, fields = path or "the job definition", JobDefinition.__struct_fields__
    if entry := re.match(rf"({'|'.join(_RECORDS)})\[(\d+)\]", path):
        fields = _RECORDS[entry[1]].__struct_fields__
        try:
            where = f"{path} of {tree[entry[1]][int(entry[2])]['name']!r}"
        except (LookupError, TypeError):
            where = path  # the entry has no name, or is no object
    if ".value" in path:
        return f"{where}: {what}. Allowed: {_ALLOWED_VALUES}."
    if what.startswith("Object"):
        return f"{where}: {what}. Its fields: {', '.join(fields)}."
    return f"{where}: {what}."


_KINDS: Mapping[type, str] = {str: "string", bool: "boolean", int: "number", float: "number"}


def _mixes_kinds(values: Sequence[object]) -> bool:
    return len(set(map(_KINDS.get, set(map(type, values))))) > 1


def _refuse_mixed_list(index: int, name: str) -> NoReturn:
    raise InvalidDefinition(
        f"parameters[{index}].value of {name!r} mixes strings, numbers and booleans in one list."
        f" Allowed: {_ALLOWED_VALUES}."
    )


# --- What a store can keep -------------------------------------------------------------------


def check_definition(definition: JobDefinition) -> None:
    """Refuse a definition that the contract cannot carry or that a store cannot keep.

    A record made in Python can hold anything, and even a decoded one can hold names that are no
    file names, two entries of one name, or integers that the hash does not tell apart.

    Raises:
        InvalidDefinition: names the field by its path, and says what it is and what to do.
    """
    _check_part(definition.appName, "appName")
    _check_part(definition.processorName, "processorName")
    if definition.cacheBust is not msgspec.UNSET:
        _check_text(definition.cacheBust, "cacheBust")
    _check_entries(definition.inputFiles, "inputFiles", _check_input)
    _check_entries(definition.outputFiles, "outputFiles", _check_output)
    _check_entries(definition.parameters, "parameters", _check_parameter)


def _check_entries(
    entries: Sequence[_Entry], field: str, check: Callable[[Any, int], None]
) -> None:
    """Refuse what is no list of the field's records, a record in it, or a name that comes twice."""
    record = _RECORDS[field]
    if not isinstance(entries, list):
        raise InvalidDefinition(
            f"{field} is {_type_name(entries)}. Give a list of {record.__name__}."
        )
    first_index: dict[str, int] = {}
    for index, entry in enumerate(entries):
        if type(entry) is not record:
            raise InvalidDefinition(
                f"{field}[{index}] is {_type_name(entry)}. Give {record.__name__}(...)."
            )
        check(entry, index)
        first = first_index.setdefault(entry.name, index)
        if first != index:
            raise InvalidDefinition(
                f"{field}[{first}] and {field}[{index}] are both named {entry.name!r}."
                " Give each a name of its own."
            )


# Paths are formatted only when something is wrong: this runs at every cache hit.


def _check_input(file: JobInputFile, index: int) -> None:
    _check_part(file.name, "inputFiles[{}].name", index)
    _check_part(file.fileBaseName, "inputFiles[{}].fileBaseName", index)
    _check_text(file.url, "inputFiles[{}].url", index)


def _check_output(file: JobOutputFile, index: int) -> None:
    _check_part(file.name, "outputFiles[{}].name", index)
    _check_part(file.fileBaseName, "outputFiles[{}].fileBaseName", index)
    at_runtime = file.urlDeterminedAtRuntime
    if at_runtime is not msgspec.UNSET and type(at_runtime) is not bool:
        raise InvalidDefinition(
            f"outputFiles[{index}].urlDeterminedAtRuntime is {_type_name(at_runtime)}."
            " Give True or False, or leave it out."
        )


def _check_parameter(parameter: JobParameter, index: int) -> None:
    name, value = parameter.name, parameter.value
    _check_text(name, "parameters[{}].name", index)
    if not name:
        raise InvalidDefinition(f"parameters[{index}].name is empty. Give it a name.")
    if isinstance(value, list):
        for place, item in enumerate(value):
            if fault := _scalar_fault(item):
                raise InvalidDefinition(f"parameters[{index}].value[{place}] of {name!r} {fault}.")
        if _mixes_kinds(value):
            _refuse_mixed_list(index, name)
    elif value is not None and (fault := _scalar_fault(value)):
        raise InvalidDefinition(f"parameters[{index}].value of {name!r} {fault}.")


def _check_part(text: str, where: str, index: int | None = None) -> None:
    if type(text) is str and _is_part(text):
        return
    _check_text(text, where, index)
    what = f"is {text!r}" if text else "is empty"
    raise InvalidDefinition(
        f"{where.format(index)} {what}. It becomes part of file paths and URLs: give a name that"
        " is not empty, '.' or '..', and has no '/', no '\\' and no control character."
    )


def _check_text(text: str, where: str, index: int | None = None) -> None:
    if type(text) is not str:
        raise InvalidDefinition(
            f"{where.format(index)} is {_type_name(text)}. Give a string{_how_to_convert(text)}."
        )
    if fault := _half_pair_fault(text):
        raise InvalidDefinition(f"{where.format(index)} {fault}.")


def _half_pair_fault(text: str) -> str | None:
    if text.isascii() or not (half := _half_pairs.search(text)):
        return None
    return (
        f"has half a surrogate pair, {half[0]!r}, at {half.start()}, which UTF-8 cannot hold."
        " Remove or replace it"
    )


def _scalar_fault(value: object) -> str | None:
    """What is wrong with a parameter's value, or with one in its list; None if nothing is."""
    if type(value) is str:
        return _half_pair_fault(value)
    if type(value) is bool:
        return None
    if type(value) is float:
        if math.isfinite(value):
            return None
        return f"is {value}, which JSON does not have. Pass None or a string instead"
    if type(value) is int:
        if -_MAX_SAFE_INTEGER <= value <= _MAX_SAFE_INTEGER:
            return None
        return (
            "is an integer beyond 2**53, and the hash does not tell it apart from its neighbours."
            " Pass it as a string: str(...)"
        )
    return f"is {_type_name(value)}. Allowed: {_ALLOWED_VALUES}{_how_to_convert(value)}"


def _type_name(value: object) -> str:
    if value is None:
        return "None"
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"of type {module}{kind.__qualname__}"


_CONVERSIONS: Sequence[tuple[tuple[type, ...], str]] = (
    ((Enum,), "pass its .value"),
    ((str, os.PathLike), "convert it with str(...)"),
    ((Integral,), "convert it with int(...)"),
    ((Real,), "convert it with float(...)"),
    ((bytes, bytearray), "convert it with .decode()"),
    ((list, Mapping), "convert it with json.dumps(...)"),
    ((tuple, set, frozenset, range), "convert it with list(...)"),
)


def _how_to_convert(value: object) -> str:
    for kinds, advice in _CONVERSIONS:
        if isinstance(value, kinds):
            return f"; {advice}"
    # Arrays, and scalars of array libraries that are not registered as numbers.
    return "; convert it with .tolist()" if hasattr(value, "tolist") else ""


# --- URLs ------------------------------------------------------------------------------------


class FileUrl(msgspec.Struct, frozen=True, kw_only=True):
    """What the stable URL of a job's file says: whose it is and what it is called."""

    service_name: str
    app_name: str
    processor_name: str
    job_id: str
    output_name: str
    file_base_name: str


# What is no part of a path or URL, beside "." and "..": separators, control characters (Unicode
# category Cc) and half a surrogate pair.
_has_only_path_characters = re.compile("[^/\\\\\0-\x1f\x7f-\x9f\ud800-\udfff]+").fullmatch


def _is_part(text: str) -> bool:
    """Whether the text can be the name of a file or folder, and one part of a URL's path."""
    # No identifier holds any of the characters in question, and most names are identifiers.
    return text.isidentifier() or (
        _has_only_path_characters(text) is not None and text not in (".", "..")
    )


def file_url(
    service_name: str,
    app_name: str,
    processor_name: str,
    job_id: str,
    output_name: str,
    file_base_name: str,
) -> str:
    """The stable URL of an output file: ``dendro:f/`` and the six names, as they are.

    Nothing is percent-encoded: a hub does that where it serves the file over HTTP.
    """
    names = (service_name, app_name, processor_name, job_id, output_name, file_base_name)
    return "dendro:f/" + "/".join(names)


def console_url(service_name: str, app_name: str, processor_name: str, job_id: str) -> str:
    """The stable URL of what a job printed (contract.md, section 4, Uploads)."""
    return file_url(service_name, app_name, processor_name, job_id, "console_output", "output.txt")


def usage_log_url(service_name: str, app_name: str, processor_name: str, job_id: str) -> str:
    """The stable URL of a job's resource utilization log (contract.md, section 4, Uploads)."""
    return file_url(
        service_name, app_name, processor_name, job_id, "resource_utilization_log", "log.jsonl"
    )


def other_url(service_name: str, app_name: str, processor_name: str, job_id: str, name: str) -> str:
    """The stable URL of a file that an app added to its job; ``name`` may have several parts."""
    return file_url(service_name, app_name, processor_name, job_id, "other", name)


def parse_file_url(url: str) -> FileUrl | None:
    """What a stable URL of a job's file says; None if the URL is none.

    Every part is safe as the name of a file or folder. Only the name of a file under ``other``
    has several parts.
    """
    if not url.startswith("dendro:f/"):
        return None
    return _file_url_of(url.removeprefix("dendro:f/").split("/"))


def blob_url(digest: Digest) -> str:
    """The stable URL of a local file: ``dendro:sha256/`` and the digest of its bytes."""
    return f"dendro:sha256/{digest}"


def parse_blob_url(url: str) -> Digest | None:
    """The digest in the stable URL of a local file; None if the URL is none."""
    found = re.fullmatch("dendro:sha256/([0-9a-f]{64})", url)
    return Digest(found[1]) if found else None


def stable_url(url: str, bases: Sequence[str]) -> str:
    """The URL of a file that a hub serves in its stable form; every other URL as it is.

    Args:
        url: any URL. It is taken for a file's if it is ``{base}/f/...``, has no query and no
            fragment, and its parts are safe names after percent-decoding.
        bases: where the hub is or was served, such as ``http://127.0.0.1:61423``.
    """
    for base in bases:
        prefix = base.rstrip("/") + "/f/"
        if url.startswith(prefix) and "?" not in url and "#" not in url:
            try:
                parts = [unquote(part, errors="strict") for part in url[len(prefix) :].split("/")]
            except UnicodeDecodeError:
                return url
            return "dendro:f/" + "/".join(parts) if _file_url_of(parts) else url
    return url


def _file_url_of(parts: Sequence[str]) -> FileUrl | None:
    has_one_part_each = len(parts) == 6 or (len(parts) > 6 and parts[4] == "other")
    if not has_one_part_each or not all(map(_is_part, parts)):
        return None
    return FileUrl(
        service_name=parts[0],
        app_name=parts[1],
        processor_name=parts[2],
        job_id=parts[3],
        output_name=parts[4],
        file_base_name="/".join(parts[5:]),
    )
