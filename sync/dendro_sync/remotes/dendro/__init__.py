"""A hub of the original Dendro as a remote, asked by the Dendro contract alone.

Such a hub has no feed, no signatures and no digests. What is new there is found by asking for the
jobs that changed last; digests are taken while files are downloaded; and a job is pushed by being
run there once more, in so far as its files are handed over instead of computed.
"""

from dendro_sync.remotes.dendro.dendro_remote import DendroRemote
from dendro_sync.remotes.dendro.hub_keys import HubKeys, hub_keys_in, read_hub_keys

__all__ = ["DendroRemote", "HubKeys", "hub_keys_in", "read_hub_keys"]
