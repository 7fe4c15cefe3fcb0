"""Files of a hub: fetched, with their digest taken on the way, and remembered by it.

The hub has no digests. So each file is downloaded once to learn its own; then it is known by it,
in later processes too, and if its bytes are wanted later they must still have it.
"""

import contextlib
import hashlib
import os
import threading
import time
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import httpx
import msgspec

from dendro_local.errors import HubUnreachable, OutputNotFound
from dendro_local.local_hub.trust import Refused
from dendro_local.model import Digest
from dendro_local.store import file_digest
from dendro_local.store.locks import exclusive
from dendro_sync.remotes.dendro.journal import Journal
from dendro_sync.remotes.dendro.wire import Wire
from dendro_sync.remotes.remote import OnBytes

__all__ = ["HubFiles", "SeenFile"]

PIECE_BYTES = 1 << 20

LEFT_SEC = 24 * 3600.0
"""So old is no file that somebody is still going to copy."""


class SeenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was at a URL: SHA-256 and size in bytes."""

    url: str
    digest: Digest
    size: int


class HubFiles:
    """The files of a hub. Safe for use by many threads and processes.

    Args:
        wire: asks for them.
        folder: what is remembered, and what has come of files, is kept here.
        keeps: whether bytes that came to learn a digest are kept until `copy` asks for them.
    """

    def __init__(self, wire: Wire, folder: Path, *, keeps: bool) -> None:
        self._wire = wire
        self._keeps = keeps
        self._spool = folder / "arriving"
        self._journal = Journal(folder / "files.jsonl", SeenFile)
        self._lock = threading.Lock()
        self._by_url: dict[str, SeenFile] = {}
        self._by_digest: dict[Digest, SeenFile] = {}
        self._new: list[SeenFile] = []

    def look(self, url: str, size: int | None) -> SeenFile:
        """What is at a URL: downloaded, unless it is known.

        Args:
            url: of the file.
            size: how many bytes it is said to have; None if nothing is said.

        Raises:
            OutputNotFound: there is nothing.
            Refused: it has another size.
            HubUnreachable: nobody answers there.
        """
        known = self._known_at(url)
        if known is None:
            whole = self._fetched(url, size)
            digest, found_size = file_digest(whole)
            known = SeenFile(url=url, digest=digest, size=found_size)
            if not self._keeps:
                whole.unlink(missing_ok=True)
        if size is not None and known.size != size:
            raise Refused("size", f"{url} has {known.size} bytes instead of {size}.")
        with self._lock:
            if url not in self._by_url:
                self._by_url[url] = self._by_digest[known.digest] = known
                self._new.append(known)
        return known

    def remember(self) -> None:
        """Have what was seen known in later processes too."""
        with self._lock:
            new, self._new = self._new, []
        self._journal.add(new)

    def copy(self, digest: Digest, target: Path, on_bytes: OnBytes) -> None:
        """Write a file that was seen to another, going on after what of it is there.

        Whoever asks looks at the digest of what has come.

        Raises:
            OutputNotFound: none of this digest was seen, or it is not there any more.
            HubUnreachable: nobody answers there.
        """
        seen = self._known_by(digest)
        if seen is None:
            raise OutputNotFound(
                f"The hub at {self._wire.base_url} is not known to have a file with SHA-256 "
                f"{digest[:12]}..."
            )
        while True:
            try:
                whole = self._fetched(seen.url, seen.size)
                source = whole.open("rb")
                break
            except Refused as refused:
                raise OutputNotFound(f"{refused} It was changed since it was pulled.") from refused
            except FileNotFoundError:
                continue  # another thread was done with it just now
        with source, target.open("ab") as file:
            source.seek(file.seek(0, os.SEEK_END))
            while piece := source.read(PIECE_BYTES):
                file.write(piece)
                on_bytes(len(piece))
        whole.unlink(missing_ok=True)

    def clear(self) -> None:
        """Keep nothing of files that came whole; what has come in part is gone on with.

        What another process has is left to it, unless that must have died long ago.
        """
        for file in self._spool.glob("*.whole"):
            with contextlib.suppress(FileNotFoundError):
                is_own = file.name.split(".")[1] == str(os.getpid())
                if is_own or time.time() - file.stat().st_mtime > LEFT_SEC:
                    file.unlink()

    def _known_at(self, url: str) -> SeenFile | None:
        with self._lock:
            if url not in self._by_url:
                self._read_new()
            return self._by_url.get(url)

    def _known_by(self, digest: Digest) -> SeenFile | None:
        with self._lock:
            if digest not in self._by_digest:
                self._read_new()
            return self._by_digest.get(digest)

    def _read_new(self) -> None:
        """Read what other processes have seen. With the lock."""
        for file in self._journal.new_records():
            self._by_url[file.url] = self._by_digest[file.digest] = file

    def _fetched(self, url: str, size: int | None) -> Path:
        """A file with the bytes at a URL, or those that came before."""
        name = hashlib.sha256(url.encode()).hexdigest()[:32]
        whole = self._spool / f"{name}.{os.getpid()}.whole"
        self._spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        with exclusive(self._spool / f".{name[:2]}.lock"):
            if whole.exists():
                return whole
            partial = self._spool / f"{name}.partial"
            tag = self._spool / f"{name}.tag"
            patience = self._wire.patience()
            with partial.open("ab") as file:
                while True:
                    there = file.seek(0, os.SEEK_END)
                    try:
                        self._add_rest(url, size, file, tag)
                        break
                    except HubUnreachable as error:
                        if file.tell() > there:
                            patience.renew()
                        patience.pause(error)
                    except (OutputNotFound, Refused):
                        partial.unlink(missing_ok=True)
                        raise
            partial.rename(whole)
            tag.unlink(missing_ok=True)
        return whole

    def _add_rest(self, url: str, size: int | None, file: BinaryIO, tag: Path) -> None:
        """Add to a file what follows of the bytes at a URL, if they are still the same ones."""
        headers: dict[str, str] = {}
        if (there := file.tell()) and tag.exists():
            headers = {"range": f"bytes={there}-", "if-range": tag.read_text(encoding="utf-8")}
        with self._wire.stream(url, headers) as reply:
            if reply.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                tag.unlink(missing_ok=True)
                raise HubUnreachable(f"{url} does not go on where it had come to.")
            _check(url, reply)
            if reply.status_code != HTTPStatus.PARTIAL_CONTENT:
                there = 0
                file.truncate(0)
                etag = reply.headers.get("etag", "")
                tag.unlink(missing_ok=True)
                if etag.startswith('"'):
                    tag.write_text(etag, encoding="utf-8")
            for piece in reply.iter_raw(PIECE_BYTES):
                there += len(piece)
                if size is not None and there > size:
                    raise Refused("size", f"{url} has more than the {size} bytes that it is to.")
                file.write(piece)


def _check(url: str, reply: httpx.Response) -> None:
    status = reply.status_code
    if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise HubUnreachable(f"{url} is answered with status {status}.")
    raise OutputNotFound(f"There is no file at {url} any more (status {status}).")
