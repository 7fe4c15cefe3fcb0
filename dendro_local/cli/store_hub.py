"""The hub over the default store, for commands that work on the store itself."""

from dendro_local.client.default_hub import default_hub
from dendro_local.errors import NotSupported
from dendro_local.local_hub import LocalHub

__all__ = ["store_hub"]


def store_hub() -> LocalHub:
    """The hub over the default store.

    Raises:
        NotSupported: the store is not on this machine.
    """
    hub = default_hub()
    if not isinstance(hub, LocalHub):
        raise NotSupported(
            f"This is done where the store is, and DENDRO_API_URL is set to {hub.place}. Run the "
            "command on the machine of that hub; or unset it for the store of this one."
        )
    return hub
