"""Blobs of a bucket: bytes by their SHA-256, written once and never changed."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path

from dendro_local.errors import InputUnavailable, NotSupported, OutputNotFound
from dendro_local.model import Digest
from dendro_sync.remotes.bucket.layout import BLOBS, blob_name
from dendro_sync.remotes.bucket.objects import Objects
from dendro_sync.remotes.remote import OnBytes

__all__ = ["BucketBlobs"]

LIST_FROM = 2_000
"""So many blobs are not asked for one by one, where their folders can be listed."""

FEW = 32
SMALL_BYTES = 64 << 10
"""So few and small ones are sent without being asked for: that is refused where they are there."""

PART_BYTES = 8 << 20
"""What is larger is sent in parts of at least this size, each tried again by itself."""

MOST_PARTS = 9_000
"""S3 takes 10,000."""


class BucketBlobs:
    """The blobs of one bucket. Safe for use by many threads.

    Args:
        objects: of the bucket.
        executor: gives threads for requests that are made at once.
    """

    def __init__(self, objects: Objects, executor: Callable[[], Executor]) -> None:
        self._objects = objects
        self._executor = executor

    def fetch(self, digest: Digest, size: int, file: Path, on_bytes: OnBytes) -> None:
        """Write a blob to a file, going on after what of it is there already.

        Of a blob that is longer than it should be one byte too many is written, so that this
        shows and no disk is filled.

        Raises:
            OutputNotFound: it is not there.
        """
        there = file.stat().st_size if file.exists() else 0
        if there == size and size:
            return
        start = there if there < size else 0
        try:
            self._fetch(digest, size, file, start, on_bytes)
        except NotSupported:
            if not start:
                raise
            # A server that knows no ranges, such as Python's: once more from the beginning.
            self._fetch(digest, size, file, 0, on_bytes)

    def sizes(self, digests: Collection[Digest]) -> dict[Digest, int]:
        """Those of the blobs that are there, with their sizes in bytes."""
        found = zip(digests, self._executor().map(self._size, digests), strict=True)
        return {digest: size for digest, size in found if size is not None}

    def lacking(self, blobs: Mapping[Digest, int]) -> set[Digest]:
        """Those of the blobs, by digest with their size in bytes, that are not there whole."""
        is_local = self._objects.folder is not None
        if len(blobs) >= LIST_FROM and self._objects.is_listable and not is_local:
            return self._lacking_in_lists(blobs)
        found = self._executor().map(self._size, blobs)
        return {digest for digest, size in zip(blobs, found, strict=True) if size != blobs[digest]}

    def worth_sending(self, blobs: Mapping[Digest, int]) -> set[Digest]:
        """As `lacking`, but for a few small ones: to ask for these costs as much."""
        if len(blobs) > FEW:
            return self.lacking(blobs)
        small = {digest for digest, size in blobs.items() if size <= SMALL_BYTES}
        rest = {digest: size for digest, size in blobs.items() if digest not in small}
        return small | (self.lacking(rest) if rest else set())

    def send(self, digest: Digest, file: Path, on_bytes: OnBytes) -> None:
        """Have a blob there.

        Raises:
            InputUnavailable: the file's bytes are not those of the digest, and so were not sent.
        """
        name = blob_name(digest)
        size = file.stat().st_size
        if size > PART_BYTES:
            if self._objects.size(name) != size:
                if not self._objects.can_abort:
                    for _ in _checked_pieces(digest, file, PART_BYTES, lambda _: None):
                        pass
                part_bytes = max(PART_BYTES, -(-size // MOST_PARTS))
                self._objects.upload(
                    name, _checked_pieces(digest, file, part_bytes, on_bytes), part_bytes
                )
            return
        data = b"".join(_checked_pieces(digest, file, PART_BYTES, on_bytes))
        if not self._objects.create(name, data) and self._objects.size(name) != size:
            self._objects.replace(name, data)

    def _size(self, digest: Digest) -> int | None:
        return self._objects.size(blob_name(digest))

    def _lacking_in_lists(self, blobs: Mapping[Digest, int]) -> set[Digest]:
        wanted: dict[str, set[Digest]] = defaultdict(set)
        for digest in blobs:
            wanted[blob_name(digest).rpartition("/")[0]].add(digest)

        def there(folder: str) -> set[Digest]:
            sizes = {
                Digest(each.name.rpartition("/")[2]): each.size
                for page in self._objects.found(folder)
                for each in page
            }
            return {digest for digest in wanted[folder] if sizes.get(digest) != blobs[digest]}

        return set[Digest]().union(*self._executor().map(there, wanted))

    def _fetch(self, digest: Digest, size: int, file: Path, start: int, on_bytes: OnBytes) -> None:
        pieces = self._objects.stream(blob_name(digest), start, size + 1)
        if pieces is None:
            raise OutputNotFound(f"{BLOBS}/.../{digest} is not in {self._objects.url}.")
        left = size + 1 - start
        with file.open("r+b" if start else "wb", buffering=0) as stream:
            stream.seek(start)
            for piece in pieces:
                kept = memoryview(piece)[:left]
                stream.write(kept)
                on_bytes(len(kept))
                left -= len(kept)
                if not left:
                    break


def _checked_pieces(
    digest: Digest, file: Path, piece_bytes: int, on_bytes: OnBytes
) -> Iterator[bytes]:
    """The bytes of a file, and an error at the end if they are not those of the digest.

    A wrong blob would stay wrong for all who come, since nobody writes it again.
    """
    sha256 = hashlib.sha256()
    with file.open("rb", buffering=0) as stream:
        while piece := stream.read(piece_bytes):
            sha256.update(piece)
            yield piece
            on_bytes(len(piece))
    if sha256.hexdigest() != digest:
        raise InputUnavailable(
            f"The bytes of {file} are not those of the digest {digest} any more, and were not "
            "sent. `dendro-local doctor` finds and mends what is damaged."
        )
