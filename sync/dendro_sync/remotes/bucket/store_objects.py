"""Objects of an object store, over obstore."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from dendro_local.errors import HubUnreachable, InvalidRequest, NotAllowed, NotSupported
from dendro_sync.remotes.bucket.addresses import Address, open_store
from dendro_sync.remotes.bucket.faults import ObjectAbsent, ObjectThere, translated
from dendro_sync.remotes.bucket.layout import HEADER
from dendro_sync.remotes.bucket.objects import FoundObject, NewObject

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

__all__ = ["PATIENCE_SEC", "StoreObjects"]

PATIENCE_SEC = 8.0
"""For how long a store that does not answer is asked again."""

PARTS_AT_ONCE = 3
CREATES = 5
READ_BYTES = 4 << 20
LISTED_AT_ONCE = 1000


class StoreObjects:
    """The objects at an address that is no folder of this machine. Safe for use by many threads.

    Args:
        address: where.
        patience_sec: for how long a store that does not answer is asked again.
    """

    folder: Path | None = None
    can_abort = True
    concurrency = 32

    def __init__(self, address: Address, *, patience_sec: float = PATIENCE_SEC) -> None:
        self._address = address
        self._patience_sec = patience_sec
        self.url = address.url
        self.is_writable = not address.scheme.startswith("http")
        self.is_listable = self.is_writable
        self._requests = 0
        self._was_read = False
        self._store: ObjectStore | None = None
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        """How many requests were made so far; each part of an upload is one."""
        return self._requests

    def get(self, name: str, most_bytes: int) -> bytes | None:
        """The bytes of an object; None if it is not there."""
        import obstore

        try:
            store = self._opened()
            with translated(self.url):
                reply = obstore.get(store, name)
                is_small = reply.meta["size"] <= most_bytes
                data = reply.bytes().to_bytes() if is_small else None
        except (ObjectAbsent, NotAllowed) as error:
            self._check_absent(error)
            return None
        self._was_read = True
        if data is not None:
            return data
        raise InvalidRequest(
            f"{name} in {self.url} has {reply.meta['size']} bytes, and at most {most_bytes} are "
            "read. It is damaged, or not written by dendro-local."
        )

    def size(self, name: str) -> int | None:
        """The size in bytes of an object; None if it is not there."""
        import obstore

        try:
            store = self._opened()
            with translated(self.url):
                return obstore.head(store, name)["size"]
        except (ObjectAbsent, NotAllowed) as error:
            self._check_absent(error)
            return None

    def stream(self, name: str, start: int, stop: int) -> Iterator[bytes] | None:
        """The bytes of an object from one on, perhaps up to another; None if it is not there."""
        import obstore

        try:
            store = self._opened()
            with translated(self.url):
                if start:
                    reply = obstore.get(store, name, options={"range": {"offset": start}})
                    if reply.range[0] != start:
                        raise NotSupported(f"{self.url} gives other bytes than it is asked for.")
                else:
                    reply = obstore.get(store, name)
        except (ObjectAbsent, NotAllowed) as error:
            self._check_absent(error)
            return None
        return self._pieces(reply.stream(READ_BYTES))

    def create(self, name: str, data: bytes) -> bool:
        """Write an object unless there is one of this name; whether there was none."""
        for _ in range(CREATES):
            if self._create(name, data):
                return True
            # S3 also refuses while another write of this name is under way, which may then fail:
            # what is not there must not be taken for being there.
            if self._address.scheme != "s3" or self.size(name) is not None:
                return False
        raise HubUnreachable(f"{name} cannot be written to {self.url}: others write it, in vain.")

    def create_all(self, objects: Sequence[NewObject], executor: Executor) -> list[bool]:
        """Write objects, many at once."""
        names, contents = [name for name, _ in objects], [data for _, data in objects]
        return list(executor.map(self.create, names, contents))

    def replace(self, name: str, data: bytes) -> None:
        """Write an object, instead of the one of this name if there is one."""
        import obstore

        store = self._opened(to_write=True)
        with translated(self.url):
            obstore.put(store, name, data, use_multipart=False)

    def upload(self, name: str, pieces: Iterator[bytes], part_bytes: int) -> None:
        """Write an object that has these bytes, in parts of a size that are sent at once."""
        import obstore

        store = self._opened(to_write=True)
        with translated(self.url):
            obstore.put(
                store,
                name,
                self._counted(pieces),
                use_multipart=True,
                chunk_size=part_bytes,
                max_concurrency=PARTS_AT_ONCE,
            )

    def found(self, prefix: str, after: str | None = None) -> Iterator[Sequence[FoundObject]]:
        """The objects below a folder, sorted by name, from after a name on."""
        import obstore

        if not self.is_listable:
            raise NotSupported(f"{self.url} cannot be asked what it has.")
        pages: Iterator[Sequence[ObjectMeta]] | None = None
        while True:
            try:
                store = self._opened()
                if pages is None:
                    pages = iter(
                        obstore.list(store, prefix, offset=after, chunk_size=LISTED_AT_ONCE)
                    )
                with translated(self.url):
                    page = next(pages, None)
            except ObjectAbsent:
                return
            if page is None:
                return
            yield sorted(
                (
                    FoundObject(
                        name=each["path"],
                        size=each["size"],
                        changed_sec=each["last_modified"].timestamp(),
                    )
                    for each in page
                ),
                key=lambda each: each.name,
            )

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects."""
        import obstore

        store = self._opened(to_write=True)
        for name in names:
            try:
                with translated(self.url):
                    obstore.delete(store, name)
            except ObjectAbsent:
                continue

    def close(self) -> None:
        """Let go of connections."""
        self._store = None

    def _create(self, name: str, data: bytes) -> bool:
        import obstore

        try:
            store = self._opened(to_write=True)
            with translated(self.url):
                obstore.put(store, name, data, mode="create", use_multipart=False)
        except ObjectThere:
            return False
        except ObjectAbsent as error:
            raise HubUnreachable(f"{name} cannot be written in {self.url}.") from error
        return True

    def _check_absent(self, error: ObjectAbsent | NotAllowed) -> None:
        """S3 refuses to say of an object that it is not there to who may read, but not list."""
        if isinstance(error, ObjectAbsent):
            return
        if not self._was_read:
            self._probe(error)

    def _probe(self, refusal: NotAllowed) -> None:
        """Look whether anything may be read at all."""
        import obstore

        try:
            store = self._opened()
            with translated(self.url):
                obstore.get(store, HEADER)
        except (ObjectAbsent, NotAllowed) as error:
            raise refusal from error
        self._was_read = True

    def _opened(self, *, to_write: bool = False) -> "ObjectStore":
        if to_write and not self.is_writable:
            raise NotAllowed(f"{self.url} can only be read: it is a plain HTTP server.")
        with self._lock:
            self._requests += 1
            if self._store is None:
                with translated(self.url):
                    self._store = open_store(self._address, self._patience_sec)
            return self._store

    def _count(self) -> None:
        with self._lock:
            self._requests += 1

    def _pieces(self, stream: Iterator[bytes]) -> Iterator[bytes]:
        while True:
            with translated(self.url):
                piece = next(stream, None)
            if piece is None:
                return
            yield piece

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._count()
            yield piece
