"""What is asked before something is removed for good."""

from litestar import Response

from dendro_local.server.pages.rendering import page
from dendro_local.server.v1.asking import HubRequest

__all__ = ["ask_first"]


async def ask_first(
    asked: HubRequest, address: str, *, what: str, consequence: str
) -> Response[bytes] | None:
    """The page that asks whether something is to be removed; None where that is confirmed.

    Args:
        asked: the form that was sent.
        address: of the thing's own page. Its form is sent to the same with ``/remove``.
        what: the thing, as in ``app hello_world``.
        consequence: what goes with it, and what stays.
    """
    if "confirmed" in await asked.request.form():
        return None
    return page(
        asked.request, "confirm_removal.html", what=what, consequence=consequence, address=address
    )
