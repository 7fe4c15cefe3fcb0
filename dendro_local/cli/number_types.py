"""Numbers of options, refused in plain words where the text is none."""

from typing import Any

import click

__all__ = ["NumberRange", "WholeNumberRange"]


class NumberRange(click.FloatRange):
    """A number between limits; arguments as for `click.FloatRange`."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number that the text is."""
        try:
            float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number.", param, ctx)
        number: float = super().convert(value, param, ctx)
        return number


class WholeNumberRange(click.IntRange):
    """A whole number between limits; arguments as for `click.IntRange`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number that the text is."""
        try:
            int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        number: int = super().convert(value, param, ctx)
        return number
