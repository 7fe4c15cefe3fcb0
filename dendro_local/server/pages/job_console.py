"""The end of a console as plain text, as a terminal would show it: for who has no script."""

import re

__all__ = ["plain_text"]

# Sequences of control (CSI), strings for the terminal itself (OSC and their kin), and two letters.
_escapes = re.compile(
    "\x1b(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_].*?(?:\x07|\x1b\\\\|$)|[ -/]*[0-~])", re.DOTALL
)
_not_shown = re.compile("[\x00-\x07\x0b-\x0c\x0e-\x1f\x7f-\x9f]")


def plain_text(lines: list[str]) -> str:
    """Lines without their escape sequences, and with what was written over others on top."""
    return "\n".join(_plain(line) for line in lines)


def _plain(line: str) -> str:
    line = _not_shown.sub("", _escapes.sub("", line))
    if "\r" not in line and "\b" not in line:
        return line
    cells: list[str] = []
    column = 0
    for part in re.split("([\r\b])", line):
        if part == "\r":
            column = 0
        elif part == "\b":
            column = max(column - 1, 0)
        else:
            cells[column : column + len(part)] = part
            column += len(part)
    return "".join(cells)
