"""A network between a hub and whoever asks it, that can be cut, stalled and measured."""

import contextlib
import itertools
import socket
import struct
import threading
from collections.abc import Callable

__all__ = ["Proxy"]

PIECE_BYTES = 64 << 10


class Proxy:
    """Passes connections on to a port of this machine, until `close`.

    Attributes:
        url: where it listens.
        sent: how many bytes went to the hub.
        received: how many came from it.
    """

    def __init__(self, port: int) -> None:
        self.upstream = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = 0
        self.received = 0
        self._lock = threading.Lock()
        self._open: set[tuple[socket.socket, socket.socket]] = set()
        self._is_closed = False
        self._is_refusing = False
        self._flows = threading.Event()
        self._flows.set()
        self._cut_at_sent: int | None = None
        self._cut_at_received: int | None = None
        self._lost: list[list[bytes]] = []
        self._held: list[list[bytes]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after_sending(self, size: int) -> None:
        """Break all connections once so many bytes more have gone to the hub."""
        self._cut_at_sent = self.sent + size

    def cut_after_receiving(self, size: int) -> None:
        """Break all connections once so many bytes more have come from the hub."""
        self._cut_at_received = self.received + size

    @property
    def has_cut(self) -> bool:
        """Whether connections were broken as `cut_after_sending` and its like have it."""
        return self._cut_at_sent is None and self._cut_at_received is None

    def lose_answer(self, *words: str) -> None:
        """Pass on the next request with these in its first line, and break it off then."""
        self._lost.append([word.encode() for word in words])

    @property
    def has_lost(self) -> bool:
        """Whether every answer that was to be lost is."""
        return not self._lost

    def hold(self, *words: str) -> None:
        """Pass the next request with these in its first line on to nobody."""
        self._held.append([word.encode() for word in words])

    @property
    def is_holding(self) -> bool:
        """Whether every request that was to be held is."""
        return not self._held

    def split(self) -> None:
        """Break all connections with what is on its way, and let none through."""
        self._is_refusing = True
        self._end_all(_break)

    def heal(self) -> None:
        """Let connections through again, and what was stalled."""
        self._is_refusing = False
        self._flows.set()

    def stall(self) -> None:
        """Pass nothing on, and break nothing."""
        self._flows.clear()

    def cut(self) -> None:
        """Break all connections. What has been sent still comes."""
        self._end_all(_end)

    def close(self) -> None:
        """Let nothing through any more."""
        self._is_closed = True
        self._flows.set()
        self._listener.close()
        self.cut()

    def _end_all(self, end: Callable[[socket.socket], None]) -> None:
        with self._lock:
            for each in itertools.chain.from_iterable(self._open):
                end(each)
            self._open.clear()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._is_refusing:
                _break(near)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                _break(near)  # the hub is down
                continue
            with self._lock:
                self._open.add((near, far))
            loses = threading.Event()
            for is_up in (True, False):
                passing = threading.Thread(
                    target=self._pass_on, args=(near, far, is_up, loses), daemon=True
                )
                passing.start()

    def _pass_on(
        self, near: socket.socket, far: socket.socket, is_up: bool, loses: threading.Event
    ) -> None:
        source, target = (near, far) if is_up else (far, near)
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                self._flows.wait()
                if is_up and _takes(piece, self._held):
                    continue
                if is_up and _takes(piece, self._lost):
                    loses.set()
                elif not is_up and loses.is_set():
                    break
                target.sendall(piece)
                if self._counts(len(piece), is_up=is_up):
                    self.cut()
        with self._lock:
            self._open.discard((near, far))
        _end(near)
        _end(far)

    def _counts(self, size: int, *, is_up: bool) -> bool:
        """Count bytes that went through; whether all is to be cut now."""
        with self._lock:
            if is_up:
                self.sent += size
                is_cut = self._cut_at_sent is not None and self.sent >= self._cut_at_sent
                self._cut_at_sent = None if is_cut else self._cut_at_sent
            else:
                self.received += size
                is_cut = (
                    self._cut_at_received is not None and self.received >= self._cut_at_received
                )
                self._cut_at_received = None if is_cut else self._cut_at_received
            return is_cut


def _takes(piece: bytes, wanted: list[list[bytes]]) -> bool:
    """Whether a request begins here that is one of those wanted, which is wanted no more then."""
    line = piece.partition(b"\r\n")[0]
    for words in wanted:
        if all(word in line for word in words):
            wanted.remove(words)
            return True
    return False


def _end(connection: socket.socket) -> None:
    """End a connection so that all that was sent over it comes."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _break(connection: socket.socket) -> None:
    """End a connection as a network does that breaks."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
