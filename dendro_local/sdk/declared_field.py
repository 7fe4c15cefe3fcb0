"""One input, output or parameter of a processor, as its author declared it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

from dendro_local.sdk.annotations import SUPPORTED, FieldType, Kind, read_annotation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NO_DEFAULT: Any = object()
"""Stands for the default of what has none."""


class DeclaredField(NamedTuple):
    """One input, output or parameter of a processor.

    Attributes:
        name: dotted if it is in a group.
        kind: what it is.
        description: one line for the people who use the processor.
        parameter_type: the type of a parameter as a spec spells it.
        default: of a parameter; NO_DEFAULT if it must be given.
        options: what a parameter can be; None if that is open.
        url_determined_at_runtime: whether the processor sets the URL of this output.
    """

    name: str
    kind: Kind
    description: str
    parameter_type: str
    default: Any
    options: Any
    url_determined_at_runtime: bool


def declare_field(
    processor_name: str,
    name: str,
    annotation: Any,
    *,
    description: str | None = None,
    default: Any = NO_DEFAULT,
    options: Any = None,
    url_determined_at_runtime: bool | None = None,
) -> DeclaredField:
    """Checks what an author declared.

    Args:
        processor_name: whose field it is.
        name: of the field.
        annotation: an evaluated one.
        description: of the field.
        default: of a parameter.
        options: of a parameter, if its annotation does not list them.
        url_determined_at_runtime: of an output, if its annotation does not say so.

    Raises:
        TypeError: the annotation, or the type of something else, is not supported.
        ValueError: the declarations contradict each other.
    """
    where = f"Processor {processor_name!r}, field {name!r}"
    field_type = read_annotation(annotation)
    if field_type is None:
        raise TypeError(f"{where}: {annotation!r} is not supported. It can be {SUPPORTED}.")
    if field_type.kind == "parameter":
        _check_parameter(where, default, options)
    else:
        _check_file(where, default, options)
    mark = url_determined_at_runtime or field_type.url_determined_at_runtime
    _check_mark(where, field_type, mark)
    return DeclaredField(
        name=name,
        kind=field_type.kind,
        description=description or "",
        parameter_type=field_type.parameter_type,
        default=None if default is NO_DEFAULT and field_type.is_optional else default,
        options=field_type.options if options is None else list(options),
        url_determined_at_runtime=mark,
    )


def is_plain(value: Any) -> bool:
    """Whether a spec can hold ``value``: a string, finite number or boolean, or a list of these."""
    if isinstance(value, (list, tuple)):
        return all(_is_scalar(member) for member in cast("Iterable[Any]", value))
    return _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, (str, int))


def _check_parameter(where: str, default: Any, options: Any) -> None:
    if not (default is NO_DEFAULT or default is None or is_plain(default)):
        raise TypeError(
            f"{where}: {default!r} cannot be a default, which is a string, a finite number, a "
            "boolean, or a list of these."
        )
    if not (options is None or (isinstance(options, (list, tuple)) and is_plain(options))):
        raise TypeError(
            f"{where}: its options are {options!r}, and must be a list of strings, finite "
            "numbers or booleans."
        )


def _check_file(where: str, default: Any, options: Any) -> None:
    if options is not None:
        raise ValueError(f"{where}: only a parameter can have options.")
    if default is not NO_DEFAULT and default is not None:
        raise ValueError(f"{where}: only a parameter can have a default.")


def _check_mark(where: str, field_type: FieldType, mark: object) -> None:
    if not isinstance(mark, bool):
        raise TypeError(f"{where}: url_determined_at_runtime is {mark!r}, not True or False.")
    if mark and field_type.kind != "output":
        raise ValueError(f"{where}: only an output can have url_determined_at_runtime.")
