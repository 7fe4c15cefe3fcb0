"""Reading a processor's inputs, outputs and parameters from a function."""

from __future__ import annotations

import inspect
import typing

from dendro_local.sdk.declared_field import NO_DEFAULT, DeclaredField, declare_field
from dendro_local.sdk.docstring import read_docstring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def fields_of_function(processor_name: str, function: Callable[..., Any]) -> list[DeclaredField]:
    """The inputs, outputs and parameters that the arguments of ``function`` declare.

    Raises:
        TypeError: an argument has no annotation, or one that is not supported.
        ValueError: declarations contradict each other.
    """
    if inspect.iscoroutinefunction(function):
        raise TypeError(f"Processor {processor_name!r} is an async function; use a plain one.")
    annotations = _annotations(processor_name, function)
    arguments = inspect.signature(function).parameters
    descriptions = read_docstring(function.__doc__).arguments
    unknown = sorted(descriptions.keys() - arguments.keys())
    if unknown:
        raise ValueError(
            f"Processor {processor_name!r}: its docstring describes "
            f"{', '.join(map(repr, unknown))}, and the function has no such argument."
        )
    declared: list[DeclaredField] = []
    for name, argument in arguments.items():
        _check_argument(processor_name, argument)
        declared.append(
            declare_field(
                processor_name,
                name,
                annotations[name],
                description=descriptions.get(name),
                default=NO_DEFAULT if argument.default is argument.empty else argument.default,
            )
        )
    return declared


def _annotations(processor_name: str, function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise TypeError(
            f"Processor {processor_name!r}: its annotations cannot be evaluated: {error}. "
            "They need names that the app's module has, and `X | None` needs Python 3.10."
        ) from error


def _check_argument(processor_name: str, argument: inspect.Parameter) -> None:
    where = f"Processor {processor_name!r}, field {argument.name!r}"
    if argument.kind not in (argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY):
        raise TypeError(
            f"{where}: a processor's arguments are given by name, so there can be neither "
            "positional-only arguments nor *args nor **kwargs."
        )
    if argument.annotation is argument.empty:
        raise TypeError(f"{where} has no annotation.")
