"""Merging the feed of a bucket, so that a first pull takes few requests."""

from dendro_local.errors import InvalidRequest
from dendro_local.local_hub import LocalHub
from dendro_sync.opening import open_remote
from dendro_sync.remotes.bucket import BucketRemote, Compacted, compact
from dendro_sync.saved_remotes import saved_remote

__all__ = ["compact_remote"]


def compact_remote(hub: LocalHub, name: str | None = None) -> Compacted:
    """Merge small segments of the feed of a bucket, while others may read and write it.

    Args:
        hub: of the store that has the remote.
        name: of the remote; None for the only one.

    Raises:
        InvalidRequest: the remote is no bucket, or nothing is to be written there.
        NotAllowed: it may not be written.
    """
    saved = saved_remote(hub, name)
    if saved.kind != "bucket":
        raise InvalidRequest(f"Remote {saved.name} is a hub: only a bucket is compacted.")
    if saved.settings.read_only:
        raise InvalidRequest(f"Remote {saved.name} was added with --read-only.")
    remote = open_remote(hub, saved)
    try:
        assert isinstance(remote, BucketRemote)  # noqa: S101 - as its kind says
        return compact(remote, key=hub.shared.signing_key)
    finally:
        remote.close()
