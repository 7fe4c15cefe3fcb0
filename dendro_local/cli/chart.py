"""Charts of a value over time, drawn with block characters."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

__all__ = ["Span", "chart_lines", "mean_of", "peak_of", "round_ceiling"]

BLOCKS = " ▁▂▃▄▅▆▇█"
MIN_COLUMNS = 10
_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Span(NamedTuple):
    """A value that held for a while; times in seconds."""

    begin: float
    end: float
    value: float


def mean_of(spans: Sequence[Span]) -> float:
    """The mean value, each counted for as long as it held."""
    total_sec = sum(span.end - span.begin for span in spans)
    if total_sec <= 0:
        return spans[-1].value
    return sum(span.value * (span.end - span.begin) for span in spans) / total_sec


def peak_of(spans: Sequence[Span]) -> float:
    """The largest value."""
    return max(span.value for span in spans)


def round_ceiling(value: float, unit: float = 1.0) -> float:
    """The smallest round number of units that is not below a value: where a scale may end.

    Args:
        value: not below 0.
        unit: such as 2^20 for a scale that is labelled in MB.
    """
    if value <= 0:
        return unit
    size = 10.0 ** math.floor(math.log10(value / unit))
    return next(step * size * unit for step in _STEPS if step * size * unit >= value * (1 - 1e-9))


def chart_lines(
    spans: Sequence[Span],
    *,
    width: int,
    height: int,
    ceiling: float,
    show_value: Callable[[float], str],
    show_time: Callable[[float], str],
) -> list[str]:
    """A chart as lines of text, without a title.

    A column is as high as the largest value of its part of the time, so that no peak is lost.

    Args:
        spans: one after the other; at least one.
        width: of the lines, in characters.
        height: of the chart itself, in lines.
        ceiling: the value at the top, > 0.
        show_value: labels the scale.
        show_time: labels the time since the first span began, in seconds.
    """
    labels = [show_value(ceiling * (height - row) / height) for row in range(height)]
    bottom = show_value(0)
    margin = max(len(label) for label in [*labels, bottom])
    columns = max(MIN_COLUMNS, width - margin - 2)
    eighths = [
        round(8 * height * min(value, ceiling) / ceiling) for value in _columns(spans, columns)
    ]
    lines = [
        f"{label if row % 2 == 0 else '':>{margin}} ┤{_row(eighths, height - 1 - row)}".rstrip()
        for row, label in enumerate(labels)
    ]
    begin_label, end_label = "0", show_time(spans[-1].end - spans[0].begin)
    room = columns - len(begin_label)
    return [
        *lines,
        f"{bottom:>{margin}} └{'─' * columns}",
        f"{'':{margin + 2}}{begin_label}{end_label:>{room}}",
    ]


def _columns(spans: Sequence[Span], count: int) -> list[float]:
    """The largest value in each of so many equal parts of the time."""
    begin, end = spans[0].begin, spans[-1].end
    part_sec = (end - begin) / count
    values: list[float] = []
    first = 0
    for column in range(count):
        left, right = begin + column * part_sec, begin + (column + 1) * part_sec
        while first < len(spans) - 1 and spans[first].end <= left:
            first += 1
        value = spans[first].value
        for span in spans[first + 1 :]:
            if span.begin >= right:
                break
            value = max(value, span.value)
        values.append(value)
    return values


def _row(eighths: Sequence[int], row: int) -> str:
    """A line of the chart, ``row`` lines above the lowest."""
    return "".join(BLOCKS[min(8, max(0, each - 8 * row))] for each in eighths)
