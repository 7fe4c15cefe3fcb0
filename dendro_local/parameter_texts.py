"""The value of a parameter from the text that a person typed, by its type in the spec. Pure."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from dendro_local.model import ParameterValue

__all__ = ["parameter_value"]

Scalar = str | int | float | bool


def parameter_value(type_name: str | None, text: str) -> ParameterValue:
    """The value that ``text`` stands for.

    Args:
        type_name: the type as a spec spells it, such as ``Optional[List[int]]``; None where the
            spec does not have the parameter.
        text: what was typed.

    Raises:
        ValueError: the text is no value of the type; says what would be.
    """
    if type_name is None:
        return _json_or_text(text)
    inner = _inside(type_name, "Optional")
    if inner is not None:
        return None if text == "null" else parameter_value(inner, text)
    item = _inside(type_name, "List")
    if item is not None:
        return _list(item, text)
    reader = _READERS.get(type_name)
    return _json_or_text(text) if reader is None else reader(text)


def _inside(type_name: str, outer: str) -> str | None:
    if type_name.startswith(f"{outer}[") and type_name.endswith("]"):
        return type_name[len(outer) + 1 : -1]
    return None


def _list(item: str, text: str) -> list[Scalar]:
    if text.lstrip().startswith("["):
        try:
            values: list[Scalar] = json.loads(text)
        except ValueError:
            raise ValueError(f"{text!r} is not JSON") from None
        return values  # what is in it is checked against the spec with the whole definition
    reader: Callable[[str], Scalar] = _READERS.get(item, str)
    return [reader(part.strip()) for part in text.split(",")] if text.strip() else []


def _int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def _bool(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


_READERS: Mapping[str, Callable[[str], Scalar]] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "str": str,
}


def _json_or_text(text: str) -> ParameterValue:
    value = _loads(text)
    return text if isinstance(value, dict) else value


def _loads(text: str) -> Any:
    """The value of JSON text; the text itself if it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text
