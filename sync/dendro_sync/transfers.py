"""Moving many blobs at once, in both directions."""

import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from dendro_local.errors import DendroError, HubUnreachable, NotAuthenticated, StoreError
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.trust import Refused
from dendro_local.model import Digest
from dendro_sync.incoming_blob import IncomingBlob, Stopped
from dendro_sync.progress import Tracker
from dendro_sync.remotes.remote import Remote

__all__ = ["Fetched", "Transfers"]

AT_ONCE = 8

T = TypeVar("T")


class Fetched(msgspec.Struct, kw_only=True):
    """What became of blobs that were to be fetched."""

    files: dict[Digest, Path] = {}
    """Those that were fetched: other names of theirs, which stay for the block."""
    failed: dict[Digest, Refused] = {}


class Transfers:
    """Moves blobs, some at once. To be closed.

    Args:
        hub: of the store.
        tracker: is told of bytes.
    """

    def __init__(self, hub: LocalHub, tracker: Tracker) -> None:
        self._hub = hub
        self._tracker = tracker
        self._is_over = threading.Event()
        self._pool: ThreadPoolExecutor | None = None

    @contextmanager
    def fetched(self, remote: Remote, wanted: Mapping[Digest, int]) -> Generator[Fetched]:
        """A block in which blobs are in the store, and stay there though no record names them.

        Args:
            remote: where they are.
            wanted: their sizes in bytes.

        Raises:
            HubUnreachable: it does not answer any more.
        """
        found = Fetched()
        blobs = {
            digest: IncomingBlob(self._hub, digest, size)
            for digest, size in wanted.items()
            if not self._hub.store.blobs.has(digest)
        }
        self._tracker.expect_bytes(sum(wanted[digest] for digest in blobs))

        def fetch(digest: Digest) -> None:
            try:
                blobs[digest].fetch(remote, self._tracker.add_bytes, self._is_over.is_set)
            except Refused as refused:
                found.failed[digest] = refused

        try:
            self._all(fetch, blobs)
            found.files = {digest: blob.file for digest, blob in blobs.items() if blob.was_fetched}
            self._tracker.report.files += len(found.files)
            yield found
        finally:
            for blob in blobs.values():
                blob.done()

    def send(self, remote: Remote, files: Mapping[Digest, Path]) -> dict[Digest, str]:
        """Have blobs at a remote; those that could not be sent, and why.

        Raises:
            HubUnreachable: it does not answer any more.
        """
        failed: dict[Digest, str] = {}

        def send(digest: Digest) -> None:
            try:
                remote.send(digest, files[digest], self._on_sent)
            except FileNotFoundError:
                failed[digest] = "it was removed from the store just now"
            except (HubUnreachable, NotAuthenticated, StoreError):
                raise
            except DendroError as error:
                failed[digest] = str(error)

        self._all(send, files)
        self._tracker.report.files += len(files) - len(failed)
        return failed

    def close(self) -> None:
        """Stop what is under way, and wait for its end."""
        self._is_over.set()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _on_sent(self, count: int) -> None:
        self._tracker.add_bytes(count)
        if self._is_over.is_set():
            raise Stopped

    def _all(self, move: Callable[[T], None], items: Iterable[T]) -> None:
        """Do it with all, until one fails."""
        some = list(items)
        if len(some) == 1:
            move(some[0])
            return
        if not some:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dendro-transfer")
        futures: list[Future[None]] = [self._pool.submit(move, each) for each in some]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            if future.exception() is not None:
                self.close()
                break
        for future in done:
            future.result()
