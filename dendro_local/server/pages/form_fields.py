"""What forms of pages send, read field by field."""

from collections.abc import Mapping

from dendro_local.errors import InvalidRequest

__all__ = ["Form", "number"]

TOO_MUCH = 1e12

Form = Mapping[str, str]
"""What was sent of a form: its fields, each once."""


def number(form: Form, name: str) -> float | None:
    """The number in a field; None if it is empty.

    Raises:
        InvalidRequest: it is none that is 0 or more.
    """
    text = form.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < TOO_MUCH:
        raise InvalidRequest(f"{name} is {text[:50]!r}. Give a number that is 0 or more.")
    return value
