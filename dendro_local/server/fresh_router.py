"""A router that is made for one application."""

from collections.abc import Mapping
from typing import Self

from litestar import Router

__all__ = ["FreshRouter"]


class FreshRouter(Router):
    """Routes that one application alone serves, and may keep as they are.

    The framework would copy them all the way down, which takes longer than to make them.
    """

    def __deepcopy__(self, memo: Mapping[int, object]) -> Self:
        return self
