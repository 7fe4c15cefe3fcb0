"""Whether a job definition fits the processor that it names. Pure.

The rule is the contract's (every input and output of the spec is in the definition and the other
way round, parameters without a default are given, unknown ones are refused), and beyond it: list
inputs ``name[0]``, ``name[1]``, ... are understood, and values are checked against their types.
"""

import re
from collections.abc import Iterable, Sequence

import msgspec

from dendro_local.errors import IncompatibleDefinition
from dendro_local.model import (
    AppSpecification,
    JobDefinition,
    ParameterValue,
    ProcessorParameter,
    ProcessorSpecification,
)

__all__ = ["check_compatible", "suggestion", "type_of"]

_LIST_ITEM = re.compile(r"(.+)\[(0|[1-9][0-9]*)\]")


def check_compatible(definition: JobDefinition, app: AppSpecification) -> None:
    """Refuse a definition that does not fit its processor.

    Raises:
        IncompatibleDefinition: names the processor, the field, and what would fit.
    """
    processor = next((p for p in app.processors if p.name == definition.processorName), None)
    if processor is None:
        names = [p.name for p in app.processors]
        raise IncompatibleDefinition(
            f"App {app.name!r} has no processor {definition.processorName!r}."
            f"{suggestion(definition.processorName, names)}"
        )
    where = f"{app.name}/{processor.name}"
    _check_inputs(where, definition, processor)
    _check_names(
        where,
        "output",
        [output.name for output in definition.outputFiles],
        [output.name for output in processor.outputs],
    )
    _check_parameters(where, definition, processor)


def _check_inputs(where: str, definition: JobDefinition, spec: ProcessorSpecification) -> None:
    lists = {entry.name for entry in spec.inputs if entry.list is True}
    given: list[str] = []
    items: dict[str, list[int]] = {name: [] for name in lists}
    for file in definition.inputFiles:
        match = _LIST_ITEM.fullmatch(file.name)
        if match and match[1] in lists:
            items[match[1]].append(int(match[2]))
        elif file.name in lists:
            raise IncompatibleDefinition(
                f"{where}: input {file.name!r} is a list; name its files {file.name}[0], "
                f"{file.name}[1], ..."
            )
        else:
            given.append(file.name)
    for name, indices in items.items():
        if sorted(indices) != list(range(len(indices))):
            raise IncompatibleDefinition(
                f"{where}: the files of list input {name!r} must be numbered from 0 without gaps; "
                f"given: {', '.join(f'{name}[{index}]' for index in sorted(indices))}."
            )
    single = [entry.name for entry in spec.inputs if entry.list is not True]
    _check_names(where, "input", given, single, more=[f"{name}[0]" for name in lists])


def _check_names(
    where: str, kind: str, given: Sequence[str], wanted: Sequence[str], more: Sequence[str] = ()
) -> None:
    for name in given:
        if name not in wanted:
            raise IncompatibleDefinition(
                f"{where} has no {kind} {name!r}.{suggestion(name, [*wanted, *more])}"
            )
    for name in wanted:
        if name not in given:
            raise IncompatibleDefinition(f"{where} needs {kind} {name!r}, which is missing.")


def _check_parameters(where: str, definition: JobDefinition, spec: ProcessorSpecification) -> None:
    known = {parameter.name: parameter for parameter in spec.parameters}
    given = {parameter.name: parameter.value for parameter in definition.parameters}
    for name, value in given.items():
        if name not in known:
            raise IncompatibleDefinition(
                f"{where} has no parameter {name!r}.{suggestion(name, known)}"
            )
        _check_value(where, known[name], value)
    for parameter in spec.parameters:
        if parameter.name not in given and _is_required(parameter):
            raise IncompatibleDefinition(
                f"{where} needs parameter {parameter.name!r} ({parameter.type}), which is missing."
            )


def _is_required(parameter: ProcessorParameter) -> bool:
    has_default = parameter.defaultValue is not msgspec.UNSET
    return not has_default and not parameter.type.startswith("Optional")


def _check_value(where: str, parameter: ProcessorParameter, value: ParameterValue) -> None:
    if value is None:
        if _is_required(parameter):
            raise IncompatibleDefinition(
                f"{where}: parameter {parameter.name!r} ({parameter.type}) must have a value."
            )
        return
    if not _has_type(value, parameter.type):
        raise IncompatibleDefinition(
            f"{where}: parameter {parameter.name!r} takes {parameter.type}, not "
            f"{type_of(value)} ({_shown(value)})."
        )
    options = parameter.options
    if isinstance(options, list) and options and value not in options:
        raise IncompatibleDefinition(
            f"{where}: parameter {parameter.name!r} is one of "
            f"{', '.join(_shown(option) for option in options)}; not {_shown(value)}."
        )


def _has_type(value: ParameterValue, name: str) -> bool:
    if name.startswith("Optional[") and name.endswith("]"):
        name = name[len("Optional[") : -1]
    if name.startswith("List[") and name.endswith("]"):
        item = name[len("List[") : -1]
        return isinstance(value, list) and all(_has_type(entry, item) for entry in value)
    if name == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if name == "int":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if name == "float":
        return isinstance(value, (int, float))
    # Clients of the original send a number where a spec says str: avi_to_mp4's duration_sec.
    return isinstance(value, (str, int, float)) if name == "str" else True


def type_of(value: ParameterValue) -> str:
    """A value's type as a spec spells it."""
    if isinstance(value, list):
        kinds = dict.fromkeys(type(entry).__name__ for entry in value)
        return f"List[{' | '.join(kinds)}]" if kinds else "List"
    return type(value).__name__


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def suggestion(name: str, known: Iterable[str], *, all_are: str = "It has") -> str:
    """A sentence for a message about an unknown name: the nearest known one, or all of them."""
    import difflib  # only an error needs it

    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f" Did you mean {close[0]!r}?"
    return f" {all_are}: {', '.join(names) or 'none'}."
