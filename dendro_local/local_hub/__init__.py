"""The hub over a store of this machine: no server and no network.

Who may do what, the cache rule, dependencies and what becomes of them are decided here; the
store below keeps and finds.
"""

from dendro_local.local_hub.hub import LocalHub

__all__ = ["LocalHub"]
