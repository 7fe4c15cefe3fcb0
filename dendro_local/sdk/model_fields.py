"""Reading a processor's inputs, outputs and parameters from a pydantic model, 2 or 1."""

from __future__ import annotations

import inspect
import typing
from typing import Any, NamedTuple

from dendro_local.sdk.declared_field import NO_DEFAULT, DeclaredField, declare_field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class ModelField(NamedTuple):
    """What both versions of pydantic say about a field."""

    name: str
    annotation: Any
    description: str | None
    default: Any
    extra: Mapping[str, Any]


def context_model(processor_name: str, run: Callable[..., Any]) -> type[Any]:
    """The model that the one parameter of ``run`` is annotated with.

    Raises:
        TypeError: there is not exactly one parameter, or its annotation is no model.
    """
    parameters = list(inspect.signature(run).parameters)
    if len(parameters) != 1:
        raise TypeError(
            f"Processor {processor_name!r}: run must have exactly one parameter, the context, and "
            f"it has {len(parameters)} ({', '.join(parameters)}). Is @staticmethod missing?"
        )
    try:
        model = typing.get_type_hints(run).get(parameters[0])
    except (NameError, TypeError) as error:
        raise TypeError(
            f"Processor {processor_name!r}: the annotation of run cannot be evaluated: {error}."
        ) from error
    if not _is_model(model):
        raise TypeError(
            f"Processor {processor_name!r}: the parameter {parameters[0]!r} of run must be "
            f"annotated with a pydantic model, and it is {model!r}."
        )
    return typing.cast("type[Any]", model)


def fields_of_model(processor_name: str, model: type[Any], group: str = "") -> list[DeclaredField]:
    """The inputs, outputs and parameters that the fields of ``model`` declare.

    Args:
        processor_name: for messages.
        model: a pydantic model.
        group: what their names begin with, dot included.

    Raises:
        TypeError: an annotation or a value is not supported.
        ValueError: declarations contradict each other.
    """
    declared: list[DeclaredField] = []
    for field in _fields(model):
        name = group + field.name
        if _is_model(field.annotation):
            declared += fields_of_model(processor_name, field.annotation, f"{name}.")
            continue
        declared.append(
            declare_field(
                processor_name,
                name,
                field.annotation,
                description=field.description,
                default=field.default,
                options=field.extra.get("options"),
                url_determined_at_runtime=field.extra.get("url_determined_at_runtime"),
            )
        )
    return declared


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and (
        hasattr(annotation, "model_fields") or hasattr(annotation, "__fields__")
    )


def _fields(model: type[Any]) -> Iterator[ModelField]:
    if hasattr(model, "model_fields"):
        return _fields_of_version_2(model)
    return _fields_of_version_1(model)


def _fields_of_version_2(model: type[Any]) -> Iterator[ModelField]:
    for name, info in model.model_fields.items():
        required = info.is_required()
        yield ModelField(
            name=name,
            annotation=info.annotation,
            description=info.description,
            default=NO_DEFAULT if required else info.get_default(call_default_factory=True),
            extra=info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {},
        )


def _fields_of_version_1(model: type[Any]) -> Iterator[ModelField]:
    annotations = typing.get_type_hints(model)
    for name, field in model.__fields__.items():
        info = field.field_info
        yield ModelField(
            name=name,
            annotation=annotations.get(name, field.outer_type_),
            description=info.description,
            default=NO_DEFAULT if field.required else field.get_default(),
            extra=info.extra.get("json_schema_extra", info.extra),
        )
