"""How answers look: tables, JSON, sizes and times; and where what is no answer goes."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

import click
import msgspec

from dendro_local.shown_quantities import show_duration, show_size

__all__ = [
    "Refused",
    "print_fields",
    "print_json",
    "print_table",
    "say",
    "show_count",
    "show_duration",
    "show_size",
    "show_time",
    "styled_status",
]

MIN_COLUMN = 10
"""No column is cut to less than this many characters."""

_COLOURS: Mapping[str, str] = {"completed": "green", "failed": "red", "running": "yellow"}


class Refused(click.ClickException):
    """Something that is done only with another option, which the message names."""

    exit_code = 2


def say(text: str) -> None:
    """Tell the user something that is not the answer."""
    click.echo(text, err=True)


def print_json(value: object, *, on_one_line: bool = False) -> None:
    """Print records as JSON, with the field names that they have, at once."""
    raw = msgspec.json.encode(value, enc_hook=str)
    click.echo(raw if on_one_line else msgspec.json.format(raw, indent=2))


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, may_cut: Sequence[str]
) -> None:
    """Print aligned columns.

    Args:
        header: the columns' names. A column ``STATUS`` is coloured.
        rows: the cells.
        may_cut: names of columns that are cut on a terminal that is too narrow for all.
    """
    lines = [list(header), *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns - 2 * (len(header) - 1)
        widths = _narrowed(widths, [name in may_cut for name in header], room)
    for line in lines:
        cells = [_cut(cell, width).ljust(width) for cell, width in zip(line, widths, strict=True)]
        shown = [
            styled_status(cell) if name == "STATUS" else cell
            for name, cell in zip(header, cells, strict=True)
        ]
        click.echo("  ".join(shown).rstrip())


def print_fields(fields: Sequence[tuple[str, str]], *, indent: int = 0) -> None:
    """Print names and values below each other, the values aligned, with all of their lines."""
    width = max((len(name) for name, _ in fields), default=0)
    for name, value in fields:
        first, *more = value.splitlines() or [""]
        click.echo(f"{' ' * indent}{name.ljust(width)}  {first}".rstrip())
        for line in more:
            click.echo(f"{' ' * (indent + width + 2)}{line}".rstrip())


def styled_status(status: str) -> str:
    """A status in its colour, where the terminal takes colours."""
    colour = _COLOURS.get(status.strip())
    if colour is None or os.environ.get("NO_COLOR"):
        return status
    return click.style(status, fg=colour)  # click drops it where stdout is no terminal


def show_count(count: int, what: str) -> str:
    """A number of things: ``1 job``, ``2 jobs``."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def show_time(timestamp_sec: float, *, with_zone: bool = False) -> str:
    """A moment in local time: ``2025-11-22 16:41:05``, or with ``+01:00`` after it."""
    local = datetime.fromtimestamp(timestamp_sec).astimezone()
    text = local.isoformat(sep=" ", timespec="seconds")
    return f"{text[:19]} {text[19:]}" if with_zone else text[:19]


def _one_line(cell: str) -> str:
    return "".join(char if char.isprintable() else " " for char in cell)


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"


def _narrowed(widths: Sequence[int], may_cut: Sequence[bool], room: int) -> list[int]:
    """The widths that fit into so many characters, the widest that may be cut giving way first."""
    narrowed = list(widths)
    while sum(narrowed) > room:
        widest = max((width, column) for column, width in enumerate(narrowed) if may_cut[column])
        if widest[0] <= MIN_COLUMN:
            break
        narrowed[widest[1]] -= 1
    return narrowed
