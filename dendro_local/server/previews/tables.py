"""Some rows of a file of comma- or tab-separated values, however long it is."""

import csv
import itertools
import os
from collections.abc import Iterator

from dendro_local.v1 import TablePart

__all__ = ["table_part"]

PART_BYTES = 256 << 10
MOST_ROWS = 200
MOST_COLUMNS = 100
MOST_CHARACTERS = 200
"""Of a cell."""

BOM = b"\xef\xbb\xbf"


class _Lines:
    """The lines of a piece of a file, and how many of its bytes were taken."""

    def __init__(self, raw: bytes) -> None:
        self._lines = raw.splitlines(keepends=True)
        self.taken = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.taken += len(line)
            yield line.decode("utf-8", "replace")


def table_part(descriptor: int, size: int, name: str, first: int) -> TablePart | None:
    """The rows that begin at a byte; the first row of the file is taken for the columns' names.

    Args:
        descriptor: of the file.
        size: of the file, in bytes.
        name: of the file; with the ending ``.tsv``, tabs stand between its cells.
        first: the byte at which a row begins; 0 for the first one.

    Returns:
        None if the file has rows that are too long for a table, or quotes that do not end.
    """
    delimiter = "\t" if name.lower().endswith(".tsv") else ","
    try:
        columns, rows_begin = _rows(descriptor, size, 0, delimiter, 1)
        if not columns:
            return None if size else TablePart(columns=[], rows=[])
        begin = first if rows_begin < first <= size else rows_begin
        rows, end = _rows(descriptor, size, begin, delimiter, MOST_ROWS)
    except csv.Error:
        return None
    if not rows and end < size:
        return None
    widest = max(len(row) for row in [*columns, *rows])
    return TablePart(
        columns=_cut(columns[0]),
        rows=[_cut(row) for row in rows],
        columns_left_out=max(0, widest - MOST_COLUMNS),
        next=end if end < size else None,
    )


def _rows(
    descriptor: int, size: int, first: int, delimiter: str, most: int
) -> tuple[list[list[str]], int]:
    """Rows from a byte on, and the byte after the last of them."""
    raw = os.pread(descriptor, PART_BYTES, first)
    skipped = len(BOM) if first == 0 and raw.startswith(BOM) else 0
    lines = _Lines(raw[skipped:])
    is_last = first + len(raw) >= size
    found: list[list[str]] = []
    end = 0
    for row in itertools.islice(csv.reader(lines, delimiter=delimiter), most):
        if not is_last and lines.taken + skipped >= len(raw):
            break  # the row may go on behind what was read
        end = lines.taken + skipped
        found.append(row)
    return found, first + end


def _cut(row: list[str]) -> list[str]:
    return [
        cell if len(cell) <= MOST_CHARACTERS else f"{cell[:MOST_CHARACTERS]}…"
        for cell in row[:MOST_COLUMNS]
    ]
