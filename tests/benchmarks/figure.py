"""Figures, and the table that shows them."""

from dataclasses import dataclass

from tests.benchmarks.measuring import Times

__all__ = [
    "HEAD",
    "Figure",
    "at_most_sec",
    "at_most_times",
    "duration",
    "line",
    "more_than_reference",
]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One row of the table. ``is_met`` is None where there is no budget."""

    what: str
    measured: str
    reference: str = ""
    ratio: str = ""
    budget: str = ""
    is_met: bool | None = None


_TITLES = Figure(
    what="what",
    measured="measured",
    reference="reference of the same run",
    ratio="ratio or more",
    budget="budget",
)
_WIDTHS = (54, 38, 40, 14, 16, 4)


def at_most_times(
    what: str,
    measured: Times,
    name: str,
    reference: Times,
    limit: float | None,
    *,
    with_p99: bool = False,
) -> Figure:
    """A figure that may be at most so many times its reference; None: it has no budget."""
    ratio = measured.ratio_to(reference)
    return Figure(
        what=what,
        measured=_times(measured, with_p99=with_p99),
        reference=f"{name}: {duration(reference.p50)}",
        ratio=f"{ratio:.2f}x",
        budget="" if limit is None else f"at most {limit:g}x",
        is_met=None if limit is None else ratio <= limit,
    )


def more_than_reference(
    what: str, measured: Times, name: str, reference: Times, limit_sec: float | None
) -> Figure:
    """A figure that may take at most so much longer than its reference; None: no budget."""
    more = measured.more_than(reference)
    return Figure(
        what=what,
        measured=_times(measured, with_p99=False),
        reference=f"{name}: {duration(reference.p50)}",
        ratio=f"+{duration(more)}" if more >= 0 else f"-{duration(-more)}",
        budget="" if limit_sec is None else f"at most +{duration(limit_sec)}",
        is_met=None if limit_sec is None else more <= limit_sec,
    )


def at_most_sec(what: str, measured: Times, limit_sec: float) -> Figure:
    """A figure with a budget in seconds."""
    return Figure(
        what=what,
        measured=_times(measured, with_p99=False),
        budget=f"at most {duration(limit_sec)}",
        is_met=measured.p50 <= limit_sec,
    )


def duration(seconds: float) -> str:
    """Three digits, and the unit that suits."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1 or unit == "µs":
            number = seconds * factor
            digits = 0 if number >= 100 else 1 if number >= 10 else 2
            return f"{number:.{digits}f} {unit}"
    raise AssertionError


def line(figure: Figure) -> str:
    """A row of the table, as Markdown."""
    met = {True: "yes", False: "NO", None: ""}[figure.is_met]
    return _row(figure.what, figure.measured, figure.reference, figure.ratio, figure.budget, met)


def _times(times: Times, *, with_p99: bool) -> str:
    parts = [f"p50 {duration(times.p50)}"]
    if with_p99:
        parts.append(f"p99 {duration(times.p99)}")
    return ", ".join([*parts, f"n {times.n}"])


def _row(*cells: str) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    return f"| {' | '.join(padded)} |"


HEAD = "\n".join(
    (
        _row(*(list(vars(_TITLES).values())[:5]), "met"),
        "|" + "|".join("-" * (width + 2) for width in _WIDTHS) + "|",
    )
)
"""The head of the table."""
