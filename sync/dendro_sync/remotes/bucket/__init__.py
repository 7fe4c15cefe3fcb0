"""Jobs and outputs as plain files: in a folder, a bucket, or behind any static file server."""

from dendro_sync.remotes.bucket.archive import new_archive, open_archive
from dendro_sync.remotes.bucket.compacting import Compacted, compact
from dendro_sync.remotes.bucket.remote import BucketRemote
from dendro_sync.remotes.bucket.store_memory import StoreMemory

__all__ = [
    "BucketRemote",
    "Compacted",
    "StoreMemory",
    "compact",
    "new_archive",
    "open_archive",
]
