"""A file that comes from elsewhere: written at its end, and digested, while more of it comes.

What is large is written by a thread, so that the disk and the network work at once, and digested
by another. It is written past the system's cache where the file system lets one: that takes a
fraction of the work, leaves to others what they have in the cache, and at the end nearly all is on
the disk.
"""

import hashlib
import mmap
import os
import queue
import threading
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from dendro_local.model import Digest

__all__ = ["GrowingFile", "PIECE_BYTES"]

PIECE_BYTES = 1 << 20
"""So much is written at once."""

BLOCK_BYTES = 4096
"""What is written past the cache begins and ends at multiples of it: of the largest that disks
have."""

LARGE_BYTES = 4 << 20
SMALLEST_BYTES = 64 << 10
MOST_BUFFERS = 8
"""So many pieces are in memory at most, when what brings them is faster than the disk. They are
lost when this process is killed; what is in the file then has no gaps."""


class GrowingFile:
    """Takes bytes at the end of a file, which is made if need be. To be closed.

    What cannot be written raises OSError, at the latest when the file is flushed or closed.

    Args:
        file: what of it is there stays.
        expected: about how many bytes will come. For fewer than `LARGE_BYTES` there is no digest:
            to read them again is faster.
    """

    def __init__(self, file: Path, expected: int) -> None:
        self._output = _Output(file, past_cache=expected >= LARGE_BYTES)
        self._handed_on = self._output.size()
        self._filled = 0
        self._line: _Line | None = None
        self.digest: Digest | None = None
        """Of the whole file, once it is closed; None if it was not taken."""
        if expected >= LARGE_BYTES:
            self._line = _Line(self._output, file, self._handed_on)
            self._buffer = self._line.buffer()
        else:
            self._buffer = memoryview(bytearray(min(max(expected, SMALLEST_BYTES), PIECE_BYTES)))

    @property
    def size(self) -> int:
        """How many bytes there are, with those that are still to be written."""
        return self._handed_on + self._filled

    def room(self) -> memoryview:
        """Memory for the bytes that follow; see `grow`."""
        return self._buffer[self._filled : self._end()]

    def grow(self, count: int) -> None:
        """So many bytes at the beginning of the `room` are the next of the file."""
        self._filled += count
        if self._filled == self._end():
            self._hand_on()

    def flush(self) -> None:
        """Have all in the file that has come."""
        self._hand_on()
        if self._line is not None:
            self._line.wait()

    def clear(self) -> None:
        """Take all bytes away. No digest will be taken then."""
        if self._line is not None:
            self._line.end()
            self._line = None
        self._filled = self._handed_on = 0
        self._output.clear()

    def close(self) -> None:
        """Have all in the file that has come, and let go of it."""
        try:
            self.flush()
        finally:
            if self._line is not None:
                self.digest = self._line.end()
            self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _end(self) -> int:
        """Up to where the buffer is filled: pieces begin at multiples of their size."""
        return min(len(self._buffer), PIECE_BYTES - self._handed_on % PIECE_BYTES)

    def _hand_on(self) -> None:
        """Let what is in the buffer be written, now or soon."""
        if not self._filled:
            return
        piece, first = self._buffer[: self._filled], self._handed_on
        self._handed_on, self._filled = first + self._filled, 0
        if self._line is None:
            self._output.write(piece, first)
        else:
            self._buffer = self._line.take(self._buffer, piece, first)


class _Output:
    """The file that is written, past the system's cache as far as that can be."""

    def __init__(self, file: Path, *, past_cache: bool) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._past_cache = _opened_past_cache(file) if past_cache else None

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def write(self, rest: memoryview, first: int) -> None:
        """Write bytes from a place on, all of them."""
        while rest:
            if self._past_cache is not None and not (first | len(rest)) % BLOCK_BYTES:
                try:
                    count = os.pwrite(self._past_cache, rest, first)
                except OSError:
                    # Not on this file system after all; what else is wrong shows at once.
                    self._close_past_cache()
                    continue
            else:
                count = os.pwrite(self._descriptor, rest, first)
            first += count
            rest = rest[count:]

    def clear(self) -> None:
        os.ftruncate(self._descriptor, 0)

    def close(self) -> None:
        self._close_past_cache()
        os.close(self._descriptor)

    def _close_past_cache(self) -> None:
        if self._past_cache is not None:
            os.close(self._past_cache)
            self._past_cache = None


