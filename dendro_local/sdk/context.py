"""What a processor in class style is given: its job's files and parameters as attributes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Values = dict[str, Any]


class Context:
    """Stands in for the pydantic model that a processor's ``run`` is annotated with.

    It holds the same attributes without validating them again. A dotted name becomes a context
    within a context: the value of ``sorter.threshold`` is ``context.sorter.threshold``.

    Args:
        values: by name, where names may be dotted.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        nested: dict[str, dict[str, Any]] = {}
        self._values: dict[str, Any] = {}
        for name, value in values.items():
            group, dot, rest = name.partition(".")
            if dot:
                nested.setdefault(group, {})[rest] = value
            else:
                self._values[name] = value
        for group, members in nested.items():
            self._values[group] = Context(members)
        self.__dict__.update(self._values)

    def model_dump(self, *, exclude_none: bool = False) -> Values:
        """The values by name, groups as dictionaries.

        Args:
            exclude_none: leave out what is None.
        """
        return {
            name: value.model_dump(exclude_none=exclude_none)
            if isinstance(value, Context)
            else value
            for name, value in self._values.items()
            if not (exclude_none and value is None)
        }

    def dict(self, *, exclude_none: bool = False) -> Values:
        """The same as `model_dump`, under the name that pydantic 1 gave it."""
        return self.model_dump(exclude_none=exclude_none)

    def __repr__(self) -> str:
        members = ", ".join(f"{name}={value!r}" for name, value in self._values.items())
        return f"Context({members})"
