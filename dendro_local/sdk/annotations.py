"""What the annotation of a field says: an input, an output, or a parameter and its type."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from dendro_local.sdk.files import InputFile, OutputFile

Kind = Literal["input", "input_list", "output", "parameter"]

URL_DETERMINED_AT_RUNTIME = "url_determined_at_runtime"
"""``Annotated[OutputFile, URL_DETERMINED_AT_RUNTIME]``: the processor sets the output's URL."""

SUPPORTED = (
    "InputFile, list[InputFile], OutputFile, str, int, float, bool, Literal[...], a list of "
    "str, int, float or bool, or Optional[...] of one of these parameter types"
)
"""What an annotation can be, in words."""

_SCALARS = (str, int, float, bool)
_UNIONS = (Union, getattr(types, "UnionType", Union))  # X | Y has a type of its own since 3.10


class FieldType(NamedTuple):
    """What an annotation says.

    Attributes:
        kind: what the field is.
        parameter_type: how a spec spells the type of a parameter, such as ``Optional[List[int]]``.
        options: the values of a ``Literal``.
        url_determined_at_runtime: whether it is marked so, which fits an output only.
    """

    kind: Kind
    parameter_type: str = ""
    options: list[Any] | None = None
    url_determined_at_runtime: bool = False

    @property
    def is_optional(self) -> bool:
        """Whether a parameter may be None."""
        return self.parameter_type.startswith("Optional[")


def read_annotation(annotation: Any) -> FieldType | None:
    """What ``annotation``, an evaluated one, says; None if it is not supported."""
    if get_origin(annotation) is Annotated:
        inner, *notes = get_args(annotation)
        read = read_annotation(inner)
        return read and read._replace(url_determined_at_runtime=_is_mark_in(notes))
    if annotation is InputFile:
        return FieldType("input")
    if annotation is OutputFile:
        return FieldType("output")
    if get_origin(annotation) is list and get_args(annotation) == (InputFile,):
        return FieldType("input_list")
    return _read_parameter(annotation)


def _is_mark_in(notes: list[Any]) -> bool:
    return any(isinstance(note, str) and note == URL_DETERMINED_AT_RUNTIME for note in notes)


def _read_parameter(annotation: Any) -> FieldType | None:
    if get_origin(annotation) not in _UNIONS:
        return _read_required(annotation)
    members = [member for member in get_args(annotation) if member is not type(None)]
    if len(members) != 1:
        return None
    read = _read_required(members[0])
    return read and read._replace(parameter_type=f"Optional[{read.parameter_type}]")


def _read_required(annotation: Any) -> FieldType | None:
    if annotation in _SCALARS:
        return FieldType("parameter", annotation.__name__)
    members = get_args(annotation)
    if get_origin(annotation) is list and members and members[0] in _SCALARS:
        return FieldType("parameter", f"List[{members[0].__name__}]")
    if get_origin(annotation) is Literal:
        for scalar in _SCALARS:
            if all(type(member) is scalar for member in members):
                return FieldType("parameter", scalar.__name__, options=list(members))
    return None
