"""Files on the web, of which only the bytes that are needed are fetched.

A DANDI asset's URL leads, by a redirect, to where the file lies, for some minutes if the Dandiset
is embargoed. It is followed once, and anew when that place does not answer any more. Only DANDI's
own API is shown the key.
"""

from __future__ import annotations

import io
import os
import time
from collections import OrderedDict

import requests

from dendro_local.sdk import job_secret

BLOCK_BYTES = 128 * 1024
"""What is fetched at least: structures of HDF5 are small, and lie close to each other."""

MAX_CACHED_BLOCKS = 512
MAX_READ_AHEAD_BLOCKS = 64
LARGE_BYTES = 8 * 1024 * 1024
"""A read of so much is not kept: it is data, which is read once."""

ATTEMPTS = 5
SILENCE_SEC = 60.0
DANDI_APIS = ("https://api.dandiarchive.org/api/", "https://api-staging.dandiarchive.org/api/")


class NoRanges(Exception):
    """The server gives whole files only."""


class RemoteFile(io.RawIOBase):
    """A file at an http(s) URL, read by requests for ranges of its bytes.

    Args:
        url: where it is. It is the URL that stays: what it redirects to may not.

    Attributes:
        size: of the file, in bytes.
        bytes_fetched: how many have been received so far.

    Raises:
        NoRanges: the server does not know ranges.
        OSError: it cannot be read.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.size = 0
        self.bytes_fetched = 0
        self._session = requests.Session()
        self._place: str | None = None
        self._tag: str | None = None
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next_block = -1
        self._read_ahead = 0
        self._keep(0, self._fetch(0, BLOCK_BYTES))

    def read_range(self, start: int, length: int) -> bytes:
        """The bytes from ``start`` on: ``length`` of them, or fewer at the end of the file.

        Raises:
            OSError: they cannot be read, or the file is not the one that it was.
        """
        end = min(start + length, self.size)
        if end <= start:
            return b""
        if end - start >= LARGE_BYTES:
            return self._fetch(start, end)
        first, last = start // BLOCK_BYTES, (end - 1) // BLOCK_BYTES
        self._bring(first, last)
        joined = b"".join(self._blocks[block] for block in range(first, last + 1))
        offset = start - first * BLOCK_BYTES
        self._forget_oldest()
        return joined[offset : offset + end - start]

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read on from the current position."""
        found = self.read_range(self._position, len(buffer))
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position, which costs nothing."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Close the connection."""
        if not self.closed:
            self._session.close()
            self._blocks.clear()
        super().close()

    def _bring(self, first: int, last: int) -> None:
        """Have these blocks in memory, and some more if the file is being read in order."""
        is_in_order = self._next_block - 1 <= first <= self._next_block
        missing = [block for block in range(first, last + 1) if block not in self._blocks]
        if missing:
            grown = min(max(1, 2 * self._read_ahead), MAX_READ_AHEAD_BLOCKS)
            self._read_ahead = grown if is_in_order else 0
            stop = missing[-1] + 1
            while stop <= missing[-1] + self._read_ahead and stop not in self._blocks:
                stop += 1
            end = min(stop * BLOCK_BYTES, self.size)
            self._keep(missing[0], self._fetch(missing[0] * BLOCK_BYTES, end))
        for block in range(first, last + 1):
            self._blocks.move_to_end(block)
        self._next_block = last + 1

    def _keep(self, first: int, received: bytes) -> None:
        for number, start in enumerate(range(0, len(received), BLOCK_BYTES), first):
            self._blocks[number] = received[start : start + BLOCK_BYTES]

    def _forget_oldest(self) -> None:
        while len(self._blocks) > MAX_CACHED_BLOCKS:
            self._blocks.popitem(last=False)

    def _fetch(self, start: int, end: int) -> bytes:
        """The bytes from ``start`` to before ``end``, of the web's file as it was at first."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._fetch_once(start, end)
            except (requests.RequestException, _TryAgain) as error:
                self._place = None  # it may have been for some minutes only
                if attempt == ATTEMPTS:
                    raise OSError(f"{_shown(self.url)} cannot be read: {error}.") from error
                time.sleep(0.25 * 2**attempt)
        raise AssertionError("unreachable")

    def _fetch_once(self, start: int, end: int) -> bytes:
        headers = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
        if self._place is None:
            headers.update(_authorization(self.url))
        with self._session.get(
            self._place or self.url, headers=headers, timeout=SILENCE_SEC, stream=True
        ) as response:
            status = response.status_code
            if status == requests.codes.ok:
                raise NoRanges(f"{_shown(self.url)} is served as a whole only.")
            if status in (401, 403) and self._place is None:
                raise OSError(
                    f"{_shown(self.url)} may not be read (HTTP status {status}). If it is an "
                    "embargoed file of DANDI, give the job the secret DANDI_API_KEY."
                )
            if status in (404, 410, 416):
                raise OSError(f"{_shown(self.url)} cannot be read: HTTP status {status}.")
            if status != requests.codes.partial_content:
                raise _TryAgain(f"HTTP status {status}")
            self._check_same(response)
            received = response.content
        self._place = response.url
        self.bytes_fetched += len(received)
        if len(received) != min(end, self.size) - start:
            raise _TryAgain(f"{len(received)} of {end - start} bytes were received")
        return received

    def _check_same(self, response: requests.Response) -> None:
        size = int(response.headers["Content-Range"].rpartition("/")[2])
        tag = response.headers.get("ETag")
        if self.size == 0:
            self.size, self._tag = size, tag
        elif (size, tag) != (self.size, self._tag):
            raise OSError(f"{_shown(self.url)} was changed while it was being read.")


class _TryAgain(Exception):
    """What went wrong may go well next time."""


def _authorization(url: str) -> dict[str, str]:
    """What tells DANDI who asks; nothing for another server, or without a key."""
    if not url.startswith(_dandi_apis()):
        return {}
    key = job_secret("DANDI_API_KEY") or os.environ.get("DANDI_API_KEY")
    return {"Authorization": f"token {key}"} if key else {}


def _dandi_apis() -> tuple[str, ...]:
    own = os.environ.get("DENDRO_DANDI_API_URL")
    return (*DANDI_APIS, own.rstrip("/") + "/") if own else DANDI_APIS


def _shown(url: str) -> str:
    return url.partition("?")[0]  # what follows may be a signature
