"""The lock by which a store has one server at a time, and all may know where it is."""

from pathlib import Path

import msgspec

from dendro_local.errors import Conflict
from dendro_local.store.locks import HeldLock, exclusive, is_held

__all__ = ["ServerFacts", "ServerLock", "running_server"]


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Which process serves a store, and where."""

    pid: int
    url: str


class ServerLock:
    """Held by the server of a store until `release`, or until its process ends, however it ends.

    Raises:
        Conflict: another process serves the store; says where.
    """

    def __init__(self, root: Path) -> None:
        with exclusive(root / ".server.lock.taking"):
            found = running_server(root)
            if found is not None:
                raise Conflict(
                    f"The store {root} is served already, at {found.url or 'an address to come'} "
                    f"by process {found.pid}. Use that one, stop it, or choose another store by "
                    "DENDRO_LOCAL_DIR."
                )
            self._lock = HeldLock(_file(root))

    def tell(self, facts: ServerFacts) -> None:
        """Let others know where the server is."""
        self._lock.file.write_bytes(msgspec.json.encode(facts))

    def release(self) -> None:
        """Let another process serve the store."""
        self._lock.release()


def running_server(root: Path) -> ServerFacts | None:
    """Who serves the store in this folder now; None if nobody does."""
    file = _file(root)
    if not is_held(file):
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=ServerFacts)
    except (OSError, msgspec.DecodeError):
        return ServerFacts(pid=0, url="")  # it begins, or ends, this very moment


def _file(root: Path) -> Path:
    return root / "server.lock"
