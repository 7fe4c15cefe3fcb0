"""Files of this machine that jobs took as inputs."""

from pathlib import Path

from dendro_local.errors import InputUnavailable
from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest

__all__ = ["local_input"]


def local_input(hub: LocalHub, digest: Digest, place: str | None) -> Path | None:
    """Where a file with these bytes is now; None if nowhere.

    Args:
        hub: whose store may have it.
        digest: SHA-256 of its bytes.
        place: where it was when it was submitted, if that is known.
    """
    if hub.store.blobs.has(digest):
        return hub.store.blobs.path(digest)
    with hub.store.reading():
        seen = [] if place is None else [Path(place)]
        for path in [*seen, *hub.store.local_files.paths(digest)]:
            try:
                if hub.store.local_files.digest(path)[0] == digest:
                    return path
            except InputUnavailable:
                continue
    return None
