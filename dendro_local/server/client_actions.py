"""What owners do with compute clients of other machines: who may do it, and the doing."""

from dendro_local.errors import NotAllowed
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.compute_clients import ComputeClientChanges
from dendro_local.model import ComputeClient

__all__ = ["change", "check_owns", "remove"]


def change(
    hub: LocalHub, user_id: str, client_id: str, changes: ComputeClientChanges
) -> ComputeClient:
    """Change what a compute client is called, offers, and for whom it works, if the user may."""
    check_owns(hub, user_id, client_id)
    return hub.change_compute_client(client_id, changes)


def remove(hub: LocalHub, user_id: str, client_id: str) -> None:
    """Forget a compute client with its key, if the user may."""
    check_owns(hub, user_id, client_id)
    hub.remove_compute_client(client_id)


def check_owns(hub: LocalHub, user_id: str, client_id: str) -> ComputeClient:
    """A compute client, of a user who may change it.

    Raises:
        ComputeClientNotFound: there is none of the id.
        NotAllowed: it is another's.
    """
    client = hub.compute_client(client_id)
    if user_id not in (client.userId, hub.user_id):
        raise NotAllowed(f"Compute client {client.computeClientId} belongs to {client.userId}.")
    return client
