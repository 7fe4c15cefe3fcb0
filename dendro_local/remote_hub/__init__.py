"""The hub on another machine, over HTTP: what a client or a compute client asks of it."""

from dendro_local.remote_hub.hub import RemoteHub

__all__ = ["RemoteHub"]
