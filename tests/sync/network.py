"""A bad network between a hub and who asks it: it cuts, throttles, stalls, repeats and counts.

What goes over it is read along as HTTP, so that it can tell how often the bytes of a file went.
"""

import contextlib
import random
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

import httptools

__all__ = ["Network"]

PIECE_BYTES = 16 << 10

SEGMENT_BYTES = 1400
BUFFER_BYTES = 64 << 10

END_SEC = 30.0
"""Nobody waits longer for the answer to a request that was repeated."""


class Network:
    """Passes connections on to a port of this machine, until `close`.

    Attributes:
        url: where it listens.
        upstream: the port; a hub that is started again may have another.
        sent: bytes of bodies that went to the hub and were no JSON, by path.
        received: the same of what came from it.
        cuts: how many connections were cut in the middle of an exchange, by its path.
        repeated: how many requests the hub got a second time, by path.
    """

    def __init__(self, upstream: int = 0) -> None:
        self.upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        # As between machines. Otherwise some MB are on their way that nobody has taken.
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self.cuts: Counter[str] = Counter()
        self.repeated: Counter[str] = Counter()
        self.lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._stall_after: int | None = None
        self._draw_cut: Callable[[], int] | None = None
        self._cuts_left = 0
        self._draw_repeat: Callable[[], str] = lambda: ""
        self._bytes_a_sec: float | None = None
        self._is_free_at = 0.0
        self._is_closed = False
        self._open: set[_Connection] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at_random(self, choose: random.Random, *, most_bytes: int, times: int) -> None:
        """Cut each new connection once so many bytes went over it, up or down.

        Args:
            choose: chooses at which byte.
            most_bytes: at this one at the latest.
            times: how many connections are cut; those after them are left alone.
        """
        self._cuts_left = times
        self._draw_cut = lambda: choose.randint(1, most_bytes)

    def repeat_at_random(self, choose: random.Random) -> None:
        """Let the hub have some requests a second time, beside the first or behind it.

        They go over connections of their own, and nobody is told the answer to them.
        """
        self._draw_repeat = lambda: choose.choice(["", "beside", "behind"])

    def throttle(self, bytes_a_sec: float | None) -> None:
        """Let only so much through, in both directions together; None for no limit."""
        self._bytes_a_sec = bytes_a_sec

    def stall(self, after_bytes: int = 0) -> None:
        """Pass nothing on any more once so many bytes more did, and break nothing."""
        with self.lock:
            self._stall_after = after_bytes

    def heal(self) -> None:
        """Be a good network again, and pass on what was stalled."""
        self._draw_cut = None
        self._draw_repeat = lambda: ""
        self._bytes_a_sec = None
        self._stall_after = None
        self._flows.set()

    def cut(self) -> None:
        """Cut all connections."""
        with self.lock:
            found = list(self._open)
        for each in found:
            each.end()

    def close(self) -> None:
        """Let nothing through any more."""
        self._is_closed = True
        self._flows.set()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                near.close()  # the hub is down
                continue
            connection = _Connection(self, near, far, self.draw_cut())
            with self.lock:
                self._open.add(connection)
            connection.begin()

    # For connections

    def draw_cut(self) -> int | None:
        """After how many bytes a new connection is cut; None for never."""
        return None if self._draw_cut is None else self._draw_cut()

    def may_cut(self, path: str) -> bool:
        """Whether a connection is cut now, in the middle of an exchange over this path."""
        with self.lock:
            if self._draw_cut is None or not self._cuts_left:
                return False
            self._cuts_left -= 1
            self.cuts[path] += 1
            return True

    def draw_repeat(self) -> str:
        """Whether a request is repeated: beside itself, behind itself, or not if empty."""
        return self._draw_repeat()

    def repeat(self, path: str) -> socket.socket:
        """A connection for a request that is repeated; its answer is read by nobody."""
        twin = socket.create_connection(("127.0.0.1", self.upstream), timeout=END_SEC)
        with self.lock:
            self.repeated[path] += 1
        threading.Thread(target=_throw_away, args=(twin,), daemon=True).start()
        return twin

    def pace(self, size: int) -> None:
        """Return when so many bytes may go on."""
        with self.lock:
            if self._stall_after is not None:
                self._stall_after -= size
                if self._stall_after < 0:
                    self._flows.clear()
        self._flows.wait()
        if self._bytes_a_sec is None:
            return
        with self.lock:
            now = time.monotonic()
            self._is_free_at = max(now, self._is_free_at) + size / self._bytes_a_sec
            wait = self._is_free_at - now
        time.sleep(wait)

    def forget(self, connection: "_Connection") -> None:
        """A connection has ended."""
        with self.lock:
            self._open.discard(connection)


