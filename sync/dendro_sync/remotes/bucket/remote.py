"""A bucket as a remote. What lies where is told in ``docs/bucket-format.md``."""

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from dendro_local.errors import NotAHub, OutputNotFound
from dendro_local.model import Digest, JobDefinition, JobId
from dendro_local.signed_records import Entry, ReadBatch, SigningKey
from dendro_sync.remotes.bucket.addresses import read_address
from dendro_sync.remotes.bucket.blobs import BucketBlobs
from dendro_sync.remotes.bucket.changes import empty_batch, read_changes
from dendro_sync.remotes.bucket.feed import Feed
from dendro_sync.remotes.bucket.folder_objects import FolderObjects
from dendro_sync.remotes.bucket.header import Header
from dendro_sync.remotes.bucket.known_bucket import BucketHeader, KnownBucket, Memory
from dendro_sync.remotes.bucket.layout import HEADER
from dendro_sync.remotes.bucket.objects import Objects
from dendro_sync.remotes.bucket.records import Records
from dendro_sync.remotes.bucket.store_objects import PATIENCE_SEC, StoreObjects
from dendro_sync.remotes.bucket.waiting import wait_for_change
from dendro_sync.remotes.bucket.writing import Writer
from dendro_sync.remotes.remote import OnBytes, Refusal, RemoteFacts
from dendro_sync.selection import Selection

__all__ = ["BucketRemote"]


