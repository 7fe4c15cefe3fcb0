"""What tells that a place is a bucket of ours: the object ``dendro-bucket.json``."""

import threading
import time
from pathlib import Path
from typing import Protocol

import msgspec

from dendro_local.errors import HubUnreachable, InvalidRequest, NotAHub
from dendro_local.random_ids import random_id
from dendro_sync.remotes.bucket.known_bucket import BucketHeader
from dendro_sync.remotes.bucket.layout import FORMAT_VERSION, HEADER
from dendro_sync.remotes.bucket.objects import Objects

__all__ = ["Acquaintance", "Header", "missing_place"]

FORMAT = "dendro-bucket"
MOST_BYTES = 64 << 10


class Acquaintance(Protocol):
    """What is known of a bucket from before."""

    def known_header(self) -> BucketHeader | None:
        """Its header, if this is that bucket."""
        ...

    def was_there(self) -> bool:
        """Whether there was a bucket at this place."""
        ...


class Header:
    """Reads the header of a bucket once, or makes it at the first write.

    In a folder of this machine it is looked for each time, as a disk may be taken away, and what
    is written then would lie in the place where it was.

    Args:
        objects: where the bucket is, or is to be.
        known: what is known from before.
    """

    def __init__(self, objects: Objects, known: Acquaintance) -> None:
        self._objects = objects
        self._known = known
        self._lock = threading.Lock()
        self._found: BucketHeader | None = None

    def read(self) -> BucketHeader | None:
        """The header; None of a place where nothing has been put yet.

        Raises:
            NotAHub: it is no bucket, or one of a later version.
            HubUnreachable: there was a bucket, and now there is nothing.
        """
        with self._lock:
            if self._found is None:
                self._found = self._known.known_header() or self._read()
            elif self._objects.folder is not None and not _is_file(self._objects.folder / HEADER):
                raise self.away()
            return self._found

    def is_gone(self) -> bool:
        """Whether there is none by now; one request."""
        return self._objects.size(HEADER) is None

    def away(self) -> HubUnreachable:
        """That there is no bucket any more where there was one, to be raised."""
        folder = self._objects.folder
        if folder is None:
            return HubUnreachable(
                f"There was a bucket at {self._objects.url}, and there is none any more: its "
                f"{HEADER} is gone. Check the address. If it was emptied, remove the remote and "
                "add it again: the next push makes a new one."
            )
        what = "has no bucket in it any more" if folder.is_dir() else "is not there"
        return HubUnreachable(
            f"The folder {folder} {what}: is its disk connected and mounted? If it was emptied or "
            "moved, `dendro-local remote set NAME --url FOLDER` says where the remote is now."
        )

    def read_or_make(self) -> BucketHeader:
        """The header, which is made if nothing has been put yet.

        Raises:
            NotAHub: it is no bucket, and there are other things at its place.
            HubUnreachable: there was a bucket, and now there is nothing; or its place is not there.
        """
        found = self.read()
        if found is not None:
            return found
        header = BucketHeader(
            format=FORMAT,
            version=FORMAT_VERSION,
            storeId=random_id(20),
            createdSec=time.time(),
        )
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
        if raw is None and self._known.was_there():
            raise self.away()
        if raw is None and self._is_empty():
            self._check_has_place()
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

    def _check_has_place(self) -> None:
        """Refuse to make more than the last folder of a path: that is a slip, or a disk away."""
        folder = self._objects.folder
        if folder is not None and not folder.parent.is_dir():
            raise missing_place(folder)

    def _is_empty(self) -> bool:
        if not self._objects.is_writable or not self._objects.is_listable:
            return False
        try:
            return not any(self._objects.found(""))
        except InvalidRequest:
            return False


def missing_place(folder: Path) -> HubUnreachable:
    """That a folder cannot be a bucket, as that in which it would be is not there; to be raised."""
    return HubUnreachable(
        f"The folder {folder} is not there, and neither is {folder.parent}: is its disk connected "
        "and mounted? Otherwise check the address, or make that folder first."
    )


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:
        return False  # such as of a disk that was pulled out
