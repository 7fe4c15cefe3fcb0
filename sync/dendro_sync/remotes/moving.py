"""What some kinds of remote can do, so that blobs are moved faster."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from dendro_local.model import Digest
from dendro_sync.remotes.growing_file import GrowingFile
from dendro_sync.remotes.remote import OnBytes

__all__ = ["GivesPieces", "MovesMany"]


@runtime_checkable
class GivesPieces(Protocol):
    """A remote that leaves to others how a blob is written. Safe for use by many threads."""

    def fetch_into(
        self, digest: Digest, size: int, growing: GrowingFile, on_bytes: OnBytes
    ) -> None:
        """As `Remote.fetch`."""
        ...


@runtime_checkable
class MovesMany(Protocol):
    """A remote that may give and take many small blobs at once. Safe for use by many threads."""

    most_small_bytes: int
    """A blob with more bytes is not to be moved so."""

    def fetch_many(self, digests: Collection[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Those of the blobs that can be had so, in any order. The caller checks their bytes."""
        ...

    def send_many(self, files: Mapping[Digest, Path]) -> set[Digest]:
        """Have blobs there; those of them that are then. The others are to be sent singly."""
        ...
