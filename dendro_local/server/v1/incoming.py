"""Files that come in from any byte on, straight to the disk, with their digest taken on the way.

A sender whose connection broke goes on where what has come ends. A request that hangs, because its
sender is gone and the network does not tell, is passed over after a while: of two that go on with
one file, only the later one writes.
"""

import asyncio
import contextlib
import hashlib
import math
import os
import shutil
import threading
from collections.abc import AsyncGenerator, Callable, Collection
from pathlib import Path
from weakref import WeakValueDictionary

from litestar.exceptions import InternalServerException, ServiceUnavailableException

from dendro_local.errors import DiskFull, IncompleteUpload, InvalidRequest
from dendro_local.model import Digest
from dendro_local.server.site import Site
from dendro_local.server.v1.asking import AnyRequest, Asked
from dendro_local.v1 import Received

__all__ = ["Incoming", "incoming_of", "size_of"]

PIECE_BYTES = 1 << 20
STEP_BYTES = 64 << 20
"""So much is hashed at once of what came when another server was here."""

STALE_SEC = 5.0
"""A request of which nothing came for so long makes way for another."""

RECENT_SEC = 1.0
"""Who sent something of a file within this time may go on with it."""

CHECK_SEC = 20.0
"""How long a request waits for digests; then it is to be asked again, which goes on with them."""

MOST_KNOWN = 200
"""Of so many files something is remembered before those that are gone are forgotten."""

MayCome = Callable[[int, int], None]
"""Refuses bytes, given how many a file has with them and how many they are."""


