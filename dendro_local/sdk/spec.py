"""An app's spec: what it and its processors are called, take and give, as the contract has it."""

from __future__ import annotations

from typing import Any, cast

from dendro_local.sdk.declared_field import NO_DEFAULT, DeclaredField, is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dendro_local.sdk.processor import Processor

MAX_DESCRIPTION_LENGTH = 200
VERSION_ATTRIBUTE = "app_version"
"""The attribute of every processor that carries the version of its app."""


WARM_ATTRIBUTE = "app_warm"
"""The attribute that is false where an app is not to be forked from a warm host."""


NETWORK_ATTRIBUTE = "needs_network"
"""The attribute that is true where a processor needs a network in its container."""


def app_spec(
    name: str,
    description: str,
    processors: Iterable[Processor],
    *,
    version: str | None,
    warm: bool,
    needs_network: bool,
) -> dict[str, Any]:
    """The spec of an app, ready for JSON.

    Raises:
        TypeError: something that a processor declares is not supported.
        ValueError: declarations contradict each other, or a description is too long.
    """
    of_app: dict[str, Any] = {}
    if version is not None:
        of_app[VERSION_ATTRIBUTE] = version
    if not warm:
        of_app[WARM_ATTRIBUTE] = False
    if needs_network:
        of_app[NETWORK_ATTRIBUTE] = True
    return {
        "name": name,
        "description": description,
        "processors": [_processor_spec(processor, of_app) for processor in processors],
    }


def _processor_spec(processor: Processor, of_app: Mapping[str, Any]) -> dict[str, Any]:
    description = processor.description()
    if len(description) > MAX_DESCRIPTION_LENGTH:
        raise ValueError(
            f"Processor {processor.name!r}: its description has {len(description)} characters, "
            f"and at most {MAX_DESCRIPTION_LENGTH} are allowed."
        )
    fields = processor.declared_fields()
    return {
        "name": processor.name,
        "description": description,
        "label": processor.label,
        "image": processor.image,
        "executable": processor.executable,
        "inputs": [_input_spec(field) for field in fields if field.kind in {"input", "input_list"}],
        "outputs": [_output_spec(field) for field in fields if field.kind == "output"],
        "parameters": [_parameter_spec(field) for field in fields if field.kind == "parameter"],
        "attributes": _attributes_spec(processor, of_app),
    }


def _input_spec(field: DeclaredField) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": field.name, "description": field.description}
    if field.kind == "input_list":
        spec["list"] = True
    return spec


def _output_spec(field: DeclaredField) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": field.name, "description": field.description}
    if field.url_determined_at_runtime:
        spec["urlDeterminedAtRuntime"] = True
    return spec


def _parameter_spec(field: DeclaredField) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "name": field.name,
        "type": field.parameter_type,
        "description": field.description,
    }
    # The contract has no null for a default: a parameter of which None is the default has none.
    if field.default is not NO_DEFAULT and field.default is not None:
        spec["defaultValue"] = _as_json(field.default)
    if field.options is not None:
        spec["options"] = field.options
    return spec


def _attributes_spec(processor: Processor, of_app: Mapping[str, Any]) -> list[dict[str, Any]]:
    attributes = dict(processor.attributes)
    for name, value in attributes.items():
        if not is_plain(value):
            raise TypeError(
                f"Processor {processor.name!r}, attribute {name!r}: {value!r} is not a string, a "
                "finite number, a boolean, or a list of these."
            )
    for name, value in of_app.items():
        if name in attributes:
            raise ValueError(
                f"Processor {processor.name!r}: the attribute {name!r} comes from the app; declare "
                "it only there."
            )
        attributes[name] = value
    return [{"name": name, "value": _as_json(value)} for name, value in attributes.items()]


def _as_json(value: Any) -> Any:
    return list(cast("Iterable[Any]", value)) if isinstance(value, tuple) else value
