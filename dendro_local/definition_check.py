"""Checking job definitions, on two levels.

`decode_definition` takes what the original's validator takes: it guards a hub's door.
`check_definition` also refuses what the hash cannot tell apart and what a store cannot keep: it
guards the way into a store.
"""

import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from numbers import Integral, Real
from typing import Any, NoReturn, TypeAlias

import msgspec

from dendro_local.definition import MAX_SAFE_INTEGER
from dendro_local.errors import InvalidDefinition
from dendro_local.file_urls import MAX_PART_BYTES, is_path_part
from dendro_local.model import JobDefinition, JobInputFile, JobOutputFile, JobParameter

__all__ = ["check_definition", "decode_definition", "mixes_kinds"]

_Entry: TypeAlias = JobInputFile | JobOutputFile | JobParameter

_ALLOWED_VALUES = (
    "a string, a number, a boolean, null, or a list of only strings, only numbers or only booleans"
)

_RECORDS: Mapping[str, type[_Entry]] = {
    "inputFiles": JobInputFile,
    "outputFiles": JobOutputFile,
    "parameters": JobParameter,
}

_RESERVED_OUTPUTS = frozenset({"console_output", "other", "resource_utilization_log"})
"""A job's own files have URLs under these names."""

_decode = msgspec.json.Decoder(JobDefinition).decode
_half_pairs = re.compile("[\ud800-\udfff]")


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
        if type(parameter.value) is list and mixes_kinds(parameter.value):
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


def mixes_kinds(values: Sequence[object]) -> bool:
    """Whether a list of a parameter holds more than one kind of value, which no list may."""
    return len(set(map(_KINDS.get, set(map(type, values))))) > 1


def _refuse_mixed_list(index: int, name: str) -> NoReturn:
    raise InvalidDefinition(
        f"parameters[{index}].value of {name!r} mixes strings, numbers and booleans in one list."
        f" Allowed: {_ALLOWED_VALUES}."
    )


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
    if file.name in _RESERVED_OUTPUTS:
        raise InvalidDefinition(
            f"outputFiles[{index}].name is {file.name!r}, which names files that every job has."
            " Give the output another name."
        )
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
        if mixes_kinds(value):
            _refuse_mixed_list(index, name)
    elif value is not None and (fault := _scalar_fault(value)):
        raise InvalidDefinition(f"parameters[{index}].value of {name!r} {fault}.")


def _check_part(text: str, where: str, index: int | None = None) -> None:
    if type(text) is str and is_path_part(text):
        return
    _check_text(text, where, index)
    what = f"is {text[:60]!r}" if text else "is empty"
    raise InvalidDefinition(
        f"{where.format(index)} {what}. It becomes part of file paths and URLs: give a name of"
        f" at most {MAX_PART_BYTES} bytes that is not empty, '.' or '..', and has no '/', no '\\'"
        " and no control character."
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
        if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
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
