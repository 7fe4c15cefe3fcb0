"""What the records of our own HTTP interface have in common."""

import msgspec

__all__ = ["Answer", "Question"]


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a hub answers. A later one may add fields, which whoever reads it passes over."""


class Question(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """What a hub is asked in a body. A field that it does not know is refused."""
