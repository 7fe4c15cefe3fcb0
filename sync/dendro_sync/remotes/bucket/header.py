"""What tells that a place is a bucket of ours: the object ``dendro-bucket.json``."""

import threading
import time

import msgspec

from dendro_local.errors import InvalidRequest, NotAHub
from dendro_local.random_ids import random_id
from dendro_sync.remotes.bucket.layout import FORMAT_VERSION, HEADER
from dendro_sync.remotes.bucket.objects import Objects

__all__ = ["BucketHeader", "Header"]

FORMAT = "dendro-bucket"
MOST_BYTES = 64 << 10


class BucketHeader(msgspec.Struct, frozen=True, kw_only=True):
    """Which bucket it is, and how to read it."""

    format: str = FORMAT
    version: int = FORMAT_VERSION
    storeId: str
    """Random; cursors and caches are of one of these."""
    createdSec: float
    """In seconds since the Unix epoch."""


class Header:
    """Reads the header of a bucket once, or makes it at the first write.

    Args:
        objects: where the bucket is, or is to be.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._lock = threading.Lock()
        self._found: BucketHeader | None = None

    def read(self) -> BucketHeader | None:
        """The header; None of a place where nothing has been put yet.

        Raises:
            NotAHub: it is no bucket, or one of a later version.
        """
        with self._lock:
            if self._found is None:
                self._found = self._read()
            return self._found

    def read_or_make(self) -> BucketHeader:
        """The header, which is made if nothing has been put yet.

        Raises:
            NotAHub: it is no bucket, and there are other things at its place.
        """
        found = self.read()
        if found is not None:
            return found
        header = BucketHeader(storeId=random_id(20), createdSec=time.time())
        # Of two who make it at once, one does, and both read what that one wrote.
        if self._objects.create(HEADER, msgspec.json.format(msgspec.json.encode(header))):
            with self._lock:
                self._found = header
            return header
        found = self.read()
        if found is None:
            raise NotAHub(f"{HEADER} in {self._objects.url} comes and goes. Try again.")
        return found

    def _read(self) -> BucketHeader | None:
        where = self._objects.url
        raw = self._objects.get(HEADER, MOST_BYTES)
        if raw is None and self._is_empty():
            return None
        if raw is None and self._objects.is_writable:
            # Not empty: perhaps since somebody made the bucket just now.
            raw = self._objects.get(HEADER, MOST_BYTES)
        if raw is None:
            raise NotAHub(
                f"{where} is no bucket of dendro-local: there is no {HEADER} in it. Check the "
                "address; for a new bucket, name an empty folder."
            )
        try:
            header = msgspec.json.decode(raw, type=BucketHeader)
        except msgspec.MsgspecError as error:
            raise NotAHub(
                f"{where} is no bucket of dendro-local: its {HEADER} cannot be read: {error}."
            ) from error
        if header.format != FORMAT or not header.storeId:
            raise NotAHub(f"{where} is no bucket of dendro-local, but a {header.format!r}.")
        if header.version > FORMAT_VERSION:
            raise NotAHub(
                f"{where} was written in version {header.version} of the format of buckets, and "
                f"this dendro-local reads up to version {FORMAT_VERSION}. Update dendro-local."
            )
        return header

    def _is_empty(self) -> bool:
        if not self._objects.is_writable or not self._objects.is_listable:
            return False
        try:
            return not any(self._objects.found(""))
        except InvalidRequest:
            return False
