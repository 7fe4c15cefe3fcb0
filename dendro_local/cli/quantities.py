"""Ages and sizes as options take them."""

import re
from collections.abc import Mapping

import click

__all__ = ["age_sec", "size_bytes"]

_AGES: Mapping[str, float] = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SIZES: Mapping[str, float] = {
    "": 1,
    "b": 1,
    "kb": 1e3,
    "mb": 1e6,
    "gb": 1e9,
    "tb": 1e12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}

_parts = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)", re.ASCII).fullmatch


def age_sec(text: str) -> float:
    """The seconds in a length of time such as ``30d`` or ``12h``.

    Raises:
        click.BadParameter: it is none.
    """
    parts = _parts(text.strip())
    if parts is None or parts[2] not in _AGES:
        raise click.BadParameter(f"{text!r} is no age: give one such as 90min, 12h, 30d or 8w.")
    return float(parts[1]) * _AGES[parts[2]]


def size_bytes(text: str) -> int:
    """The bytes in a size such as ``500MB`` or ``1.5GB``.

    Raises:
        click.BadParameter: it is none.
    """
    parts = _parts(text.strip())
    if parts is None or parts[2].lower() not in _SIZES:
        raise click.BadParameter(f"{text!r} is no size: give one such as 500MB, 1.5GB or 2TB.")
    return round(float(parts[1]) * _SIZES[parts[2].lower()])
