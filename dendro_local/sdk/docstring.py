"""The description and the ``Args`` of a Google-style docstring."""

from __future__ import annotations

import inspect
import re
from typing import NamedTuple

_ARGUMENTS_HEADERS = ("Args:", "Arguments:")
_ARGUMENT = re.compile(r"(\w+)(?: *\([^)]*\))?: *(.*)")


class Docstring(NamedTuple):
    """What a docstring says.

    Attributes:
        description: its first paragraph, in one line.
        arguments: the description of each argument, in one line.
    """

    description: str
    arguments: dict[str, str]


def read_docstring(text: str | None) -> Docstring:
    """Takes a docstring apart; None stands for no docstring."""
    lines = inspect.cleandoc(text or "").splitlines()
    return Docstring(_description(lines), _arguments(lines))


def _description(lines: list[str]) -> str:
    paragraph: list[str] = []
    for line in lines:
        if not line.strip() or line.rstrip() in _ARGUMENTS_HEADERS:
            break
        paragraph.append(line.strip())
    return " ".join(paragraph)


def _arguments(lines: list[str]) -> dict[str, str]:
    arguments: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc("\n" + "\n".join(_section(lines))).splitlines():
        entry = _ARGUMENT.fullmatch(line.rstrip())
        if entry:
            name = entry[1]
            arguments[name] = entry[2]
        elif name and line.strip():
            arguments[name] = f"{arguments[name]} {line.strip()}".strip()
    return arguments


def _section(lines: list[str]) -> list[str]:
    """The indented lines below the header of the arguments."""
    starts = [i for i, line in enumerate(lines) if line.rstrip() in _ARGUMENTS_HEADERS]
    if not starts:
        return []
    section: list[str] = []
    for line in lines[starts[0] + 1 :]:
        if line and not line[0].isspace():
            break
        section.append(line)
    return section