class _Connection:
    """One connection, and the exchanges over it, one after another."""

    def __init__(
        self, network: Network, near: socket.socket, far: socket.socket, cut_after: int | None
    ) -> None:
        self._network = network
        self._near = near
        self._far = far
        self._left = cut_after
        self._paths: deque[str] = deque()
        self._requests = _Messages(self._begin_request, network.sent)
        self._answers = _Messages(self._begin_answer, network.received)
        self._reads_request = httptools.HttpRequestParser(self._requests)
        self._reads_answer = httptools.HttpResponseParser(self._answers)
        self._raw = bytearray()
        self._repeat = ""
        self._twin: socket.socket | None = None

    def begin(self) -> None:
        """Pass on what comes, in threads."""
        for pass_on in (self._up, self._down):
            threading.Thread(target=pass_on, daemon=True).start()

    def end(self) -> None:
        """Break it off. What was passed on still comes."""
        for each in (self._near, self._far):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _up(self) -> None:
        self._pass_on(self._near, self._far, self._sends)
        for each in (self._near, self._far, self._twin):
            if each is not None:
                each.close()
        self._network.forget(self)

    def _down(self) -> None:
        self._pass_on(self._far, self._near, self._reads_answer.feed_data)

    def _pass_on(
        self, source: socket.socket, target: socket.socket, passes: Callable[[bytes], object]
    ) -> None:
        try:
            while piece := source.recv(PIECE_BYTES):
                self._network.pace(len(piece))
                going, is_cut = self._until_cut(piece)
                passes(going)  # before somebody can answer to it
                target.sendall(going)
                if is_cut:
                    break
        except OSError:
            pass  # one of them has ended it
        finally:
            self.end()

    def _until_cut(self, piece: bytes) -> tuple[bytes, bool]:
        """What of a piece goes on, and whether it is cut then."""
        with self._network.lock:
            if self._left is None:
                return piece, False
            self._left -= len(piece)
            end = len(piece) + self._left
        if self._left >= 0:
            return piece, False
        path = self._paths[-1] if self._paths else ""
        if self._network.may_cut(path):
            return piece[: max(0, end)], True
        self._left = None
        return piece, False

    # Of requests

    def _sends(self, piece: bytes) -> None:
        before = self._requests.ended
        self._reads_request.feed_data(piece)
        self._raw += piece
        if self._repeat == "beside" and self._twin is None:
            self._twin = self._network.repeat(self._paths[-1])
            self._twin.sendall(self._raw)
        elif self._twin is not None:
            self._twin.sendall(piece)
        if self._requests.ended == before:
            return
        # The next request begins when this one was answered, so with a piece of its own.
        if self._repeat == "behind":
            self._network.repeat(self._paths[-1]).sendall(self._raw)
        self._repeat, self._twin = "", None
        self._raw.clear()

    def _begin_request(self) -> str:
        path = httptools.parse_url(bytes(self._requests.url)).path.decode()
        self._paths.append(path)
        self._repeat = self._network.draw_repeat()
        return path

    def _begin_answer(self) -> str:
        # Whoever waits for an answer asks nothing else over this connection.
        return self._paths[-1]


class _Messages:
    """Follows messages of one direction; the parser calls this."""

    def __init__(self, begin: Callable[[], str], count: Counter[str]) -> None:
        self._begin = begin
        self._count = count
        self._path = ""
        self._is_json = False
        self.url = bytearray()
        self.ended = 0

    def on_message_begin(self) -> None:
        self.url.clear()
        self._is_json = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._is_json |= name.lower() == b"content-type" and b"json" in value

    def on_headers_complete(self) -> None:
        self._path = self._begin()

    def on_body(self, body: bytes) -> None:
        if not self._is_json:
            self._count[self._path] += len(body)

    def on_message_complete(self) -> None:
        self.ended += 1


def _throw_away(twin: socket.socket) -> None:
    """Read what comes until nothing comes any more."""
    with twin, contextlib.suppress(OSError):
        while twin.recv(PIECE_BYTES):
            pass
