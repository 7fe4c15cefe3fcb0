"""Whether a version of Python is one that a ``requires-python`` asks for."""

import re
from collections.abc import Callable

__all__ = ["admits"]

Release = tuple[int, ...]

_CLAUSE = r"(~=|===?|!=|<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)*)(\.\*)?"


def admits(specifiers: str, release: Release) -> bool:
    """Whether a release of Python is one of those that version specifiers name.

    Releases only: an early version of Python 3.15 counts as 3.15 itself. See
    https://packaging.python.org/en/latest/specifications/version-specifiers/.

    Args:
        specifiers: such as ``>=3.11,<3.14``; none admit every release.
        release: such as ``(3, 11, 7)``.

    Raises:
        ValueError: these are not version specifiers.
    """
    clauses = [part.strip() for part in specifiers.split(",") if part.strip()]
    admitted = [_clause_admits(clause, release) for clause in clauses]  # so each one is read
    return all(admitted)


def _clause_admits(clause: str, release: Release) -> bool:
    found = re.fullmatch(_CLAUSE, clause)
    if found is None:
        raise ValueError(f"{clause!r} is no version specifier")
    operator, text, is_prefix = found[1], found[2], found[3] is not None
    version = tuple(int(part) for part in text.split("."))
    if operator == "~=":
        if is_prefix or len(version) < 2:
            raise ValueError(f"{clause!r} is no version specifier")
        return _order(release, version) >= 0 and release[: len(version) - 1] == version[:-1]
    if is_prefix:
        if operator not in ("==", "!="):
            raise ValueError(f"{clause!r} is no version specifier")
        return (release[: len(version)] == version) is (operator == "==")
    return _COMPARISONS[operator](_order(release, version))


def _order(left: Release, right: Release) -> int:
    """Below, at or above 0, as ``left`` comes before, with or after ``right``."""
    width = max(len(left), len(right))
    padded_left, padded_right = (each + (0,) * (width - len(each)) for each in (left, right))
    return (padded_left > padded_right) - (padded_left < padded_right)


_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "==": lambda order: order == 0,
    "===": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<=": lambda order: order <= 0,
    ">=": lambda order: order >= 0,
    "<": lambda order: order < 0,
    ">": lambda order: order > 0,
}
