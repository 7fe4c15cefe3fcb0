"""What a store keeps of a bucket that it exchanges with, so as to know it again."""

from dendro_local.store import Store
from dendro_sync.remotes.kept import BUCKET

__all__ = ["StoreMemory"]


class StoreMemory:
    """Keeps a text about one remote in a store; see `dendro_sync.remotes.bucket.known_bucket`.

    Args:
        store: which.
        remote: the name of the remote, which need not have been added yet.
    """

    def __init__(self, store: Store, remote: str) -> None:
        self._store = store
        self._remote = remote

    def recall(self) -> str:
        """The text that was kept last; empty if there is none."""
        with self._store.reading():
            return self._store.sharing.remotes.cursor(self._remote, BUCKET) or ""

    def keep(self, text: str) -> None:
        """Keep a text instead of the one before, if the remote is still there."""
        remotes = self._store.sharing.remotes
        with self._store.transaction(quietly=True):
            if remotes.get(self._remote) is not None:
                remotes.set_cursor(self._remote, BUCKET, text)
