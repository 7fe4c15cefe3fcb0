"""Under which names something is kept of a remote, beside how far exchanges with it have come."""

__all__ = ["BUCKET", "UNTRUSTED"]

BUCKET = "bucket"
"""Which bucket it is, see `dendro_sync.remotes.bucket.known_bucket`."""

UNTRUSTED = "untrusted"
"""Which jobs wait for a key to be trusted, see `dendro_sync.trust.awaiting`."""