class _File:
    """A file that comes in."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self.hashed = 0
        """How many bytes, from the beginning, the digest is over."""
        self.receiver: object | None = None
        """Which request may write; None if none does."""
        self.heard = -math.inf
        """When something came last, by the clock of the event loop."""
        self.lock = asyncio.Lock()
        """Held while it is written or read."""

    def hear(self) -> None:
        """Something comes now."""
        self.heard = _now()


class _Writer:
    """A file that is open to be written, in threads; the end of a write is waited for.

    A request may be cancelled while a thread writes for it.
    """

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def size(self) -> int:
        """How many bytes it has."""
        return os.fstat(self._descriptor).st_size

    def empty(self) -> None:
        """Take all bytes away."""
        os.ftruncate(self._descriptor, 0)

    def write(self, piece: bytes, offset: int) -> None:
        """Write bytes where they belong."""
        rest = memoryview(piece)
        with self._lock:
            while rest:
                written = os.pwrite(self._descriptor, rest, offset)
                offset += written
                rest = rest[written:]

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


class Incoming:
    """The files that come in to one server. To be used on the event loop.

    Args:
        site: the server.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._files: dict[Path, _File] = {}
        self._checks: dict[Path, asyncio.Task[Digest]] = {}
        self._locks: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()
        self._closed: set[Path] = set()
        self.together = asyncio.Lock()
        """Held while what came together is kept, so that who asks again finds it."""

    async def receive(
        self,
        request: AnyRequest,
        file: Path,
        check_may_come: MayCome,
        *,
        may_begin_anew: bool = False,
    ) -> None:
        """Add the body of a request to a file. What has come when the connection breaks stays.

        It need not be on the disk when this returns, as long as its digest is looked at before it
        is used.

        Args:
            request: whose body it is.
            file: to which it is added.
            check_may_come: asked before bytes come, with 0 for how many, and again as they do.
            may_begin_anew: whether bytes from 0 on take the place of what has come.

        Raises:
            InvalidRequest: the request does not say where its bytes belong.
            IncompleteUpload: they belong elsewhere than at the end of what has come, or another
                request goes on with it.
            DiskFull: there is no room for it.
            DendroError: as ``check_may_come`` has it.
        """
        offset = _offset_of(request)
        if offset != 0 or not may_begin_anew:
            # Before anything else: whoever is refused is not to be in the way of another.
            _check_offset(offset, size_of(file))
        announced = int(request.headers.get("content-length", "0"))
        check_may_come(offset + announced, 0)
        await self._site.in_thread(self._check_room, file, announced)
        state = self._state(file)
        me = self._begin(state, file)
        writer = await self._site.in_thread(self._opened, file)
        try:
            async with state.lock:
                if offset == 0 and may_begin_anew:
                    writer.empty()
                _check_offset(offset, writer.size())
                if offset == 0 or state.hashed > offset:
                    state.sha256, state.hashed = hashlib.sha256(), 0
            async for piece in _pieces(request, state.hear):
                check_may_come(offset + len(piece), len(piece))
                async with state.lock:
                    if state.receiver is not me:
                        raise IncompleteUpload("Another request goes on with the file.")
                    await self._site.in_thread(self._write, state, writer, offset, piece)
                offset += len(piece)
                state.hear()
        finally:
            writer.close()
            if state.receiver is me:
                state.receiver = None

    async def digests(self, files: Collection[Path]) -> dict[Path, Digest]:
        """The digests of files that have come, in a time in which a request can be answered.

        Raises:
            ServiceUnavailableException: they take longer, and go on being taken.
        """
        tasks = {file: self._check(file) for file in files}
        if tasks:
            await asyncio.wait(tasks.values(), timeout=CHECK_SEC)
        if not all(task.done() for task in tasks.values()):
            raise ServiceUnavailableException(
                "What has come is being checked. Ask again", headers={"retry-after": "1"}
            )
        return {file: task.result() for file, task in tasks.items()}

    async def received(self, file: Path) -> Received:
        """How much of a file has come, and whether somebody sends it at this moment, or just did.

        A request that has made way for another writes nothing any more, so that what has come stays
        as long as it was said to be.
        """
        state = self._files.get(file)
        is_coming = False
        if state is not None:
            if state.receiver is not None and _is_stale(state):
                state.receiver = None
                async with state.lock:  # the end of a write
                    pass
            is_coming = state.receiver is not None or _now() - state.heard < RECENT_SEC
        return Received(offset=size_of(file), is_coming=is_coming)

    @contextlib.asynccontextmanager
    async def closed(self, place: Path) -> AsyncGenerator[None]:
        """A block in which nothing comes in to a file or folder, of one request at a time."""
        lock = self._locks.get(place)
        if lock is None:
            lock = self._locks[place] = asyncio.Lock()
        async with lock:
            self._closed.add(place)
            try:
                for file, state in list(self._files.items()):
                    if file.is_relative_to(place):
                        state.receiver = None
                        async with state.lock:  # the end of a write
                            pass
                yield
            finally:
                self._closed.discard(place)

    def forget(self, place: Path) -> None:
        """Remember nothing of a file, or of those in a folder, that are gone."""
        for file in [each for each in self._files if each.is_relative_to(place)]:
            del self._files[file]
        for file in [each for each in self._checks if each.is_relative_to(place)]:
            del self._checks[file]

    def _begin(self, state: _File, file: Path) -> object:
        if any(file.is_relative_to(place) for place in self._closed):
            raise IncompleteUpload("What has come is being recorded.")
        if state.receiver is not None and not _is_stale(state):
            raise IncompleteUpload("Another request goes on with the file at this moment.")
        self._checks.pop(file, None)
        state.receiver = me = object()
        state.hear()
        return me

    def _check(self, file: Path) -> "asyncio.Task[Digest]":
        found = self._checks.get(file)
        if found is None:
            found = self._checks[file] = asyncio.ensure_future(self._catch_up(file))
        return found

    async def _catch_up(self, file: Path) -> Digest:
        """The digest of all that has come."""
        state = self._state(file)
        async with state.lock:
            while await self._site.in_thread(self._hash_on, state, file):
                pass
            return Digest(state.sha256.hexdigest())

    def _state(self, file: Path) -> _File:
        found = self._files.get(file)
        if found is None:
            if len(self._files) >= MOST_KNOWN:
                for each in [each for each in self._files if not each.exists()]:
                    self.forget(each)
            found = self._files[file] = _File()
        return found

    # In a thread

    def _check_room(self, file: Path, size: int) -> None:
        with self._site.hub.store.reading():
            if shutil.disk_usage(file.parent).free < size:
                raise DiskFull(f"{size:,} bytes are to come, and there is less room.")

    def _opened(self, file: Path) -> _Writer:
        with self._site.hub.store.reading():
            return _Writer(file)

    def _write(self, state: _File, writer: _Writer, offset: int, piece: bytes) -> None:
        with self._site.hub.store.reading():
            writer.write(piece, offset)
        if state.hashed == offset:
            state.sha256.update(piece)
            state.hashed += len(piece)

    def _hash_on(self, state: _File, file: Path) -> bool:
        """Hash more of a file; False when all of it is hashed."""
        try:
            stream = file.open("rb", buffering=0)
        except FileNotFoundError:
            return False  # it was not what it should be, or its job has ended
        with stream:
            stream.seek(state.hashed)
            for _ in range(STEP_BYTES // PIECE_BYTES):
                piece = stream.read(PIECE_BYTES)
                if not piece:
                    return False
                state.sha256.update(piece)
                state.hashed += len(piece)
        return True


def incoming_of(asked: Asked) -> Incoming:
    """The files that come in to the server that is asked."""
    found: Incoming = asked.request.app.state["incoming"]
    return found


def size_of(file: Path) -> int:
    """How many bytes of a file have come; 0 if nothing has."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _offset_of(request: AnyRequest) -> int:
    text = request.headers.get("upload-offset", "")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise InvalidRequest("Upload-Offset must say from which byte on the body is.")
    return int(text)


async def _pieces(request: AnyRequest, hear: Callable[[], None]) -> AsyncGenerator[bytes]:
    """The body of a request in pieces of some size; what came before it broke off, too.

    Args:
        request: whose body it is.
        hear: called whenever some of it comes.

    Raises:
        IncompleteUpload: it broke off.
    """
    pending = bytearray()
    fault: InternalServerException | None = None
    try:
        async for piece in request.stream():
            hear()
            pending += piece
            if len(pending) >= PIECE_BYTES:
                yield bytes(pending)
                pending.clear()
    except InternalServerException as error:  # so the framework says that the client has gone
        fault = error
    if pending:
        yield bytes(pending)
    if fault is not None:
        raise IncompleteUpload("The body broke off.") from fault


def _check_offset(offset: int, there: int) -> None:
    """Refuse bytes that do not go on where those end that are there."""
    if offset != there:
        raise IncompleteUpload(
            f"The body is said to go on at byte {offset}, but {there} bytes are there."
        )


def _is_stale(state: _File) -> bool:
    return _now() - state.heard >= STALE_SEC


def _now() -> float:
    return asyncio.get_running_loop().time()
