"""Moving many blobs at once, in both directions."""

import hashlib
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
from dendro_sync.remotes.moving import MovesMany
from dendro_sync.remotes.remote import Remote

__all__ = ["Fetched", "Transfers"]

AT_ONCE = 8

MOST_TOGETHER = 250
"""So many small blobs are moved by one request,"""

BYTES_TOGETHER = 1 << 20
"""or so many bytes of them: no more is moved again when a connection breaks."""

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
            self._fetch_together(remote, blobs)
            self._all(fetch, [digest for digest in blobs if not blobs[digest].was_fetched])
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

        sent = self._send_together(remote, files)
        self._all(send, [digest for digest in files if digest not in sent])
        self._tracker.report.files += len(files) - len(failed)
        return failed

    def close(self) -> None:
        """Stop what is under way, and wait for its end."""
        self._is_over.set()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _fetch_together(self, remote: Remote, blobs: Mapping[Digest, IncomingBlob]) -> None:
        """Fetch small blobs, as far as the remote gives many at once. The others stay to come."""
        if not isinstance(remote, MovesMany):
            return
        most = remote.most_small_bytes
        small = {
            digest: blob.size
            for digest, blob in blobs.items()
            if 0 < blob.size <= most and not blob.is_begun()
        }
        written: dict[Digest, Path] = {}

        def fetch(group: list[Digest]) -> None:
            for digest, content in remote.fetch_many(group):
                if self._is_over.is_set():
                    raise Stopped
                if digest not in small or hashlib.sha256(content).hexdigest() != digest:
                    continue  # asked for by itself, it is told what is wrong
                file = blobs[digest].file
                if self._hub.write_fetched(file, content):
                    written[digest] = file
                    self._tracker.add_bytes(len(content))

        self._all(fetch, _groups(small))
        with self._hub.store.reading():
            self._hub.store.blobs.restore_all(written)
        for digest in written:
            blobs[digest].was_fetched = True

    def _send_together(self, remote: Remote, files: Mapping[Digest, Path]) -> set[Digest]:
        """Send small blobs, as far as the remote takes many at once; those that are there then."""
        if not isinstance(remote, MovesMany):
            return set()
        most = remote.most_small_bytes
        sizes = {digest: _size_of(file) for digest, file in files.items()}
        small = {digest: size for digest, size in sizes.items() if 0 < size <= most}
        sent: set[Digest] = set()

        def send(group: list[Digest]) -> None:
            try:
                there = remote.send_many({digest: files[digest] for digest in group})
            except (HubUnreachable, NotAuthenticated, StoreError):
                raise
            except DendroError:
                return  # sent by itself, each is told what is wrong
            sent.update(there)
            self._on_sent(sum(small[digest] for digest in there))

        self._all(send, _groups(small))
        return sent

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


def _groups(sizes: Mapping[Digest, int]) -> list[list[Digest]]:
    """Small blobs, by digest with their sizes, as they are moved together; none moves alone."""
    groups: list[list[Digest]] = []
    room = 0
    for digest, size in sizes.items():
        if not groups or room < size or len(groups[-1]) == MOST_TOGETHER:
            groups.append([])
            room = BYTES_TOGETHER
        groups[-1].append(digest)
        room -= size
    return [group for group in groups if len(group) > 1]


def _size_of(file: Path) -> int:
    """The size of a file in bytes; 0 if it is gone."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
