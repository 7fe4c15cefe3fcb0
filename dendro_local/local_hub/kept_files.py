"""Keeping the files that jobs leave as blobs: with their record, or not at all."""

import contextlib
from collections.abc import Generator, Mapping
from pathlib import Path
from stat import S_ISREG

from dendro_local.local_hub.ending import Ending
from dendro_local.model import Digest
from dendro_local.store import StoredFile

__all__ = ["KeptFiles"]


class KeptFiles(Ending):
    """What takes in the files that a job left."""

    @contextlib.contextmanager
    def _adopting(self) -> Generator[dict[Digest, Path]]:
        """A block that takes files in as blobs: without its record, none of them stays.

        Gives the table to which each is added.
        """
        adopted: dict[Digest, Path] = {}
        with self.store.reading():
            try:
                yield adopted
            except BaseException:
                self.remove_blobs(list(adopted))
                raise

    def _keep(
        self, file: Path, adopted: dict[Digest, Path], digest: Digest | None = None
    ) -> StoredFile:
        if digest is None:
            digest, size = self.store.blobs.adopt(file)
        else:
            self.store.blobs.restore(digest, file)
            size = file.stat().st_size
        adopted[digest] = file
        return StoredFile(digest, size)

    def _keep_log(self, log: Path | None, adopted: dict[Digest, Path]) -> StoredFile | None:
        if log is None:
            return None
        try:
            status = log.stat()
        except OSError:
            return None
        return self._keep(log, adopted) if S_ISREG(status.st_mode) and status.st_size else None

    def _restore(self, adopted: Mapping[Digest, Path]) -> None:
        """Name the files as blobs again that a deletion removed since they were adopted.

        Inside the transaction that records them: a deletion looks in one of its own.
        """
        for digest, file in adopted.items():
            self.store.blobs.restore(digest, file)
