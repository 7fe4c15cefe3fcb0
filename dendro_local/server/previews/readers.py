"""Asks a process of its own what is in a file, so that no file can harm the hub.

The process has little time and memory, opens nothing but the file, and is ended when it takes too
long. There are only a few at once. What it says of a file that cannot change is kept a while.
"""

import asyncio
import os
import subprocess
import sys
import threading
from collections import OrderedDict

import msgspec

from dendro_local.server.previews.reading.question import Question, Reply

__all__ = ["Readers"]

MOST_AT_ONCE = 2
MOST_SEC = 20.0
"""How long one file is read, and how long one waits for others to be read before."""

MOST_REPLY_BYTES = 4 << 20
KEPT_BYTES = 16 << 20

READING = "dendro_local.server.previews.reading"
"""The module that reads."""

NOT_READ = "This file could not be read: "

_reply = msgspec.json.Decoder(Reply)


class Readers:
    """The processes that read files for one hub."""

    def __init__(self, *, most_sec: float = MOST_SEC) -> None:
        self._most_sec = most_sec
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._kept: OrderedDict[tuple[str, bytes], bytes] = OrderedDict()
        self._kept_bytes = 0

    async def ask(self, descriptor: int, digest: str | None, question: Question) -> Reply:
        """What is in a file.

        Args:
            descriptor: of the file, open for reading.
            digest: of its bytes; None if they may change.
            question: which part of it is wanted.

        Returns:
            If the file cannot be read, or is not read in time, a reply that says so.
        """
        asked = msgspec.json.encode(question)
        kept = None if digest is None else self._kept.get((digest, asked))
        if kept is not None and digest is not None:
            self._kept.move_to_end((digest, asked))
            return _reply.decode(kept)
        try:
            async with asyncio.timeout(self._most_sec):
                await self._room.acquire()
        except TimeoutError:
            return Reply(fault="The hub reads too many other files at this moment. Try again.")
        try:
            content = await self._read(descriptor, asked)
        finally:
            self._room.release()
        if isinstance(content, Reply):
            return content
        try:
            found = _reply.decode(content)
        except msgspec.MsgspecError:
            return Reply(fault=f"{NOT_READ}its reader gave no sense.")
        if digest is not None:
            self._keep((digest, asked), content)
        return found

    async def _read(self, descriptor: int, asked: bytes) -> bytes | Reply:
        reader = _Reader(os.dup(descriptor), asked, self._most_sec)
        try:
            return await asyncio.to_thread(reader.run)
        finally:
            reader.end()  # nobody waits for it any more

    def _keep(self, key: tuple[str, bytes], content: bytes) -> None:
        self._kept_bytes += len(content) - len(self._kept.get(key, b""))
        self._kept[key] = content
        while self._kept_bytes > KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest)


class _Reader:
    """One process that reads a file.

    It is started by a thread and not by the event loop: uvloop runs Python between fork and exec,
    which can wait for ever for a lock that another thread had, and all of the hub with it.

    Args:
        descriptor: of the file; it is closed when this has run.
        asked: what is wanted of it, as JSON.
        most_sec: how long it may take.
    """

    def __init__(self, descriptor: int, asked: bytes, most_sec: float) -> None:
        self._descriptor = descriptor
        self._asked = asked
        self._most_sec = most_sec
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._has_ended = False

    def run(self) -> bytes | Reply:
        """What it says, or why it says nothing."""
        try:
            process = self._start()
        finally:
            os.close(self._descriptor)
        if process is None or process.stdout is None:
            return Reply(fault=f"{NOT_READ}nobody waits for it any more.")
        is_late = threading.Event()

        def end_late() -> None:
            is_late.set()
            self.end()

        timer = threading.Timer(self._most_sec, end_late)
        timer.start()
        try:
            with process.stdout:
                content = process.stdout.read(MOST_REPLY_BYTES + 1)
            if len(content) > MOST_REPLY_BYTES:
                return Reply(fault=f"{NOT_READ}there is too much in this part of it to be shown.")
            status = process.wait()
        finally:
            timer.cancel()
            self.end()
            process.wait()
        if is_late.is_set():
            return Reply(fault=f"{NOT_READ}that took more than {self._most_sec:g} s.")
        if status != 0 or not content:
            return Reply(
                fault=f"{NOT_READ}it is damaged, or needs more time or memory than a preview may "
                "take. It can still be downloaded."
            )
        return content

    def end(self) -> None:
        """End the process, or have none started."""
        with self._lock:
            self._has_ended = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._has_ended:
                return None
            self._process = subprocess.Popen(
                # Nothing of the environment or the current folder comes into it.
                [sys.executable, "-I", "-B", "-m", READING, self._asked.decode()],
                stdin=self._descriptor,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
            return self._process


def _environment() -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ},
        "HDF5_PLUGIN_PRELOAD": "::",  # loads no filters from anywhere
        "HDF5_USE_FILE_LOCKING": "FALSE",
        "OPENBLAS_NUM_THREADS": "1",
        "BLOSC_NTHREADS": "1",
        "NUMCODECS_BLOSC_NTHREADS": "1",
    }