_Filled = tuple[memoryview, memoryview, int]
"""A buffer, what of it is filled, and where in the file that comes to lie."""


class _Line:
    """A thread that writes what comes in buffers, in its order, and one that digests it then."""

    def __init__(self, output: _Output, file: Path, size: int) -> None:
        self._output = output
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        self._to_write: queue.SimpleQueue[_Filled | threading.Event | None] = queue.SimpleQueue()
        self._to_digest: queue.SimpleQueue[_Filled | None] = queue.SimpleQueue()
        self._sha256 = hashlib.sha256()
        self._buffers = 0
        self._fault: OSError | None = None
        self._has_beginning = True
        # Opened now: whoever wants the file may remove it any time.
        stream = file.open("rb", buffering=0)
        self._threads = (
            threading.Thread(target=self._write, name="dendro-write", daemon=True),
            threading.Thread(
                target=self._digest, args=(stream, size), name="dendro-digest", daemon=True
            ),
        )
        for thread in self._threads:
            thread.start()

    def buffer(self) -> memoryview:
        """A buffer to be filled; waits for one if there are many."""
        if self._buffers < MOST_BUFFERS and self._free.empty():
            self._buffers += 1
            # Not a bytearray: what is written past the cache must begin where a page does.
            return memoryview(mmap.mmap(-1, PIECE_BYTES))
        return self._free.get()

    def take(self, buffer: memoryview, piece: memoryview, first: int) -> memoryview:
        """Take over a buffer with a piece of the file. Another to be filled next.

        Raises:
            OSError: an earlier piece could not be written.
        """
        self._to_write.put((buffer, piece, first))
        found = self.buffer()
        self._check()
        return found

    def wait(self) -> None:
        """Wait until all is written.

        Raises:
            OSError: it could not be.
        """
        is_written = threading.Event()
        self._to_write.put(is_written)
        is_written.wait()
        self._check()

    def end(self) -> Digest | None:
        """The digest of all that was there and came; None if what was there cannot be read."""
        self._to_write.put(None)
        for thread in self._threads:
            thread.join()
        return Digest(self._sha256.hexdigest()) if self._has_beginning else None

    def _check(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _write(self) -> None:
        while (told := self._to_write.get()) is not None:
            if isinstance(told, threading.Event):
                told.set()
                continue
            _, piece, first = told
            if self._fault is None:  # else it would leave a gap
                try:
                    self._output.write(piece, first)
                except OSError as error:
                    self._fault = error
            self._to_digest.put(told)
        self._to_digest.put(None)

    def _digest(self, stream: FileIO, size: int) -> None:
        try:
            with stream:
                self._take_beginning(stream, size)
        except OSError:
            # The buffers must go on; whoever reads the file for its digest is told what is wrong.
            self._has_beginning = False
        while (filled := self._to_digest.get()) is not None:
            buffer, piece, _ = filled
            self._sha256.update(piece)
            self._free.put(buffer)

    def _take_beginning(self, stream: FileIO, size: int) -> None:
        view = memoryview(bytearray(min(size, PIECE_BYTES)))
        while size and (count := stream.readinto(view[:size])):
            self._sha256.update(view[:count])
            size -= count


def _opened_past_cache(file: Path) -> int | None:
    """The file, open to be written past the system's cache; None where there is no such thing."""
    if not hasattr(os, "O_DIRECT"):
        return None
    try:
        return os.open(file, os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError:
        return None
