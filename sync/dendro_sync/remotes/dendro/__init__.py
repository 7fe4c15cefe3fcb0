"""A hub of the original Dendro as a remote, asked by the Dendro contract alone.

Such a hub has no feed, no signatures and no digests. What is new there is found by asking for the
jobs that changed last; digests are taken while files are downloaded; and a job is pushed by being
run there once more, in so far as its files are handed over instead of computed.
"""

from typing import TYPE_CHECKING

from dendro_sync.remotes.dendro.hub_keys import HubKeys, hub_keys_in, read_hub_keys

if TYPE_CHECKING:
    from dendro_sync.remotes.dendro.dendro_remote import DendroRemote

__all__ = ["DendroRemote", "HubKeys", "hub_keys_in", "read_hub_keys"]


def __getattr__(name: str) -> object:
    # Loaded when first used: remotes of other kinds have keys too, and need none of the rest.
    if name != "DendroRemote":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dendro_sync.remotes.dendro.dendro_remote import DendroRemote

    return DendroRemote
