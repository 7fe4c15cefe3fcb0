"""What lists are asked by: moments, and where a page begins."""

import base64
import binascii
import math
from datetime import UTC, datetime

from dendro_local.errors import InvalidRequest

__all__ = ["moment", "place_of", "text_of_place"]

LAST_MOMENT = 1e11
"""In seconds since the Unix epoch: some thousand years."""


def moment(name: str, text: str | None) -> float | None:
    """The moment that a parameter gives, in seconds since the Unix epoch; None if it is not given.

    Args:
        name: of the parameter.
        text: such as ``1763800000.5``, ``2025-11-22`` or ``2025-11-22T10:00:00+01:00``. Without
            an offset it is UTC.

    Raises:
        InvalidRequest: it is none of these.
    """
    if text is None:
        return None
    try:
        found = float(text)
    except ValueError:
        try:
            given = datetime.fromisoformat(text)
            found = (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError) as error:
            raise _no_moment(name, text) from error
    if not math.isfinite(found) or abs(found) > LAST_MOMENT:
        raise _no_moment(name, text)
    return found


def text_of_place(place: tuple[float, int]) -> str:
    """A place in a list as a reply gives it."""
    updated_at, number = place
    return base64.urlsafe_b64encode(f"{updated_at!r} {number}".encode()).decode().rstrip("=")


def place_of(text: str | None) -> tuple[float, int] | None:
    """A place in a list as a reply has given it.

    Raises:
        InvalidRequest: no reply has given this.
    """
    if text is None:
        return None
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        updated_at, number = plain.split(" ")
        place = float(updated_at), int(number)
    except (ValueError, binascii.Error) as error:
        raise _no_place(text) from error
    if not math.isfinite(place[0]) or not 0 <= place[1] < 2**63:
        raise _no_place(text)
    return place


def _no_moment(name: str, text: str) -> InvalidRequest:
    return InvalidRequest(
        f"{name} is {text[:100]!r}. Give seconds since the Unix epoch, or a time such as "
        "2025-11-22T10:00:00Z."
    )


def _no_place(text: str) -> InvalidRequest:
    return InvalidRequest(f"after is {text[:100]!r}. Give the `next` of the page before.")
