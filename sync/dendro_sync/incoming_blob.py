"""Fetching a blob from a remote: from where it broke off, and only if its bytes are the right ones.

The bytes lie among the store's uploads until they are whole. What is left of a fetch that was
killed is gone on with; what nobody goes on with is removed after a while, as with uploads.
"""

import contextlib
import os
from collections.abc import Callable

from dendro_local.errors import NotAllowed, NotFound
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.trust import Refused
from dendro_local.model import Digest
from dendro_local.store import file_digest
from dendro_local.store.locks import exclusive_at
from dendro_sync.alongside_digest import AlongsideDigest
from dendro_sync.remotes.growing_file import GrowingFile
from dendro_sync.remotes.moving import GivesPieces
from dendro_sync.remotes.remote import OnBytes, Remote

__all__ = ["IncomingBlob", "Stopped"]

ALONGSIDE_BYTES = 4 << 20
"""Larger files are digested by a thread of their own, while they come."""


class Stopped(Exception):
    """Whoever wanted the bytes does not want them any more."""


class _TooLong(Exception):
    """More comes than there can be."""


class IncomingBlob:
    """A blob that is to come. Of all threads and processes that want it, one fetches it.

    Args:
        hub: to whose store it comes.
        digest: SHA-256 of its bytes.
        size: how many they are.
    """

    def __init__(self, hub: LocalHub, digest: Digest, size: int) -> None:
        self._hub = hub
        self._blobs = hub.store.blobs
        self._digest = digest
        self.size = size
        """How many bytes it has."""
        self.file = hub.fetched_blob(digest)
        """Another name of the blob, once it was fetched here."""
        self.was_fetched = False
        """Whether it was fetched here, and not by another thread or process."""

    def fetch(self, remote: Remote, on_bytes: OnBytes, is_over: Callable[[], bool]) -> None:
        """Have the blob in the store.

        Args:
            remote: where it is.
            on_bytes: is told of bytes as they come.
            is_over: whether to stop.

        Raises:
            Refused: it is not there, or its bytes are others.
            Stopped: it is over.
            HubUnreachable: the remote does not answer.
        """
        with self._hub.store.reading(), exclusive_at(self.file):
            if self._blobs.has(self._digest):
                self._remove_if_empty()
                return
            begun = self.file.stat().st_size
            fault = self._come(remote, on_bytes, is_over)
            if fault is not None and begun:
                # What was there before may have been torn by whatever ended that fetch.
                os.truncate(self.file, 0)
                fault = self._come(remote, on_bytes, is_over)
            if fault is not None:
                self.file.unlink()
                raise fault
            self._blobs.restore(self._digest, self.file)
            self.was_fetched = True

    def is_begun(self) -> bool:
        """Whether some of it may be here, or come at this moment."""
        return self.file.exists()

    def done(self) -> None:
        """Remove the other name, now that records name the blob, or none will."""
        if self.was_fetched:
            self.file.unlink(missing_ok=True)

    def _come(
        self, remote: Remote, on_bytes: OnBytes, is_over: Callable[[], bool]
    ) -> Refused | None:
        """Fetch what is lacking; what is wrong with it."""
        received = 0
        lacking = self.size - self.file.stat().st_size
        if lacking < 0:
            os.truncate(self.file, 0)
            lacking = self.size

        def on_more(count: int) -> None:
            nonlocal received
            received += count
            on_bytes(count)
            if is_over():
                raise Stopped
            if received > self.size:
                raise _TooLong

        try:
            found = self._receive(remote, lacking, on_more) if lacking else None
        except _TooLong:
            return self._wrong_size(f"more than {self.size}")
        except (NotFound, NotAllowed) as error:
            self._remove_if_empty()
            raise Refused(
                "missing", f"File {self._digest[:12]}... cannot be had: {error}"
            ) from error
        return self._fault(found)

    def _receive(self, remote: Remote, lacking: int, on_more: OnBytes) -> str | None:
        """Let so many bytes come; the digest of all there are then, if it was taken on the way."""
        if isinstance(remote, GivesPieces):
            with GrowingFile(self.file, lacking) as growing:
                remote.fetch_into(self._digest, self.size, growing, on_more)
            return growing.digest
        if lacking < ALONGSIDE_BYTES:
            remote.fetch(self._digest, self.size, self.file, on_more)
            return None
        alongside = AlongsideDigest(self.file)

        def on_written(count: int) -> None:
            on_more(count)
            alongside.go_on()

        try:
            remote.fetch(self._digest, self.size, self.file, on_written)
        finally:
            found = alongside.end()
        return found

    def _fault(self, found: str | None) -> Refused | None:
        """What is wrong with the bytes; ``found`` is their digest, if they came in order."""
        size = self.file.stat().st_size
        if size != self.size:
            return self._wrong_size(str(size))
        # What a remote wrote in another order than from first to last is read again.
        if found != self._digest and file_digest(self.file)[0] != self._digest:
            return Refused("digest", f"File {self._digest[:12]}... came with other bytes.")
        return None

    def _wrong_size(self, found: str) -> Refused:
        return Refused(
            "size", f"File {self._digest[:12]}... came with {found} bytes instead of {self.size}."
        )

    def _remove_if_empty(self) -> None:
        # Whoever fetched it may be done with it at this moment.
        with contextlib.suppress(FileNotFoundError):
            if not self.file.stat().st_size:
                self.file.unlink()