class BucketRemote:
    """Plain files, or objects, that jobs are exchanged through. Safe for use by many threads.

    A bucket is made by the first push to a place where there is nothing.

    Args:
        objects: where the bucket is.
        key: signs the batches that are written; None to leave them unsigned.
        memory: keeps what tells that it is the same bucket the next time; None if nothing does.
    """

    def __init__(
        self,
        objects: Objects,
        *,
        key: SigningKey | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.objects = objects
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._known = KnownBucket(objects, memory)
        self._header = Header(objects, self)
        self.feed = Feed(objects, self._executor)
        self._records = Records(objects, self._executor)
        self._blobs = BucketBlobs(objects, self._executor)
        self._writer = Writer(objects, self._records, self.feed, self._executor, key)

    @classmethod
    def at(
        cls,
        url: str,
        *,
        key: SigningKey | None = None,
        patience_sec: float = PATIENCE_SEC,
        memory: Memory | None = None,
    ) -> "BucketRemote":
        """The bucket at a URL; see `dendro_sync.remotes.bucket.addresses.read_address`.

        Args:
            url: where.
            key: signs the batches that are written.
            patience_sec: for how long a store that does not answer is asked again.
            memory: keeps what tells that it is the same bucket the next time.

        Raises:
            InvalidRequest: it is no such URL.
        """
        address = read_address(url)
        objects = (
            FolderObjects(Path(address.place))
            if address.scheme == "file"
            else StoreObjects(address, patience_sec=patience_sec)
        )
        return cls(objects, key=key, memory=memory)

    @property
    def url(self) -> str:
        """Where it is."""
        return self.objects.url

    @property
    def requests(self) -> int:
        """How many requests it has been asked so far; each part of an upload is one."""
        return self.objects.requests

    def facts(self) -> RemoteFacts:
        """What it is; one request, or two of a place where nothing has been put yet."""
        header = self._seen_header()
        return RemoteFacts(
            kind="bucket",
            url=self.url,
            store_id=None if header is None else header.storeId,
            version=None if header is None else str(header.version),
            can_write=self._can_write(),
        )

    # What it has

    def changes(self, cursor: str, selection: Selection) -> Iterator[ReadBatch]:
        """What changed there after a cursor; see `dendro_sync.remotes.remote.Remote`.

        With nothing new one request, and one more for who has not asked this bucket before. What
        cannot be read is told by a line that is no entry, and asked for again the next time.
        """
        header = self._seen_header()
        if header is None:
            yield empty_batch("")
            return
        yield from read_changes(self.feed, header.storeId, cursor, selection)
        self._known.keep(header, self.feed.last)

    def entries_of(self, jobs: Mapping[JobId, str]) -> Iterator[Entry]:
        """These jobs, by id; two requests each."""
        if self._header.read() is not None:
            yield from self._records.entries_of(jobs)

    def find(
        self,
        service: str,
        definition_hash: str,
        content_key: str | None,
        *,
        definition: JobDefinition | None = None,
    ) -> Iterator[Entry]:
        """Jobs of a definition, or of a content key if there is none; the first costs one request.

        The header is not asked for: who looks for one job knows that this is a bucket.
        """
        is_found = False
        for entry in self._records.of_definition(service, definition_hash):
            is_found = True
            yield entry
        if not is_found and content_key is not None:
            entry_of_content = self._records.of_content(service, content_key)
            if entry_of_content is not None:
                yield entry_of_content

    def blob_sizes(self, digests: Collection[Digest]) -> dict[Digest, int]:
        """Those of the blobs that are there, with their sizes in bytes; one request each."""
        return {} if self._header.read() is None else self._blobs.sizes(digests)

    def fetch(self, digest: Digest, size: int, file: Path, on_bytes: OnBytes) -> None:
        """Write a blob to a file, going on after what of it is there already.

        Raises:
            OutputNotFound: it is not there.
            HubUnreachable: the whole bucket is not there.
        """
        try:
            self._blobs.fetch(digest, size, file, on_bytes)
        except OutputNotFound as error:
            if self._header.is_gone():
                raise self._header.away() from error
            raise

    # What it is to have

    def lacking(self, jobs: Mapping[JobId, str]) -> set[JobId]:
        """Those of the jobs, by id with `statement_digest`, that are not there; one request each.

        What was deleted there does not count as lacking.
        """
        return set(jobs) if self._header.read() is None else self._records.lacking(jobs)

    def lacking_blobs(self, blobs: Mapping[Digest, int]) -> set[Digest]:
        """Those of the blobs, by digest with their size in bytes, that are not there whole."""
        return set(blobs) if self._header.read() is None else self._blobs.lacking(blobs)

    def worth_sending(self, blobs: Mapping[Digest, int]) -> set[Digest]:
        """As `lacking_blobs`, but for a few small ones: to ask for these costs as much."""
        return set(blobs) if self._header.read() is None else self._blobs.worth_sending(blobs)

    def send(self, digest: Digest, file: Path, on_bytes: OnBytes) -> None:
        """Have a blob there.

        An upload that was stopped is made again from its beginning: no store lets one go on with
        the parts of another process by obstore.

        Raises:
            InputUnavailable: the file's bytes are not those of the digest, and so were not sent.
        """
        self._header.read_or_make()
        self._blobs.send(digest, file, on_bytes)

    def put(self, entries: Sequence[Entry], *, without_files: bool = False) -> list[Refusal]:
        """Have entries there: all but those that are refused, told by one new segment.

        What is there already is no refusal; tags are merged. A job that was deleted there stays
        deleted.
        """
        header = self._header.read_or_make()
        refusals = self._writer.put(entries)
        self._known.keep(header, self.feed.last)
        return refusals

    def exchanging(self) -> AbstractContextManager[None]:
        """A block in which what a put has shown of the feed is not asked again by `changes`."""
        return self.feed.exchanging()

    def wait(self, timeout_sec: float, is_over: Callable[[], bool]) -> bool:
        """Wait until something changes there; whether it may have. Ends early if ``is_over``."""
        return wait_for_change(self.objects, self.feed, timeout_sec, is_over)

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(cancel_futures=True)
        self.objects.close()

    def store_id(self) -> str:
        """The random id of the bucket.

        Raises:
            NotAHub: there is none.
        """
        header = self._header.read()
        if header is None:
            raise NotAHub(f"There is no {HEADER} in {self.url}: nothing was pushed there yet.")
        return header.storeId

    def store_id_or_new(self) -> str:
        """The random id of the bucket, which is made if nothing has been put there yet."""
        return self._header.read_or_make().storeId

    def known_header(self) -> BucketHeader | None:
        """The header, if this is the bucket that was known before; one request, or none."""
        found = self._known.again()
        if found is None:
            return None
        header, last = found
        self.feed.goes_to(last)
        return header

    def was_there(self) -> bool:
        """Whether there was a bucket here when this remote was asked before."""
        return self._known.was_there()

    def _seen_header(self) -> BucketHeader | None:
        """The header; that there is one is remembered."""
        header = self._header.read()
        if header is not None:
            self._known.saw(header)
        return header

    def _can_write(self) -> bool:
        folder = self.objects.folder
        if folder is None or not self.objects.is_writable:
            return self.objects.is_writable
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return os.access(folder, os.W_OK | os.X_OK)

    def _executor(self) -> Executor:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(
                    self.objects.concurrency, thread_name_prefix="dendro-bucket"
                )
            return self._threads
