"""A way to a hub that holds back what it answers, so that an exchange stays under way."""

import socket
import threading

__all__ = ["GatedProxy"]

LIMIT_SEC = 60.0


class GatedProxy:
    """Passes on what a hub answers up to a number of bytes, and the rest once it is opened.

    Args:
        port: of the hub, on this machine.
        passes_bytes: so many before it is opened.
    """

    def __init__(self, port: int, passes_bytes: int) -> None:
        self._target = ("127.0.0.1", port)
        self._left = passes_bytes
        self._lock = threading.Lock()
        self._is_open = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [self._run(self._accept)]

    def open(self) -> None:
        """Hold nothing back any more."""
        self._is_open.set()

    def close(self) -> None:
        """Take no more connections."""
        self.open()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(LIMIT_SEC)

    def _run(self, call: object, *args: object) -> threading.Thread:
        thread = threading.Thread(target=call, args=args, daemon=True)  # type: ignore[arg-type]  # all are called so
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            hub = socket.create_connection(self._target)
            self._run(self._pass_on, client, hub, False)
            self._run(self._pass_on, hub, client, True)

    def _pass_on(self, source: socket.socket, target: socket.socket, is_gated: bool) -> None:
        try:
            while data := source.recv(65_536):
                if is_gated:
                    with self._lock:
                        self._left -= len(data)
                        is_held = self._left < 0
                    if is_held:
                        self._is_open.wait(LIMIT_SEC)
                target.sendall(data)
        except OSError:
            pass  # one side has hung up
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
