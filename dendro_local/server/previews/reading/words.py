"""Values of files as text that is not too long."""

# pyright: basic
# What a value holds is known when it is looked at.

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

__all__ = ["cell_text", "value_text"]

MOST_CHARACTERS = 300
MOST_VALUES = 30

Named = Callable[[object], str | None]


def cell_text(value: object) -> str:
    """One value."""
    return value_text(value, most_values=10)


def value_text(
    value: object, *, most_values: int = MOST_VALUES, named: Named = lambda _: None
) -> str:
    """A value, or some of its values.

    Args:
        value: whatever a reader gave.
        most_values: how many of many values.
        named: what names a value of a kind that is not known here; None if it does not.
    """
    text = _Words(most_values, named).text(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


class _Words:
    """Puts values into words: at most so many of each list."""

    def __init__(self, most_values: int, named: Named) -> None:
        self._most = most_values
        self._named = named

    def text(self, value: Any) -> str:
        """A value of any kind."""
        found = self._named(value)
        if found is not None:
            return found
        if isinstance(value, np.ndarray | np.generic):
            return self._of_numpy(value)
        if isinstance(value, bytes):
            return value[: MOST_CHARACTERS * 4].decode("utf-8", "replace")
        if isinstance(value, str):
            return value[: MOST_CHARACTERS + 1].encode("utf-8", "replace").decode()
        if isinstance(value, float):
            return format(value, ".10g")
        if isinstance(value, dict):
            pairs = islice(value.items(), self._most)
            return "{" + ", ".join(f"{name}: {self.text(each)}" for name, each in pairs) + "}"
        if isinstance(value, Sequence):
            return self._list(value, len(value))
        return str(value)

    def _of_numpy(self, value: Any) -> str:
        if isinstance(value, np.ndarray) and value.ndim > 0:
            return self._list(value, len(value))
        names = value.dtype.names
        if names is not None:
            return self._list((value[name] for name in names), len(names))
        if value.dtype.kind == "V":
            return bytes(value.tobytes()[:32]).hex(" ")
        return self.text(value.item())

    def _list(self, values: Iterable[Any], length: int) -> str:
        more = ", …" if length > self._most else ""
        return "[" + ", ".join(map(self.text, islice(values, self._most))) + more + "]"
