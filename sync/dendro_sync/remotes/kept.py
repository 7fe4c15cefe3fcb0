"""Under which names something is kept of a remote, beside how far exchanges with it have come."""

__all__ = ["BUCKET", "PAUSE", "UNTRUSTED"]

BUCKET = "bucket"
"""Which bucket it is, see `dendro_sync.remotes.bucket.known_bucket`."""

PAUSE = "pause"
"""For how long it is left alone, see `dendro_sync.remotes.pauses`."""

UNTRUSTED = "untrusted"
"""Which jobs wait for a key to be trusted, see `dendro_sync.trust.awaiting`."""
