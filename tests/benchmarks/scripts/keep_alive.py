"""Clients that ask a server again and again over kept connections, with little of their own.

A client library costs more than the server's answer does, and would be what is measured.
"""

import select
import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

__all__ = ["Asking", "post"]


def post(path: str, body: bytes, key: str | None = None) -> bytes:
    """A request as it goes over the wire."""
    authorization = "" if key is None else f"Authorization: Bearer {key}\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Asking:
    """So many clients at once, each on a connection of its own; whose answers must be 200.

    Args:
        base_url: the server's.
        clients: how many.
    """

    def __init__(self, base_url: str, clients: int) -> None:
        parts = urlsplit(base_url)
        self._sockets = [
            socket.create_connection((parts.hostname, parts.port)) for _ in range(clients)
        ]
        for each in self._sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def once(self, request: bytes) -> float:
        """Ask with one client; how many seconds the answer took."""
        begun = time.perf_counter()
        self._sockets[0].sendall(request)
        self._read(self._sockets[0])
        return time.perf_counter() - begun

    def rate(self, requests: Sequence[bytes], seconds: float) -> float:
        """Ask with all clients at once, each again when it is answered; answers a second."""
        poll = select.epoll()
        by_number = {each.fileno(): each for each in self._sockets}
        position = 0
        for number, each in by_number.items():
            poll.register(number, select.EPOLLIN)
            each.sendall(requests[position % len(requests)])
            position += 1
        answers = 0
        begun = time.perf_counter()
        waiting = set(by_number)
        is_over = False
        while waiting:
            for number, _ in poll.poll(1):
                self._read(by_number[number])
                answers += 1
                is_over = is_over or time.perf_counter() - begun > seconds
                if is_over:
                    waiting.discard(number)
                    continue
                by_number[number].sendall(requests[position % len(requests)])
                position += 1
        return answers / (time.perf_counter() - begun)

    def close(self) -> None:
        """Hang up."""
        for each in self._sockets:
            each.close()

    def _read(self, connection: socket.socket) -> bytes:
        answer = connection.recv(1 << 16)
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(1 << 16)
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(answer.decode(errors="replace"))
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(1 << 16)
        return body
