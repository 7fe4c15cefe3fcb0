"""The digest of a file that is being written, by a thread that follows its end."""

import hashlib
import threading
from pathlib import Path

__all__ = ["AlongsideDigest"]

PIECE_BYTES = 1 << 20
LOOK_SEC = 0.5


class AlongsideDigest:
    """Takes in a file while it grows. `end` is to be called, whatever becomes of it.

    Args:
        file: it is there, and bytes are only added to it.
    """

    def __init__(self, file: Path) -> None:
        self._stream = file.open("rb", buffering=0)  # whoever writes it may remove it any time
        self._sha256 = hashlib.sha256()
        self._has_more = threading.Event()
        self._is_whole = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="dendro-digest", daemon=True)
        self._thread.start()

    def go_on(self) -> None:
        """There is more of the file."""
        self._has_more.set()

    def end(self) -> str:
        """SHA-256 of the whole file, in hexadecimal, now that it grows no more."""
        self._is_whole.set()
        self._has_more.set()
        self._thread.join()
        return self._sha256.hexdigest()

    def _follow(self) -> None:
        buffer = bytearray(PIECE_BYTES)
        view = memoryview(buffer)
        with self._stream as stream:
            while True:
                is_whole = self._is_whole.is_set()  # asked before what it says is read
                while count := stream.readinto(buffer):
                    self._sha256.update(view[:count])
                if is_whole:
                    return
                self._has_more.wait(LOOK_SEC)
                self._has_more.clear()
