"""Another dendro-local hub as a remote, over ``/v1/sync``."""

from dendro_sync.remotes.hub.remote import HubRemote

__all__ = ["HubRemote"]
