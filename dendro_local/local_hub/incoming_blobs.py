"""Files that clients on other machines send, so that whoever runs their jobs can read them.

A blob that came so belongs to the jobs that have it as an input; without any, it is removed after
a while, as all that nobody needs.
"""

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from dendro_local.errors import IncompleteUpload
from dendro_local.local_hub.parts import Part
from dendro_local.model import Digest
from dendro_local.store import Store
from dendro_local.store.locks import exclusive_new

__all__ = ["IncomingBlobs", "UNUSED_SEC", "is_incoming_blob", "left_blobs"]

UNUSED_SEC = 24 * 3600.0
"""How long a file that comes in may pause, and one that has come may wait for its job."""

FETCHED_YOUNG_SEC = 600.0

_file = re.compile(r"(?:blob|fetched)\.([0-9a-f]{64})(\.came)?").fullmatch


class IncomingBlobs(Part):
    """What is asked about files that are on their way in."""

    def blob_size(self, digest: Digest) -> int | None:
        """The size in bytes of a blob that is there; None if it is not."""
        try:
            return self.store.blobs.path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def incoming_blob(self, digest: Digest) -> Path:
        """Where a blob comes in, from any byte on."""
        with self.store.reading():
            self.store.folder.uploads.mkdir(exist_ok=True, mode=0o700)
        return self.store.folder.uploads / f"blob.{digest}"

    def fetched_blob(self, digest: Digest) -> Path:
        """Where this store itself fetches a blob to, from any byte on."""
        return self.incoming_blob(digest).with_name(f"fetched.{digest}")

    def write_fetched(self, file: Path, content: bytes) -> bool:
        """Write all bytes of a blob, which the caller has checked, for `Blobs.restore_all`.

        Args:
            file: as `fetched_blob` gives it.
            content: the bytes.

        Returns:
            Whether they were written; not if some are there, with which somebody may go on.
        """
        with self.store.reading(), exclusive_new(file) as descriptor:
            if descriptor is None:
                return False
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            return True

    def clear_fetched(self, young_sec: float = FETCHED_YOUNG_SEC) -> None:
        """Remove the second names of blobs that fetches left which were killed.

        Args:
            young_sec: what is younger may be of one that goes on.
        """
        with self.store.reading():
            if not self.store.folder.uploads.is_dir():
                return
            for file in self.store.folder.uploads.glob("fetched.*"):
                match = _file(file.name)
                if match is not None and self.store.blobs.has(Digest(match[1])):
                    with contextlib.suppress(FileNotFoundError):
                        if time.time() - file.stat().st_mtime >= young_sec:
                            file.unlink()

    def keep_incoming_blob(self, digest: Digest, found: Digest) -> None:
        """Keep a blob that has come.

        Args:
            digest: what it should be.
            found: what it is.

        Raises:
            IncompleteUpload: its bytes are others; they are removed.
        """
        file = self.incoming_blob(digest)
        with self.store.reading():
            if found != digest:
                file.unlink(missing_ok=True)
                raise IncompleteUpload(
                    f"The bytes that came are not those of {digest[:12]}... Send the file again."
                )
            self.store.blobs.restore(digest, file)
            # As if it had just been written, so that it is not taken for one left behind.
            os.utime(self.store.blobs.path(digest))
            file.with_name(f"{file.name}.came").touch()
            file.unlink(missing_ok=True)

    def keep_small_blobs(self, blobs: Iterable[tuple[Digest, bytes]]) -> list[Digest]:
        """Keep blobs that have come together; those of them that are there now.

        The others came with other bytes, or are just coming by themselves.
        """
        written: dict[Digest, Path] = {}
        there: list[Digest] = []
        with self.store.reading():
            for digest, content in blobs:
                if self.store.blobs.has(digest):
                    there.append(digest)
                elif hashlib.sha256(content).hexdigest() == digest:
                    file = self.fetched_blob(digest)
                    if self.write_fetched(file, content):
                        written[digest] = file
            self.store.blobs.restore_all(written)
            for digest, file in written.items():
                file.with_name(f"blob.{digest}.came").touch()
                file.unlink(missing_ok=True)
        return there + list(written)

    def clear_blobs(self) -> None:
        """Remove what has come in part, and goes on no more, and what no job was submitted with."""
        with self.store.reading():
            for file in left_blobs(self.store):
                self.remove_incoming(file)

    def remove_incoming(self, file: Path) -> None:
        """Remove what `left_blobs` gives; a blob that has come unless a job needs it by now."""
        match = _file(file.name)
        if match is not None and match[2]:
            digest = Digest(match[1])
            with self.store.transaction(quietly=True):
                if self.store.jobs.unreferenced([digest]):
                    self.store.blobs.remove(digest)
        file.unlink(missing_ok=True)


def is_incoming_blob(file: Path) -> bool:
    """Whether a file among the uploads is a blob on its way in, or tells of one that has come."""
    return _file(file.name) is not None


def left_blobs(store: Store) -> Iterator[Path]:
    """Blobs that will come no further, and files that tell of one which has waited long enough."""
    now = time.time()
    for file in store.folder.uploads.glob("*.*"):
        try:
            changed_at = file.stat().st_mtime
        except FileNotFoundError:
            continue  # it has come this very moment
        if is_incoming_blob(file) and now - changed_at >= UNUSED_SEC:
            yield file
